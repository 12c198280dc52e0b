import { UserError } from '../../src/common/errors';

/** What the contest's score is made of. */
export interface ContestParts {
  /** Share of pixels (0..1) that the segmenter gives the class of the label map. */
  maskAccuracy: number;
  /** Mean aesthetic score, 0..10. */
  aesthetic: number;
  /** Frechet inception distance; counts as 100 from there on. */
  fid: number;
}

/**
 * The contest's total score, 0..1: maskAccuracy * (0.5 * aesthetic / 10 + 0.5 * (100 - FID) / 100), FID capped at 100
 * (Jittor landscape contest 2022; both rows of the original's table follow from it).
 */
export function contestScore({ maskAccuracy, aesthetic, fid }: ContestParts): number {
  const inside = (v: number, low: number, high: number, name: string) => {
    if (!(v >= low && v <= high)) throw new UserError(`contest score: ${name} is ${v}, it has to lie between ${low} and ${high}.`);
  };
  inside(maskAccuracy, 0, 1, 'mask accuracy');
  inside(aesthetic, 0, 10, 'aesthetic');
  // Rounding can put the FID of a set against itself a hair below zero.
  inside(fid, -1e-3, Infinity, 'FID');
  const capped = Math.min(Math.max(fid, 0), 100);
  return maskAccuracy * (0.5 * (aesthetic / 10) + 0.5 * ((100 - capped) / 100));
}

/** A row of the results table. What was not measured is left out, and shown as such; nothing is filled in. */
export interface ResultsRow {
  /** `BICUBIC`, `RCAN`, or what else made the final size. */
  scaling: string;
  maskAccuracy?: number;
  aesthetic?: number;
  fid?: number;
  /** Only where all three parts are there. */
  score?: number;
}

/** A row with its score, if its parts allow one. */
export function resultsRow(row: Omit<ResultsRow, 'score'>): ResultsRow {
  const { maskAccuracy, aesthetic, fid } = row;
  if (maskAccuracy === undefined || aesthetic === undefined || fid === undefined) return { ...row };
  return { ...row, score: contestScore({ maskAccuracy, aesthetic, fid }) };
}

/** The contest's own results of the original (its README), for comparison. */
export const PUBLISHED_ROWS: readonly Required<ResultsRow>[] = [
  { scaling: 'BICUBIC', maskAccuracy: 0.9028, aesthetic: 4.9005, fid: 44.6153, score: 0.4712 },
  { scaling: 'RCAN', maskAccuracy: 0.9037, aesthetic: 4.9004, fid: 42.7708, score: 0.48 },
];

/** The table in the form of the original's README, as Markdown. */
export function resultsTable(rows: readonly ResultsRow[]): string {
  const cell = (v: number | undefined) => (v === undefined ? '-' : v.toFixed(4));
  return [
    '| scaling | mask accuracy | aesthetic | FID | score |',
    '| :----: | :----: | :----: | :----: | :----: |',
    ...rows.map((r) => `| ${r.scaling} | ${[r.maskAccuracy, r.aesthetic, r.fid, r.score].map(cell).join(' | ')} |`),
  ].join('\n');
}
