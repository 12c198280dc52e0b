import type { Annotations, Data, Layout, Shape } from 'plotly.js';
import { LINE_COLOURS } from './colours';
import { Plot } from './plot';
import { spreadEvenly } from '../data/dataset';

/** One row of a training's history: the step, and whatever was measured there. */
export type HistoryRow = Readonly<Record<string, unknown>>;

/** A history that hands out its columns (`History` of the trainings), gaps left out. */
export interface HistoryColumns {
  readonly columns: readonly string[];
  series(name: string): { steps: number[]; values: number[] };
}

export interface LossCurveOptions {
  title?: string;
  /** Columns to draw, in this order; by default all that hold numbers. */
  names?: readonly string[];
  /** What columns are called in the figure; the others by their names. */
  labels?: Readonly<Record<string, string>>;
  /** Rows on each side that a point of the smoothed curve is the mean of; 0 for none. By default a fortieth of all. */
  smoothing?: number;
  /** Vertical lines with a word, such as the start of stage 2. */
  marks?: readonly { x: number; label: string }[];
  /** What the values are, with their unit if they have one: along the vertical axes. */
  quantity?: string;
  /** Panels side by side. */
  columns?: number;
  width?: number;
}

const NOT_LOSSES = new Set(['step', 'epoch', 'stage', 'seconds', 'time', 'batch', 'skipped', 'diverging']);
/** Columns that are no losses have an axis of their own. */
const QUANTITIES: Readonly<Record<string, string>> = { psnrRgb: 'PSNR (dB)', psnrY: 'PSNR (dB)' };
const MOST_POINTS = 600;

/** Rows as columns; the horizontal axis is the column `step`. */
function columnsOf(history: HistoryColumns | readonly HistoryRow[]): HistoryColumns {
  if ('series' in history) return history;
  const columns = [...new Set(history.flatMap((row) => Object.keys(row).filter((name) => Number.isFinite(row[name]))))];
  return {
    columns,
    series(name) {
      const present = history.filter((row) => typeof row[name] === 'number');
      return { steps: present.map((row) => Number(row.step)), values: present.map((row) => row[name] as number) };
    },
  };
}

/**
 * Mean over `radius` values on each side (fewer at the ends). Unlike an exponential average it does not lag behind a
 * falling loss. Values that are not finite are passed over; NaN where a window holds nothing else.
 */
export function smooth(values: readonly number[], radius: number): number[] {
  const sums = [0];
  const counts = [0];
  values.forEach((v, i) => {
    const finite = Number.isFinite(v);
    sums.push(sums[i] + (finite ? v : 0));
    counts.push(counts[i] + (finite ? 1 : 0));
  });
  return values.map((_, i) => {
    const [from, to] = [Math.max(0, i - radius), Math.min(values.length, i + radius + 1)];
    return (sums[to] - sums[from]) / (counts[to] - counts[from]);
  });
}

/** The same, with windows that end where a new stage begins: its losses have other weights. `breaks`: indices of first values. */
export function smoothBetween(values: readonly number[], radius: number, breaks: readonly number[]): number[] {
  const edges = [0, ...[...breaks].sort((a, b) => a - b), values.length];
  return edges.slice(1).flatMap((end, i) => smooth(values.slice(edges[i], end), radius));
}

/** A dotted line from the bottom to the top of the panel with axes `x${axis}` and `y${axis}`. */
export function markLine(axis: string, x: number, color: string): Partial<Shape> {
  return {
    type: 'line',
    xref: `x${axis}` as 'x',
    yref: `y${axis} domain` as 'y',
    x0: x,
    x1: x,
    y0: 0,
    y1: 1,
    line: { color, width: 1, dash: 'dot' },
  };
}

/**
 * Curves of a training's history, one small panel for each column since their scales differ: every value in a pale
 * line, over it the smoothed one.
 */
export function lossCurves(history: HistoryColumns | readonly HistoryRow[], options: LossCurveOptions = {}): Plot {
  const { title = 'Losses', quantity = 'loss', labels = {}, marks = [], width = 960 } = options;
  const source = columnsOf(history);
  const names = options.names ?? source.columns.filter((name) => !NOT_LOSSES.has(name));
  const columns = Math.max(1, Math.min(options.columns ?? 3, names.length));
  const lines = Math.max(1, Math.ceil(names.length / columns));
  const height = 90 + lines * 190;

  const data: Data[] = [];
  const layout: Record<string, unknown> = {};
  const annotations: Partial<Annotations>[] = [];
  const shapes: Partial<Shape>[] = [];
  // A panel further right that names its own axis needs room for the name.
  const gap = [names.some((name, i) => i % columns > 0 && QUANTITIES[name]) ? 0.105 : 0.075, 56 / (height - 90)];
  const size = [(1 - gap[0] * (columns - 1)) / columns, (1 - gap[1] * (lines - 1)) / lines];
  names.forEach((name, i) => {
    const [column, line] = [i % columns, Math.floor(i / columns)];
    const left = column * (size[0] + gap[0]);
    const top = 1 - line * (size[1] + gap[1]);
    const axis = i === 0 ? '' : String(i + 1);
    const { steps, values } = source.series(name);
    const thin = (list: number[]) => spreadEvenly(list, MOST_POINTS, true);
    const common = {
      x: thin(steps),
      xaxis: `x${axis}`,
      yaxis: `y${axis}`,
      type: 'scatter',
      name,
      showlegend: false,
    } as const;
    const few = values.length < 3;
    const radius = options.smoothing ?? Math.floor(values.length / 40);
    if (radius > 0) data.push({ ...common, y: thin(values), mode: 'lines', line: { color: '#9cc9e8', width: 1 }, hoverinfo: 'skip' });
    const breaks = marks.map((mark) => steps.findIndex((step) => step >= mark.x)).filter((at) => at > 0);
    data.push({
      ...common,
      y: thin(radius > 0 ? smoothBetween(values, radius, breaks) : values),
      mode: few ? 'lines+markers' : 'lines',
      line: { color: LINE_COLOURS[0], width: 2 },
    });
    // The first panel of each line and the bottom panel of each column name the axes.
    const named = QUANTITIES[name] ?? (column === 0 ? quantity : undefined);
    const lowest = i + columns >= names.length;
    layout[`xaxis${axis}`] = {
      domain: [left, left + size[0]],
      anchor: `y${axis}`,
      nticks: 5,
      title: lowest ? { text: 'step', standoff: 6 } : undefined,
    };
    layout[`yaxis${axis}`] = {
      domain: [top - size[1], top],
      anchor: `x${axis}`,
      nticks: 5,
      tickfont: { size: 11 },
      title: named ? { text: named, standoff: 6, font: { size: 12 } } : undefined,
    };
    annotations.push({
      text: `<b>${labels[name] ?? name}</b>`,
      x: left,
      y: top,
      xref: 'paper',
      yref: 'paper',
      xanchor: 'left',
      yanchor: 'bottom',
      showarrow: false,
    });
    for (const mark of marks) {
      shapes.push(markLine(axis, mark.x, '#888888'));
      annotations.push({
        text: mark.label,
        x: mark.x,
        y: 1,
        xref: `x${axis}` as 'x',
        yref: `y${axis} domain` as 'y',
        xanchor: 'left',
        yanchor: 'top',
        showarrow: false,
        font: { size: 11, color: '#666666' },
      });
    }
  });
  if (names.length === 0) annotations.push({ text: 'no values yet', x: 0.5, y: 0.5, xref: 'paper', yref: 'paper', showarrow: false });
  return new Plot(
    {
      data,
      layout: {
        ...(layout as Partial<Layout>),
        title: { text: title },
        annotations,
        shapes,
        margin: { l: 72, r: 24, t: 72, b: 56 },
      },
    },
    { width, height },
  );
}
