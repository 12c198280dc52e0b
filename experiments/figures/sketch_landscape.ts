import { CLASSES } from '../../src/classes';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { type Cell, type GridSheet, imageGrid } from '../../src/figures/grid';
import { resizeNearest } from '../../src/figures/images';
import { type ClassStyles, classLegend, colourLabels } from '../../src/figures/labels';

/** A label map and what a network painted for it. */
export interface PaintedSketch {
  labels: LabelMap;
  image: RgbImage;
  /** Below the landscape. */
  name?: string;
}

export interface SketchLandscapeOptions {
  title?: string;
  /** Pairs side by side. */
  columns?: number;
  classes?: ClassStyles;
  maxWidth?: number;
}

/** Sketch beside landscape: each label map in its class colours and the landscape's shape, at its right what was painted for it, and a legend of the classes. */
export function sketchLandscape(painted: readonly PaintedSketch[], options: SketchLandscapeOptions = {}): GridSheet {
  const { title = 'Sketch and landscape', columns = 2, classes = CLASSES, maxWidth } = options;
  const rows: Cell[][] = [];
  for (let i = 0; i < painted.length; i += columns) {
    rows.push(
      painted.slice(i, i + columns).flatMap(({ labels, image, name }) => [
        { image: resizeNearest(colourLabels(labels, classes), image.width, image.height), exact: true },
        { image, caption: name },
      ]),
    );
  }
  const columnTitles = rows[0]?.map((_, c) => (c % 2 ? 'landscape' : 'sketch'));
  return imageGrid(rows, {
    title,
    columnTitles,
    legend: classLegend(
      painted.map((p) => p.labels),
      classes,
    ),
    maxWidth,
  });
}
