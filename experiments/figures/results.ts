import { UserError } from '../../src/common/errors';
import { readText } from '../../src/common/files';
import { parseJson } from '../../src/common/json';
import { PUBLISHED_ROWS, type ResultsRow } from '../evaluation/contest_score';
import type { Metric } from '../../src/metrics/metric';
import type { Figure } from '../../src/figures/figure';
import { tableFigure } from './table';

/** What `npm run evaluate -- --json` prints. */
export interface EvaluationFile {
  row: ResultsRow;
  metrics: Metric[];
  missing: string[];
  /** Which segmenter judged, and why. */
  segmenter: string;
}

/**
 * Reads what `npm run evaluate -- --json > FILE` wrote; lines that npm prints before it are passed over. @throws UserError that names the
 * file if it is something else
 */
export async function readEvaluation(file: string): Promise<EvaluationFile> {
  const text = readText(file);
  const start = /^\{/m.exec(text)?.index ?? 0;
  let parsed: Partial<EvaluationFile> | null = null;
  try {
    parsed = parseJson(text.slice(start)) as Partial<EvaluationFile> | null;
  } catch {
    // Not JSON: the sentence below.
  }
  if (typeof parsed?.row?.scaling !== 'string' || !Array.isArray(parsed.metrics)) {
    throw new UserError(`${file} is not what \`npm run evaluate -- --json\` prints; write its output into a file and give that.`);
  }
  const numbers = [parsed.row.maskAccuracy, parsed.row.aesthetic, parsed.row.fid, parsed.row.score, ...parsed.metrics.map((m) => m?.value)];
  if (numbers.some((v) => v !== undefined && typeof v !== 'number')) throw new UserError(`${file} holds a figure that is not a number; evaluate again.`);
  return { missing: [], segmenter: '', ...parsed } as EvaluationFile;
}

const COLUMNS = ['scaling', 'mask accuracy', 'aesthetic', 'FID', 'score'];

/**
 * The results table: a row for each evaluation, below a line the two published rows of the original, which the contest's own judges gave.
 * What was not measured is a dash.
 */
export function resultsFigure(evaluations: readonly Pick<EvaluationFile, 'row' | 'metrics' | 'segmenter'>[], title = 'Results'): Figure {
  const cell = (v: number | undefined) => (v === undefined ? '–' : v.toFixed(4));
  const cells = (row: ResultsRow, name = row.scaling, star = '') => [name, cell(row.maskAccuracy), cell(row.aesthetic), cell(row.fid) + star, cell(row.score)];
  // A distance by another network than the canonical Inception bears another name.
  const isOther = ({ row, metrics }: Pick<EvaluationFile, 'row' | 'metrics'>) => row.fid !== undefined && !metrics.some((m) => m.name === 'FID');
  const judges = [...new Set(evaluations.map((e) => e.segmenter).filter(Boolean))];
  return tableFigure({
    title,
    columns: COLUMNS,
    rows: [
      ...evaluations.map((e) => cells(e.row, e.row.scaling, isOther(e) ? ' *' : '')),
      ...PUBLISHED_ROWS.map((row) => cells(row, `${row.scaling}, published`)),
    ],
    ruled: [evaluations.length],
    note: [
      ...judges,
      ...(evaluations.some(isOther) ? ['* A Frechet distance by another network than the canonical Inception, which is no FID.'] : []),
      "The published rows are the original's in the contest, whose judges and test images were never published: they compare with each other only.",
    ].join(' '),
  });
}

/** Every measured figure with its interval, and the same of real images and of flat colours where they were measured. */
export function measuresFigure(evaluations: readonly Pick<EvaluationFile, 'row' | 'metrics'>[], title = 'What was measured'): Figure {
  const digits = (m: Metric) => (/^(FID|Frechet distance)$/.test(m.name) ? 2 : 4);
  const rowsOf = ({ row, metrics }: Pick<EvaluationFile, 'row' | 'metrics'>) =>
    metrics.map((m) => [
      m.unit ? `${m.name} (${m.unit})` : m.name,
      Object.keys(m.n)
        .map((kind) => (kind === 'generated' ? row.scaling : kind))
        .join(' and '),
      m.value.toFixed(digits(m)),
      m.interval ? `${m.interval.low.toFixed(digits(m))} to ${m.interval.high.toFixed(digits(m))}` : '–',
      Object.entries(m.n)
        .map(([kind, n]) => (m.sizes[kind] ? `${n} of ${m.sizes[kind]}` : String(n)))
        .join('; '),
    ]);
  const all = evaluations.flatMap((e) => e.metrics);
  const networks = [...new Set(all.flatMap((m) => m.network ?? []))];
  return tableFigure({
    title,
    columns: ['figure', 'of', 'value', '95 % interval', 'images'],
    rows: evaluations.flatMap(rowsOf),
    ruled: all.flatMap((m, i) => (i > 0 && m.name !== all[i - 1].name ? [i] : [])),
    note: networks.length ? `Networks: ${networks.join('; ')}.` : undefined,
  });
}
