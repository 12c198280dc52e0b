import { CLASSES } from '../classes';
import type { Pair } from '../data/types';
import { type Cell, type GridSheet, imageGrid } from './grid';
import { type ClassStyles, classLegend, colourLabels } from './labels';

export interface PairGridOptions {
  title?: string;
  /** Pairs in one row of the figure. */
  columns?: number;
  classes?: ClassStyles;
  maxWidth?: number;
}

/** Photos, below each its label map in the class colours, and a legend of the classes that are there. */
export function pairGrid(pairs: readonly Pair[], options: PairGridOptions = {}): GridSheet {
  const { title = 'Photos and their label maps', columns = 4, classes = CLASSES, maxWidth } = options;
  const rows: Cell[][] = [];
  for (let i = 0; i < pairs.length; i += columns) {
    const some = pairs.slice(i, i + columns);
    rows.push(some.map((p) => ({ image: p.image })));
    rows.push(some.map((p) => ({ image: colourLabels(p.labels, classes), exact: true, caption: p.name })));
  }
  const legend = classLegend(
    pairs.map((p) => p.labels),
    classes,
  );
  return imageGrid(rows, { title, legend, maxWidth });
}
