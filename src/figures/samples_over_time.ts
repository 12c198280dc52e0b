import { CLASSES } from '../classes';
import type { LabelMap, RgbImage } from '../data/types';
import { type Cell, type GridSheet, imageGrid } from './grid';
import { resizeForDisplay, resizeNearest } from './images';
import { type ClassStyles, classLegend, colourLabels } from './labels';
import { spreadEvenly } from '../data/dataset';

/** What a network made of the same label maps at one step of its training. */
export interface Sample {
  step: number;
  images: readonly RgbImage[];
}

export interface SamplesOptions {
  title?: string;
  /** The label maps the samples were made from, one a row. */
  labels?: readonly LabelMap[];
  /** The photos that belong to them. */
  photos?: readonly RgbImage[];
  /** At most so many steps are shown, evenly spread, first and last among them. */
  steps?: number;
  classes?: ClassStyles;
  maxWidth?: number;
}

/** How samples changed during training: a row for each label map, a column for each step, at the end the photo. */
export async function samplesOverTime(samples: readonly Sample[], options: SamplesOptions = {}): Promise<GridSheet> {
  const { title = 'Samples during training', labels, photos, steps = 5, classes = CLASSES, maxWidth } = options;
  const shown = spreadEvenly(samples, steps, true);
  const rows = Math.max(0, ...shown.map((s) => s.images.length));
  const cells: (Cell | undefined)[][] = [];
  for (let r = 0; r < rows; r++) {
    // All of a row in the size of its samples.
    const { width, height } = shown.map((s) => s.images[r]).filter(Boolean)[0];
    cells.push([
      ...(labels ? [labels[r] && { image: resizeNearest(colourLabels(labels[r], classes), width, height), exact: true }] : []),
      ...shown.map((s) => s.images[r] && { image: s.images[r] }),
      ...(photos ? [photos[r] && { image: await resizeForDisplay(photos[r], width, height) }] : []),
    ]);
  }
  const columnTitles = [...(labels ? ['label map'] : []), ...shown.map((s) => `step ${s.step}`), ...(photos ? ['photo'] : [])];
  return imageGrid(cells, { title, columnTitles, legend: labels && classLegend(labels, classes), maxWidth });
}
