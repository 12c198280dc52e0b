import type { Data, Layout } from 'plotly.js';
import { CLASSES } from '../classes';
import type { DatasetStatistics } from '../data/statistics';
import type { ClassStyles } from './labels';
import { Plot } from './plot';

/**
 * Two bar charts: which share of all pixels a class covers, and in which share of the label maps it occurs. Most common
 * class on top.
 */
export function classStatistics(
  statistics: DatasetStatistics,
  { title, classes = CLASSES as ClassStyles }: { title?: string; classes?: ClassStyles } = {},
): Plot {
  // plotly draws the first bar at the bottom.
  const order = [...statistics.classes].sort((a, b) => a.pixels - b.pixels || a.images - b.images);
  const names = order.map((c) => classes[c.index].name);
  const panel = (values: number[], axis: '' | '2', decimals: number): Data => ({
    type: 'bar',
    orientation: 'h',
    x: values,
    y: names,
    xaxis: `x${axis}`,
    yaxis: `y${axis}`,
    marker: { color: order.map((c) => classes[c.index].colour), line: { color: '#555555', width: 0.7 } },
    text: values.map((v) => (v === 0 ? '–' : v < 10 ** -decimals ? `<${10 ** -decimals}` : v.toFixed(decimals))),
    textposition: 'outside',
    cliponaxis: false,
    textfont: { size: 11 },
    hovertemplate: '%{y}: %{x:.3f} %<extra></extra>',
  });
  const share = order.map((c) => 100 * c.share);
  const presence = order.map((c) => 100 * c.presence);
  const layout: Partial<Layout> = {
    title: { text: title ?? `Classes in ${statistics.images} label maps` },
    showlegend: false,
    bargap: 0.25,
    margin: { l: 92, r: 48, t: 56, b: 56 },
    xaxis: { domain: [0, 0.46], title: { text: 'share of all labelled pixels (%)' }, rangemode: 'tozero' },
    yaxis: { dtick: 1, ticks: '' },
    xaxis2: {
      domain: [0.54, 1],
      title: { text: 'share of label maps with the class (%)' },
      range: [0, 100],
      anchor: 'y2',
    },
    yaxis2: { dtick: 1, ticks: '', showticklabels: false, anchor: 'x2' },
  };
  const size = { width: 960, height: 130 + 20 * classes.length };
  return new Plot({ data: [panel(share, '', 2), panel(presence, '2', 0)], layout }, size);
}
