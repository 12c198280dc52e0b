/** Means and spreads of an ablation, what stands beyond the spread, and the file that figures are drawn from. */
import { UserError } from '../../src/common/errors';
import { FIGURE_KEYS, type FigureKey, type Measured, type MetricInfo } from './measure';
import type { RunResult } from './run';
import type { AblationSettings } from './settings';
import { BASELINE, VARIANTS, type Group } from './variants';

/** A figure over the seeds. */
export interface Spread {
  mean: number;
  /** Standard deviation over the seeds (n - 1); 0 of one. */
  spread: number;
  n: number;
}

export interface VariantSummary {
  variant: string;
  group: Group;
  figures: Partial<Record<FigureKey, Spread>>;
  /** Seconds of training, mean over the seeds. */
  seconds: number;
}

/** What images that no network painted reach, by the same judges. */
export interface References {
  photographs: Measured;
  meanColours: Measured;
}

export interface AblationFile {
  'created by': string;
  settings: Record<string, unknown>;
  metrics: Partial<Record<FigureKey, MetricInfo>>;
  references: { photographs: Measured['metrics']; 'mean colours': Measured['metrics'] };
  runs: { variant: string; group: Group; seed: number; metrics: Measured['metrics']; seconds: number }[];
}

export function spreadOf(values: readonly number[]): Spread {
  const n = values.length;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  return { mean, spread: n < 2 ? 0 : Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / (n - 1)), n };
}

/**
 * How a variant stands to the baseline: only a difference of the means above both spreads together counts, and none where there is but one run.
 */
export function compare(variant: Spread, baseline: Spread, better: 'higher' | 'lower'): 'better' | 'worse' | 'no difference' {
  const difference = (variant.mean - baseline.mean) * (better === 'higher' ? 1 : -1);
  const inside = Math.abs(difference) <= variant.spread + baseline.spread;
  if (inside || variant.n < 2 || baseline.n < 2) return 'no difference';
  return difference > 0 ? 'better' : 'worse';
}

/** The variants that have finished runs, in their order. @throws UserError where runs were judged by different networks */
export function summarise(runs: readonly RunResult[]): VariantSummary[] {
  infoOf(runs);
  return VARIANTS.flatMap(({ name, group }) => {
    const own = runs.filter((r) => r.variant === name);
    if (!own.length) return [];
    const figures: VariantSummary['figures'] = {};
    for (const key of FIGURE_KEYS) {
      const values = own.map((r) => r.metrics[key]).filter((v): v is number => v !== undefined);
      if (values.length) figures[key] = spreadOf(values);
    }
    return [{ variant: name, group, figures, seconds: spreadOf(own.map((r) => r.seconds)).mean }];
  });
}

/** Who judged. */
export function infoOf(measured: readonly Pick<Measured, 'info'>[]): Partial<Record<FigureKey, MetricInfo>> {
  const info: Partial<Record<FigureKey, MetricInfo>> = {};
  for (const run of measured) {
    for (const key of FIGURE_KEYS) {
      const own = run.info[key];
      if (own && info[key] && own.by !== info[key]!.by) {
        throw new UserError(`ablation: ${own.name} was judged by '${info[key]!.by}' and by '${own.by}'; remove the result.json of the runs: they are measured again, not trained.`);
      }
      if (own) info[key] ??= own;
    }
  }
  return info;
}

const digits = (key: FigureKey) => (key === 'fid' || key === 'psnr' ? 2 : 3);
const MARKS = { better: ' +', worse: ' -', 'no difference': '' };

/** Mean and spread of every variant, as Markdown. */
export function ablationTable(runs: readonly RunResult[], references?: References): string {
  const summaries = summarise(runs);
  const info = infoOf(runs);
  const keys = FIGURE_KEYS.filter((key) => info[key]);
  const baseline = summaries.find((s) => s.group === 'baseline');
  const cell = (s: VariantSummary, key: FigureKey) => {
    const own = s.figures[key];
    if (!own) return '-';
    const other = s === baseline ? undefined : baseline?.figures[key];
    const spread = own.n > 1 ? ` ± ${own.spread.toFixed(digits(key))}` : '';
    return `${own.mean.toFixed(digits(key))}${spread}${other ? MARKS[compare(own, other, info[key]!.better)] : ''}`;
  };
  const arrow = (key: FigureKey) => `${info[key]!.name} ${info[key]!.better === 'higher' ? '↑' : '↓'}`;
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const reference = (name: string, { metrics }: Measured) => row([name, '', ...keys.map((k) => metrics[k]?.toFixed(digits(k)) ?? '-'), '']);
  return [
    row(['variant', 'runs', ...keys.map(arrow), 'seconds']),
    row(['---', ...keys.map(() => '---'), '---', '---']),
    ...summaries.map((s) => row([s.variant, String(Math.max(...Object.values(s.figures).map((f) => f.n))), ...keys.map((k) => cell(s, k)), s.seconds.toFixed(0)])),
    ...(references ? [reference('(photographs)', references.photographs), reference('(mean colours)', references.meanColours)] : []),
  ].join('\n');
}

/** A sentence for each variant beside the baseline: what is better or worse beyond the spread, and what is not. */
export function ablationSentences(runs: readonly RunResult[]): string[] {
  const summaries = summarise(runs);
  const info = infoOf(runs);
  const baseline = summaries.find((s) => s.group === 'baseline');
  if (!baseline) return [];
  return summaries.filter((s) => s !== baseline).map((s) => {
    const found: Record<ReturnType<typeof compare>, string[]> = { better: [], worse: [], 'no difference': [] };
    for (const key of FIGURE_KEYS) {
      const [own, other] = [s.figures[key], baseline.figures[key]];
      if (own && other) found[compare(own, other, info[key]!.better)].push(info[key]!.name);
    }
    const parts = (['better', 'worse', 'no difference'] as const).filter((k) => found[k].length).map((k) => `${k} in ${found[k].join(', ')}`);
    return `${s.variant} (${s.group}), beside the baseline: ${parts.join('; ')}.`;
  });
}

/** What `figures/ablation.json` holds. */
export function ablationFile(command: string, settings: AblationSettings, runs: readonly RunResult[], references: References): AblationFile {
  return {
    'created by': command,
    settings: { ...settings, baseline: BASELINE, seeds: new Set(runs.map((r) => r.seed)).size },
    metrics: infoOf([...runs, references.photographs, references.meanColours]),
    references: { photographs: references.photographs.metrics, 'mean colours': references.meanColours.metrics },
    runs: runs.map(({ variant, group, seed, metrics, seconds }) => ({ variant, group, seed, metrics, seconds })),
  };
}
