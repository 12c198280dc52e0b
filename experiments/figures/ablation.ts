import type { DataFrame } from 'danfojs-node';
import type { Data, Layout, Shape } from 'plotly.js';
import {
  BASELINE_GROUP,
  meanText,
  numberText,
  summariseAblation,
  type Ablation,
  type AblationMetric,
  type AblationSummary,
  type Verdict,
} from '../ablation/statistics';
import { LINE_COLOURS } from '../../src/figures/colours';
import { axisTitle, EVALUATION_MEASURES } from './evaluation_curves';
import type { Figure } from '../../src/figures/figure';
import { Plot } from '../../src/figures/plot';
import { COLUMN } from './print';
import { tableFigure } from './table';
import { wrapText } from '../../src/figures/text';

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
        title:
          column === 0
            ? {
                text: axisTitle(
                  metrics.length > MANY ? (metric.name ?? labelOf(name, metric)) : labelOf(name, metric),
                  metric.better,
                  high * (height - TOP - BOTTOM),
                ),
                font: { size: 13 },
                standoff: 6,
              }
            : undefined,
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
  const key =
    'dot: one seed; line: mean; bar: one standard deviation; band: that of the baseline. Green: better, orange: worse; hollow: the bar touches the band, or there is one seed, so that no difference is shown.';
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
  const hasBaseline = ablation.runs.some((r) => r.group === BASELINE_GROUP);
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
  const references = Object.entries(ablation.references ?? {}).map(([name, values]) => ['–', name, '–', ...names.map((metric) => numberText(values[metric]))]);
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
    const all = [...rows, ...references.map(([name, values]) => ['–', name, '–', numberText(values[metric]), '–'])];
    return all.map((row, i) => [i === 0 ? label : '', ...row]);
  });
  const starts = blocks.map((_, i) => blocks.slice(0, i).flat().length).slice(1);
  return tableFigure({ ...common, columns: ['figure', 'varied', 'variant', 'seeds', 'mean', 'against the baseline'], rows: blocks.flat(), ruled: starts });
}
