/** One quantity beside its reference. Arrays are told by their largest magnitudes; their deviation is that of the worst element. */
export interface Row {
  quantity: string;
  /** The reference's value; of an array the largest magnitude. */
  reference: number | string;
  /** The same of what is computed here. */
  ours: number | string;
  /** What the deviation is measured against: the largest magnitude of the reference unless `note` says otherwise. */
  scale: number;
  /** The largest absolute deviation. NaN where there is nothing to compare the reference with, which breaks the limit. */
  error: number;
  /** The largest absolute deviation allowed; undefined for what is shown, not judged. */
  limit?: number;
  /** Rows of one group stand as one line, that of the worst, in Markdown. */
  group?: string;
  note?: string;
}

/** Rows that share a reference. */
export interface Section {
  title: string;
  /** Who computed the reference, and how. */
  reference: string;
  rows: Row[];
  /** What a reader has to know: limits, what could not be compared. */
  notes: string[];
}

export const isOk = (row: Row): boolean => row.limit === undefined || row.error <= row.limit;

/** How far a row is towards its limit: 1 is at it. Rows without a limit count least. */
export const severity = (row: Row): number => (row.limit === undefined ? -1 : row.error === 0 ? 0 : row.error / row.limit || Infinity);
