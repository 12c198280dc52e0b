import type { Data, Layout } from 'plotly.js';
import { CLASSES } from '../classes';
import { IGNORE, type LabelMap } from '../data/types';
import type { ClassStyles } from './labels';
import { Plot } from './plot';

/** How often each class occurs in a set of label maps. */
export interface ClassCounts {
  /** Label maps counted. */
  maps: number;
  /** Pixels of each class, by index. */
  pixels: number[];
  /** Maps that hold the class at all. */
  presence: number[];
  /** Pixels that belong to no class. */
  unlabelled: number;
}

/** Counts classes over label maps, one after the other. */
export async function countClasses(maps: Iterable<LabelMap> | AsyncIterable<LabelMap>, classes: number = CLASSES.length): Promise<ClassCounts> {
  const counts: ClassCounts = { maps: 0, pixels: new Array<number>(classes).fill(0), presence: new Array<number>(classes).fill(0), unlabelled: 0 };
  for await (const map of maps) {
    const here = new Float64Array(256);
    for (const c of map.data) here[c]++;
    counts.maps++;
    counts.unlabelled += here[IGNORE];
    for (let c = 0; c < classes; c++) {
      counts.pixels[c] += here[c];
      if (here[c] > 0) counts.presence[c]++;
    }
  }
  return counts;
}

/** Two bar charts: which share of all pixels a class covers, and in which share of the label maps it occurs. Most common class on top. */
export function classStatistics(counts: ClassCounts, { title, classes = CLASSES as ClassStyles }: { title?: string; classes?: ClassStyles } = {}): Plot {
  const pixels = counts.pixels.reduce((a, b) => a + b, counts.unlabelled) || 1;
  // plotly draws the first bar at the bottom.
  const order = classes.map((_, i) => i).sort((a, b) => counts.pixels[a] - counts.pixels[b] || counts.presence[a] - counts.presence[b]);
  const names = order.map((i) => classes[i].name);
  const panel = (values: number[], axis: '' | '2', decimals: number): Data => ({
    type: 'bar',
    orientation: 'h',
    x: values,
    y: names,
    xaxis: `x${axis}`,
    yaxis: `y${axis}`,
    marker: { color: order.map((i) => classes[i].colour), line: { color: '#555555', width: 0.7 } },
    text: values.map((v) => (v === 0 ? '–' : v < 10 ** -decimals ? `<${10 ** -decimals}` : v.toFixed(decimals))),
    textposition: 'outside',
    cliponaxis: false,
    textfont: { size: 11 },
    hovertemplate: '%{y}: %{x:.3f} %<extra></extra>',
  });
  const share = order.map((i) => (100 * counts.pixels[i]) / pixels);
  const presence = order.map((i) => (100 * counts.presence[i]) / (counts.maps || 1));
  const layout: Partial<Layout> = {
    title: { text: title ?? `Classes in ${counts.maps} label maps` },
    showlegend: false,
    bargap: 0.25,
    margin: { l: 92, r: 48, t: 56, b: 56 },
    xaxis: { domain: [0, 0.46], title: { text: 'share of all pixels (%)' }, rangemode: 'tozero' },
    yaxis: { dtick: 1, ticks: '' },
    xaxis2: { domain: [0.54, 1], title: { text: 'share of label maps with the class (%)' }, range: [0, 100], anchor: 'y2' },
    yaxis2: { dtick: 1, ticks: '', showticklabels: false, anchor: 'x2' },
  };
  return new Plot({ data: [panel(share, '', 2), panel(presence, '2', 0)], layout }, { width: 960, height: 130 + 20 * classes.length });
}
