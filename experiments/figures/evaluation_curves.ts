import type { Annotations, Data, Layout, Shape } from 'plotly.js';
import { LINE_COLOURS } from '../../src/figures/colours';
import { markLine, type HistoryColumns } from '../../src/figures/loss_curves';
import { Plot } from '../../src/figures/plot';
import { COLUMN } from './print';
import { wrapText } from '../../src/figures/text';

/** A measure that an evaluation during training leaves: its column, how it is called, and which way is better. */
export interface EvaluationMeasure {
  column: string;
  /** With its unit; the vertical axis. */
  label: string;
  better: 'lower' | 'higher';
}

/** The columns of `evaluation.csv`, and those of an RCAN's history. */
export const EVALUATION_MEASURES: readonly EvaluationMeasure[] = [
  { column: 'FID', label: 'FID', better: 'lower' },
  { column: 'maskAccuracy', label: 'mask accuracy (share of pixels)', better: 'higher' },
  { column: 'meanDifference', label: 'mean difference (of 255)', better: 'lower' },
  { column: 'psnrRgb', label: 'PSNR, RGB (dB)', better: 'higher' },
  { column: 'psnrY', label: 'PSNR, Y (dB)', better: 'higher' },
];

export interface EvaluationCurveOptions {
  title?: string;
  measures?: readonly EvaluationMeasure[];
  /** Vertical lines with a word, such as the start of stage 2. */
  marks?: readonly { x: number; label: string }[];
  width?: number;
}

const PANEL = 250;

/**
 * What evaluations measured during training, a panel below the other for each measure that the table holds: a point for each evaluation, the
 * best one marked with its value. Throws a RangeError where there is no measure at all.
 */
export function evaluationCurves(history: HistoryColumns, options: EvaluationCurveOptions = {}): Plot {
  const { title = 'Evaluations during training', measures = EVALUATION_MEASURES, marks = [], width = COLUMN } = options;
  const panels = measures.map((m) => ({ ...m, ...history.series(m.column) })).filter((m) => m.values.length > 0);
  if (panels.length === 0) throw new RangeError(`none of the columns ${measures.map((m) => m.column).join(', ')} holds a value`);
  const height = 110 + PANEL * panels.length;
  const gap = 26 / (height - 110);
  const share = (1 - gap * (panels.length - 1)) / panels.length;
  const data: Data[] = [];
  const layout: Record<string, unknown> = {};
  const annotations: Partial<Annotations>[] = [];
  const shapes: Partial<Shape>[] = [];
  // One range for all, so that steps stand below each other.
  const steps = panels.flatMap((p) => p.steps);
  const [first, last] = [Math.min(...steps, ...marks.map((m) => m.x)), Math.max(...steps, ...marks.map((m) => m.x))];
  const room = 0.04 * (last - first || 1);
  panels.forEach(({ label, better, steps: x, values }, i) => {
    const axis = i === 0 ? '' : String(i + 1);
    const top = 1 - i * (share + gap);
    const at = values.indexOf(better === 'lower' ? Math.min(...values) : Math.max(...values));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const margin = 0.2 * (most - least || Math.abs(most) || 1);
    const common = { type: 'scatter', xaxis: `x${axis}`, yaxis: `y${axis}`, showlegend: false } as const;
    data.push({ ...common, x, y: values, name: label, mode: 'lines+markers', line: { color: LINE_COLOURS[0], width: 2 }, marker: { size: 7 } });
    data.push({
      ...common,
      x: [x[at]],
      y: [values[at]],
      name: 'best',
      mode: 'text+markers',
      marker: { size: 13, symbol: 'circle-open', color: LINE_COLOURS[1], line: { width: 2.5 } },
      text: [`best: ${Number(values[at].toPrecision(4))}`],
      // Beyond the curve's end, where there is nothing else.
      textposition: `${better === 'lower' ? 'bottom' : 'top'} ${x[at] > (first + last) / 2 ? 'left' : 'right'}`,
      textfont: { color: '#a34700' },
      cliponaxis: false,
    });
    layout[`xaxis${axis}`] = {
      anchor: `y${axis}`,
      range: [first - room, last + room],
      showticklabels: i === panels.length - 1,
      title: i === panels.length - 1 ? { text: 'training step', font: { size: 13 } } : undefined,
    };
    layout[`yaxis${axis}`] = {
      anchor: `x${axis}`,
      domain: [Math.max(0, top - share), top],
      range: [least - margin, most + margin],
      title: { text: axisTitle(label, better, PANEL - 26), font: { size: 13 } },
      nticks: 6,
    };
    for (const mark of marks) {
      shapes.push(markLine(axis, mark.x, '#666666'));
      if (i > 0) continue;
      annotations.push({ text: mark.label, x: mark.x, y: 1, xref: 'x', yref: 'paper', xanchor: 'center', yanchor: 'bottom', showarrow: false });
    }
  });
  return new Plot(
    { data, layout: { ...(layout as Partial<Layout>), title: { text: title }, annotations, shapes, margin: { l: 80, r: 24, t: 72, b: 56 } } },
    { width, height },
  );
}

/** What an axis measures and which way is better, in lines that its length has room for. */
export function axisTitle(label: string, better: 'lower' | 'higher', length: number): string {
  return `${wrapText(label, length - 8, 13).join('<br>')}<br><i>${better} is better</i>`;
}
