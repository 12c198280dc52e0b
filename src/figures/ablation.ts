import type { DataFrame } from 'danfojs-node';
import { readFile } from 'node:fs/promises';
import type { Data, Layout, Shape } from 'plotly.js';
import { UserError } from '../errors';
import { parseJson } from '../json';
import { LINE_COLOURS } from './colours';
import { axisTitle, EVALUATION_MEASURES } from './evaluation_curves';
import type { Figure } from './figure';
import { Plot } from './plot';
import { COLUMN } from './print';
import { tableFigure } from './table';
import { wrapText } from './text';

/** A metric of an ablation. */
export interface AblationMetric {
  better: 'higher' | 'lower';
  /** How it is called, with its unit. Default: its name. */
  label?: string;
}

/** One training of one variant. */
export interface AblationRun {
  variant: string;
  /** What is compared: variants of one group differ in one thing. */
  group: string;
  seed: number;
  metrics: Record<string, number>;
}

/** What the ablation command leaves. */
export interface Ablation {
  'created by'?: string;
  settings?: Record<string, unknown>;
  metrics: Record<string, AblationMetric>;
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

/** How a variant stands to the best one of its group. */
export type Verdict = 'best mean' | 'apart from the best' | 'within the spread' | 'one seed: no spread known';

/** A variant's figures for one metric over its seeds. */
export interface AblationSummary {
  group: string;
  variant: string;
  metric: string;
  values: number[];
  mean: number;
  /** Sample standard deviation; NaN for one seed. */
  deviation: number;
  min: number;
  max: number;
  verdict: Verdict;
}

/**
 * Means and spreads of all variants. A variant is called apart from the best one of its group only where the ranges of their seeds do not
 * touch, and only if both have two seeds or more; everything else is within the spread.
 */
export function summariseAblation({ metrics, runs }: Ablation): AblationSummary[] {
  const groups = [...new Set(runs.map((r) => r.group))];
  return Object.entries(metrics).flatMap(([metric, { better }]) =>
    groups.flatMap((group) => {
      const own = runs.filter((r) => r.group === group && Number.isFinite(r.metrics[metric]));
      const variants = [...new Set(own.map((r) => r.variant))].map((variant) => {
        const values = own.filter((r) => r.variant === variant).map((r) => r.metrics[metric]);
        return { group, variant, metric, values, ...momentsOf(values) };
      });
      const sign = better === 'higher' ? 1 : -1;
      const [best] = [...variants].sort((a, b) => sign * (b.mean - a.mean));
      return variants.map((v) => ({ ...v, verdict: verdictOf(v, best) }));
    }),
  );
}

function momentsOf(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / (values.length - 1));
  return { mean, deviation, min: Math.min(...values), max: Math.max(...values) };
}

type Spread = Pick<AblationSummary, 'values' | 'min' | 'max'>;

function verdictOf(variant: Spread, best: Spread): Verdict {
  if (variant.values.length < 2 || best.values.length < 2) return variant === best ? 'best mean' : 'one seed: no spread known';
  if (variant === best) return 'best mean';
  return variant.min > best.max || variant.max < best.min ? 'apart from the best' : 'within the spread';
}

/** The summaries as a table of numbers. */
export async function ablationFrame(ablation: Ablation): Promise<DataFrame> {
  const { DataFrame } = await import('danfojs-node');
  return new DataFrame(
    summariseAblation(ablation).map(({ values, ...s }) => ({ ...s, deviation: values.length > 1 ? s.deviation : null, seeds: values.length })),
  );
}

const labelOf = (name: string, metric: AblationMetric) => metric.label ?? EVALUATION_MEASURES.find((m) => m.column === name)?.label ?? name;

// Pixels around and of the panels.
const [LEFT, RIGHT, TOP, BOTTOM, PANEL] = [92, 20, 92, 76, 220];

/**
 * An ablation's runs: a row of panels for each metric, a panel for each group, in it a dot for each seed, a bar over the seeds' range and a
 * line at the mean. The band is the range of the best variant; what overlaps it is drawn hollow, as no difference can be claimed there.
 */
export function ablationFigure(ablation: Ablation, { title = 'Ablation', width = COLUMN } = {}): Plot {
  const summaries = summariseAblation(ablation);
  const metrics = Object.entries(ablation.metrics).filter(([name]) => summaries.some((s) => s.metric === name));
  const groups = [...new Set(summaries.map((s) => s.group))];
  const variantsOf = (group: string) => [...new Set(summaries.filter((s) => s.group === group).map((s) => s.variant))];
  const counts = groups.map((g) => variantsOf(g).length);
  const height = TOP + BOTTOM + PANEL * metrics.length;
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
    const [low, top] = [Math.min(...all.map((s) => s.min)), Math.max(...all.map((s) => s.max))];
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
        title: column === 0 ? { text: axisTitle(labelOf(name, metric), metric.better, high * (height - TOP - BOTTOM)), font: { size: 13 }, standoff: 6 } : undefined,
      };
      const on = { xref: `x${axis}` as 'x', yref: `y${axis}` as 'y' };
      const own = all.filter((s) => s.group === group);
      const best = own.find((s) => s.verdict === 'best mean');
      if (best && best.values.length > 1) {
        const band = { x0: -0.5, x1: variants.length - 0.5, y0: best.min, y1: best.max };
        shapes.push({ type: 'rect', ...on, ...band, layer: 'below', fillcolor: '#cfe3f1', line: { width: 0 } });
      }
      for (const s of own) {
        const x = variants.indexOf(s.variant);
        const clear = s.verdict === 'best mean' || s.verdict === 'apart from the best';
        const colour = s.verdict === 'best mean' ? LINE_COLOURS[0] : clear ? LINE_COLOURS[1] : '#555555';
        shapes.push({ type: 'line', ...on, x0: x, x1: x, y0: s.min, y1: s.max, line: { color: colour, width: 1.5 } });
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
          marker: { size: 8, symbol: clear ? 'circle' : 'circle-open', color: colour, line: { color: colour, width: 1.8 } },
          hovertemplate: `${group}, ${s.variant}: %{y:.4g} (${s.verdict})<extra></extra>`,
        });
      }
    });
  });
  const key = 'dot: one seed; bar: their range; line: mean; band: range of the best mean; blue: best mean; orange: ranges apart; hollow: no difference shown';
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

/** Means with their deviations over the seeds, and how each variant stands to the best one of its group. */
export function ablationTable(ablation: Ablation, title = 'Ablation: means over the seeds'): Figure {
  const summaries = summariseAblation(ablation);
  const names = Object.keys(ablation.metrics).filter((name) => summaries.some((s) => s.metric === name));
  const keys = [...new Map(summaries.map((s) => [`${s.group}\n${s.variant}`, s])).values()];
  const cell = (s: AblationSummary | undefined) => {
    if (!s) return '–';
    const mark = { 'best mean': '\nbest mean', 'apart from the best': '\napart', 'within the spread': '\nwithin spread', 'one seed: no spread known': '\none seed' }[s.verdict];
    return `${meanText(s)}${mark}`;
  };
  const rows = keys.map(({ group, variant, values }) => [
    group,
    variant,
    String(values.length),
    ...names.map((metric) => cell(summaries.find((s) => s.group === group && s.variant === variant && s.metric === metric))),
  ]);
  const columns = ['compared', 'variant', 'seeds', ...names.map((n) => `${labelOf(n, ablation.metrics[n])} (${ablation.metrics[n].better} is better)`)];
  return tableFigure({
    title,
    columns,
    rows,
    ruled: keys.flatMap((k, i) => (i > 0 && k.group !== keys[i - 1].group ? [i] : [])),
    note: 'Mean ± standard deviation over the seeds. "apart": the seeds\' range does not touch that of the best mean in its group; "within spread": it does, and no difference is claimed.',
  });
}

/** The mean with as many digits as two of its deviation; with four where there is none. */
function meanText({ mean, deviation, values }: AblationSummary): string {
  if (values.length < 2 || !(deviation > 0)) return String(Number(mean.toPrecision(4)));
  const decimals = Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(deviation))));
  return `${mean.toFixed(decimals)} ± ${deviation.toFixed(decimals)}`;
}
