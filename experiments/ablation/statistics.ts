/** The statistics of an ablation: means and deviations over the seeds, and which differences are larger than these. */
import { UserError } from '../../src/common/errors';
import { readJson } from '../../src/common/files';
import { momentsOf } from '../../src/metrics/moments';

/** A metric of an ablation. */
export interface AblationMetric {
  better: 'higher' | 'lower';
  /** How it is called. */
  name?: string;
  unit?: string;
  /** The network that judged, or how it is computed. */
  by?: string;
}

/** One training of one variant. */
export interface AblationRun {
  variant: string;
  /** What is varied. The group `baseline` is what the variants of all others are compared with; without it, a group's first variant is. */
  group: string;
  seed: number;
  metrics: Record<string, number>;
  /** Of training. */
  seconds?: number;
}

/** What the ablation command leaves. */
export interface Ablation {
  'created by'?: string;
  settings?: Record<string, unknown>;
  metrics: Record<string, AblationMetric>;
  /** What images that no network painted reach, such as photographs. */
  references?: Record<string, Record<string, number>>;
  runs: AblationRun[];
}

/** Reads an ablation's file. @throws UserError that names the file and what is wrong with it */
export async function readAblation(file: string): Promise<Ablation> {
  const parsed = readJson(file) as Partial<Ablation> | null;
  const problem = problemOf(parsed);
  if (problem) throw new UserError(`${file} is not an ablation: ${problem}.`);
  return parsed as Ablation;
}

function problemOf(a: Partial<Ablation> | null): string | undefined {
  if (typeof a?.metrics !== 'object' || a.metrics === null || !Object.keys(a.metrics).length) return "'metrics' names none";
  for (const [name, m] of Object.entries(a.metrics)) {
    if (m?.better !== 'higher' && m?.better !== 'lower') return `metrics.${name}.better is neither 'higher' nor 'lower'`;
  }
  if (!Array.isArray(a.runs) || !a.runs.length) return "'runs' holds none";
  const bad = a.runs.findIndex((r) => typeof r?.variant !== 'string' || typeof r.group !== 'string' || typeof r.metrics !== 'object' || r.metrics === null);
  if (bad >= 0) return `run ${bad} lacks its variant, group or metrics`;
  return undefined;
}

/** How a variant stands to what it is compared with. */
export type Verdict = 'baseline' | 'better' | 'worse' | 'within the spread' | 'one seed';

/** A variant's figures for one metric over its seeds. */
export interface AblationSummary {
  group: string;
  variant: string;
  metric: string;
  values: number[];
  mean: number;
  /** Sample standard deviation; 0 of one seed. */
  deviation: number;
  verdict: Verdict;
}

/** The group of what all others are compared with. */
export const BASELINE_GROUP = 'baseline';

/**
 * Means and spreads of all variants, group by group, the one that the others are compared with first. A variant is better or worse only where
 * the means differ by more than both deviations together and both have two seeds or more; everything else is within the spread.
 */
export function summariseAblation({ metrics, runs }: Ablation): AblationSummary[] {
  const groups = [...new Set(runs.map((r) => r.group))];
  const varied = groups.length > 1 ? groups.filter((g) => g !== BASELINE_GROUP) : groups;
  return Object.entries(metrics).flatMap(([metric, { better }]) =>
    varied.flatMap((group) => {
      const own = runs.filter((r) => (r.group === group || r.group === BASELINE_GROUP) && Number.isFinite(r.metrics[metric]));
      // The baseline comes first wherever it stands in the file.
      own.sort((a, b) => Number(b.group === BASELINE_GROUP) - Number(a.group === BASELINE_GROUP));
      const variants = [...new Set(own.map((r) => r.variant))].map((variant) => {
        const values = own.filter((r) => r.variant === variant).map((r) => r.metrics[metric]);
        return { group, variant, metric, values, ...momentsOf(values) };
      });
      return variants.map((v) => ({ ...v, verdict: verdictOf(v, variants[0], better) }));
    }),
  );
}

export type Spread = Pick<AblationSummary, 'values' | 'mean' | 'deviation'>;

export function verdictOf(variant: Spread, baseline: Spread, better: 'higher' | 'lower'): Verdict {
  if (variant === baseline) return 'baseline';
  if (variant.values.length < 2 || baseline.values.length < 2) return 'one seed';
  const gain = (variant.mean - baseline.mean) * (better === 'higher' ? 1 : -1);
  if (Math.abs(gain) <= variant.deviation + baseline.deviation) return 'within the spread';
  return gain > 0 ? 'better' : 'worse';
}

/** The mean with as many digits as two of its deviation; with four where there is none. */
export function meanText({ mean, deviation, values }: Spread): string {
  if (values.length < 2 || !(deviation > 0)) return numberText(mean);
  const decimals = Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(Number(deviation.toPrecision(2))))));
  return `${mean.toFixed(decimals)} ± ${deviation.toFixed(decimals)}`;
}

/** A single number, with four digits; a dash where there is none. */
export const numberText = (value: number | undefined) => (Number.isFinite(value) ? String(Number(value!.toPrecision(4))) : '–');
