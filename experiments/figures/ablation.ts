import type { DataFrame } from 'danfojs-node';
import { readFile } from 'node:fs/promises';
import type { Data, Layout, Shape } from 'plotly.js';
import { UserError } from '../../src/common/errors';
import { parseJson } from '../../src/common/json';
import { LINE_COLOURS } from '../../src/figures/colours';
import { axisTitle, EVALUATION_MEASURES } from './evaluation_curves';
import type { Figure } from '../../src/figures/figure';
import { Plot } from '../../src/figures/plot';
import { COLUMN } from './print';
import { tableFigure } from './table';
import { wrapText } from '../../src/figures/text';

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
  const text = await readFile(file, 'utf8').catch((e: NodeJS.ErrnoException) => {
    throw new UserError(`${file} cannot be read (${e.code}).`, { cause: e });
  });
  let parsed: Partial<Ablation> | null;
  try {
    parsed = parseJson(text) as Partial<Ablation> | null;
  } catch (e) {
    throw new UserError(`${file} is not JSON (${(e as Error).message}).`, { cause: e });
  }
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

const BASELINE = 'baseline';

/**
 * Means and spreads of all variants, group by group, the one that the others are compared with first. A variant is better or worse only where
 * the means differ by more than both deviations together and both have two seeds or more; everything else is within the spread.
 */
export function summariseAblation({ metrics, runs }: Ablation): AblationSummary[] {
  const groups = [...new Set(runs.map((r) => r.group))];
  const varied = groups.length > 1 ? groups.filter((g) => g !== BASELINE) : groups;
  return Object.entries(metrics).flatMap(([metric, { better }]) =>
    varied.flatMap((group) => {
      const own = runs.filter((r) => (r.group === group || r.group === BASELINE) && Number.isFinite(r.metrics[metric]));
      // The baseline comes first wherever it stands in the file.
      own.sort((a, b) => Number(b.group === BASELINE) - Number(a.group === BASELINE));
      const variants = [...new Set(own.map((r) => r.variant))].map((variant) => {
        const values = own.filter((r) => r.variant === variant).map((r) => r.metrics[metric]);
        return { group, variant, metric, values, ...momentsOf(values) };
      });
      return variants.map((v) => ({ ...v, verdict: verdictOf(v, variants[0], better) }));
    }),
  );
}

function momentsOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((s, v) => s + (v - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}

type Spread = Pick<AblationSummary, 'values' | 'mean' | 'deviation'>;

function verdictOf(variant: Spread, baseline: Spread, better: 'higher' | 'lower'): Verdict {
  if (variant === baseline) return 'baseline';
  if (variant.values.length < 2 || baseline.values.length < 2) return 'one seed';
  const gain = (variant.mean - baseline.mean) * (better === 'higher' ? 1 : -1);
  if (Math.abs(gain) <= variant.deviation + baseline.deviation) return 'within the spread';
  return gain > 0 ? 'better' : 'worse';
}

/** The summaries as a table of numbers. */
export async function ablationFrame(ablation: Ablation): Promise<DataFrame> {
  const { DataFrame } = await import('danfojs-node');
  return new DataFrame(
    summariseAblation(ablation).map(({ values, ...s }) => ({ ...s, deviation: values.length > 1 ? s.deviation : null, seeds: values.length })),
  );
}

function labelOf(key: string, { name, unit }: AblationMetric): string {
  if (name) return unit ? `${name} (${unit})` : name;
  return EVALUATION_MEASURES.find((m) => m.column === key)?.label ?? key;
}

/** Blue, green and orange of Okabe and Ito; what shows no difference is grey, and hollow too. */
const COLOURS: Record<Verdict, string> = {
  baseline: LINE_COLOURS[0],
  better: LINE_COLOURS[2],
  worse: LINE_COLOURS[1],
  'within the spread': '#555555',
  'one seed': '#555555',
};
const isHollow = (verdict: Verdict) => verdict === 'within the spread' || verdict === 'one seed';

// Pixels around and of the panels.
const [LEFT, RIGHT, TOP, BOTTOM] = [120, 20, 92, 76];
/** From five metrics on panels are lower, so that the figure stays on a page, and their axes have no units: the table has. */
const panelHeight = (metrics: number) => (metrics <= MANY ? 220 : 130);
const MANY = 4;

/**
 * An ablation's runs: a row of panels for each metric, a panel for each group, in it a dot for each seed, a line at the mean and a bar of a
 * standard deviation to each side. The band is the baseline's: a variant whose bar touches it shows no difference and is drawn hollow.
 */
export function ablationFigure(ablation: Ablation, { title = 'Ablation', width = COLUMN } = {}): Plot {
  const summaries = summariseAblation(ablation);
  const metrics = Object.entries(ablation.metrics).filter(([name]) => summaries.some((s) => s.metric === name));
  const groups = [...new Set(summaries.map((s) => s.group))];
  const variantsOf = (group: string) => [...new Set(summaries.filter((s) => s.group === group).map((s) => s.variant))];
  const counts = groups.map((g) => variantsOf(g).length);
  const height = TOP + BOTTOM + panelHeight(metrics.length) * metrics.length;
  const data: Data[] = [];
  const layout: Record<string, unknown> = {};
  const shapes: Partial<Shape>[] = [];
  const gapX = 0.03;
  const gapY = 30 / (height - TOP - BOTTOM);
  const unit = (1 - gapX * (groups.length - 1)) / counts.reduce((a, b) => a + b, 0);
  const high = (1 - gapY * (metrics.length - 1)) / metrics.length;
  const plotWidth = width - LEFT - RIGHT;
  metrics.forEach(([name, metric], row) => {
    const all = summaries.filter((s) => s.metric === name);
    const ends = all.flatMap((s) => [...s.values, s.mean - s.deviation, s.mean + s.deviation]);
    const [low, top] = [Math.min(...ends), Math.max(...ends)];
    const room = 0.12 * (top - low || Math.abs(top) || 1);
    groups.forEach((group, column) => {
      const id = row * groups.length + column;
      const axis = id === 0 ? '' : String(id + 1);
      const left = counts.slice(0, column).reduce((a, b) => a + b, 0) * unit + gapX * column;
      const upper = 1 - row * (high + gapY);
      const variants = variantsOf(group);
      const lowest = row === metrics.length - 1;
      layout[`xaxis${axis}`] = {
        domain: [left, Math.min(1, left + counts[column] * unit)],
        anchor: `y${axis}`,
        range: [-0.5, variants.length - 0.5],
        tickmode: 'array',
        tickvals: variants.map((_, i) => i),
        ticktext: variants.map((v) => wrapText(v, unit * plotWidth - 6, 12).join('<br>')),
        tickangle: 0,
        tickfont: { size: 12 },
        showticklabels: lowest,
        showgrid: false,
        zeroline: false,
        title: lowest ? { text: `<b>${group}</b>`, standoff: 12, font: { size: 13 } } : undefined,
      };
      layout[`yaxis${axis}`] = {
        domain: [Math.max(0, upper - high), upper],
        anchor: `x${axis}`,
        range: [low - room, top + room],
        nticks: 6,
        showticklabels: column === 0,
        // The margin is fixed, since the key above starts at its left.
        automargin: false,
        title: column === 0 ? { text: axisTitle(metrics.length > MANY ? (metric.name ?? labelOf(name, metric)) : labelOf(name, metric), metric.better, high * (height - TOP - BOTTOM)), font: { size: 13 }, standoff: 6 } : undefined,
      };
      const on = { xref: `x${axis}` as 'x', yref: `y${axis}` as 'y' };
      const own = all.filter((s) => s.group === group);
      const baseline = own.find((s) => s.verdict === 'baseline');
      if (baseline && baseline.values.length > 1) {
        const [y0, y1] = [baseline.mean - baseline.deviation, baseline.mean + baseline.deviation];
        shapes.push({ type: 'rect', ...on, x0: -0.5, x1: variants.length - 0.5, y0, y1, layer: 'below', fillcolor: '#cfe3f1', line: { width: 0 } });
      }
      for (const s of own) {
        const x = variants.indexOf(s.variant);
        const colour = COLOURS[s.verdict];
        shapes.push({ type: 'line', ...on, x0: x, x1: x, y0: s.mean - s.deviation, y1: s.mean + s.deviation, line: { color: colour, width: 1.5 } });
        shapes.push({ type: 'line', ...on, x0: x - 0.22, x1: x + 0.22, y0: s.mean, y1: s.mean, line: { color: colour, width: 2.5 } });
        data.push({
          type: 'scatter',
          mode: 'markers',
          name: s.variant,
          xaxis: `x${axis}`,
          yaxis: `y${axis}`,
          showlegend: false,
          // Seeds side by side, so that equal values do not hide each other.
          x: s.values.map((_, i) => x + 0.09 * (i - (s.values.length - 1) / 2)),
          y: s.values,
          marker: { size: 8, symbol: isHollow(s.verdict) ? 'circle-open' : 'circle', color: colour, line: { color: colour, width: 1.8 } },
          hovertemplate: `${group}, ${s.variant}: %{y:.4g} (${s.verdict})<extra></extra>`,
        });
      }
    });
  });
  const key = 'dot: one seed; line: mean; bar: one standard deviation; band: that of the baseline. Green: better, orange: worse; hollow: the bar touches the band, or there is one seed, so that no difference is shown.';
  const annotations = wrapText(key, width - 24, 12).map((text, i) => ({
    text,
    x: 0,
    y: 1,
    xref: 'paper' as const,
    yref: 'paper' as const,
    xanchor: 'left' as const,
    yanchor: 'top' as const,
    xshift: 12 - LEFT,
    yshift: TOP - 34 - 16 * i,
    showarrow: false,
    font: { size: 12, color: '#555555' },
  }));
  return new Plot(
    {
      data,
      layout: {
        ...(layout as Partial<Layout>),
        title: { text: title, y: 1 - 20 / height, yanchor: 'middle' },
        annotations,
        shapes,
        margin: { l: LEFT, r: RIGHT, t: TOP, b: BOTTOM },
      },
    },
    { width, height },
  );
}

/** Means with their deviations over the seeds, how each variant stands to the baseline, and what images that no network painted reach. */
export function ablationTable(ablation: Ablation, title = 'Ablation: means over the seeds'): Figure {
  const summaries = summariseAblation(ablation);
  const names = Object.keys(ablation.metrics).filter((name) => summaries.some((s) => s.metric === name));
  const hasBaseline = ablation.runs.some((r) => r.group === BASELINE);
  // A common baseline stands in every group; one row of it is enough.
  const groupOf = (s: AblationSummary) => (hasBaseline && s.verdict === 'baseline' ? '–' : s.group);
  const keys = [...new Map(summaries.map((s) => [`${groupOf(s)}\n${s.variant}`, s])).values()];
  const note =
    'Mean ± standard deviation over the seeds. "better" and "worse": the means differ from the baseline\'s by more than both deviations together; "within the spread": they do not, and no difference is claimed.';
  const judges = names.flatMap((n) => (ablation.metrics[n].by ? [`${labelOf(n, ablation.metrics[n])} by ${ablation.metrics[n].by}`] : []));
  const common = { title, note: [note, ...(judges.length ? [`${judges.join('; ')}.`] : [])].join(' ') };
  if (names.length > MANY) return longTable(ablation, names, groupOf, common);
  const cell = (s: AblationSummary | undefined) => (s ? `${meanText(s)}\n${s.verdict}` : '–');
  const rows = keys.map((key) => [
    groupOf(key),
    key.variant,
    String(key.values.length),
    ...names.map((metric) => cell(summaries.find((s) => s.group === key.group && s.variant === key.variant && s.metric === metric))),
  ]);
  const references = Object.entries(ablation.references ?? {}).map(([name, values]) => [
    '–',
    name,
    '–',
    ...names.map((metric) => (Number.isFinite(values[metric]) ? String(Number(values[metric].toPrecision(4))) : '–')),
  ]);
  return tableFigure({
    ...common,
    columns: ['varied', 'variant', 'seeds', ...names.map((n) => `${labelOf(n, ablation.metrics[n])}, ${ablation.metrics[n].better} is better`)],
    rows: [...rows, ...references],
    ruled: [...keys.flatMap((k, i) => (i > 0 && groupOf(k) !== groupOf(keys[i - 1]) ? [i] : [])), keys.length],
  });
}

/** Many metrics: a row for each of a variant's figures, metric by metric. */
function longTable(ablation: Ablation, names: readonly string[], groupOf: (s: AblationSummary) => string, common: { title: string; note: string }): Figure {
  const summaries = summariseAblation(ablation);
  const blocks = names.map((metric) => {
    const own = new Map(summaries.filter((s) => s.metric === metric).map((s) => [`${groupOf(s)}\n${s.variant}`, s]));
    const label = `${labelOf(metric, ablation.metrics[metric])}, ${ablation.metrics[metric].better} is better`;
    const rows = [...own.values()].map((s) => [groupOf(s), s.variant, String(s.values.length), meanText(s), s.verdict]);
    const references = Object.entries(ablation.references ?? {}).filter(([, values]) => Number.isFinite(values[metric]));
    const all = [...rows, ...references.map(([name, values]) => ['–', name, '–', String(Number(values[metric].toPrecision(4))), '–'])];
    return all.map((row, i) => [i === 0 ? label : '', ...row]);
  });
  const starts = blocks.map((_, i) => blocks.slice(0, i).flat().length).slice(1);
  return tableFigure({ ...common, columns: ['figure', 'varied', 'variant', 'seeds', 'mean', 'against the baseline'], rows: blocks.flat(), ruled: starts });
}

/** The mean with as many digits as two of its deviation; with four where there is none. */
function meanText({ mean, deviation, values }: AblationSummary): string {
  if (values.length < 2 || !(deviation > 0)) return String(Number(mean.toPrecision(4)));
  const decimals = Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(deviation))));
  return `${mean.toFixed(decimals)} ± ${deviation.toFixed(decimals)}`;
}
