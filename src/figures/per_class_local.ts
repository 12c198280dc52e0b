import { CLASSES } from '../classes';
import type { LabelMap, RgbImage } from '../data/types';
import { UserError } from '../common/errors';
import type { GeneratorOutput } from '../models/lggan/generator';
import { type Cell, type GridSheet, imageGrid } from './grid';
import { resizeNearest } from './images';
import { type ClassStyles, colourLabels, countPixels } from './labels';
import { imagesFromTensor } from '../data/tensors';

export interface PerClassOptions {
  title?: string;
  /** Which image of the batch. */
  index?: number;
  /** Shows each class on its own pixels only, the rest in pale grey; else all that its convolution paints. */
  masked?: boolean;
  /** Pictures side by side. */
  columns?: number;
  classes?: ClassStyles;
  maxWidth?: number;
}

/**
 * What the class-specific generator paints for each class of a label map, largest class first, between the label map
 * and the local image that is put together from them. The output is not disposed.
 * @throws UserError for a generator without a local branch
 */
export async function perClassLocal(output: Pick<GeneratorOutput, 'local' | 'perClass'>, labels: LabelMap, options: PerClassOptions = {}): Promise<GridSheet> {
  const { title = 'The local branch, class by class', index = 0, masked = false, columns = 4, classes = CLASSES, maxWidth } = options;
  const { perClass } = output;
  if (!output.local || !perClass) throw new UserError('this generator has no local branch, so that no class paints on its own.');
  const local = (await imagesFromTensor(output.local))[index];
  const { width, height } = local;
  const counts = countPixels([labels]);
  const present = Object.keys(perClass)
    .map(Number)
    .filter((c) => counts[c] > 0)
    .sort((a, b) => counts[b] - counts[a]);
  const colours = resizeNearest(colourLabels(labels, classes), width, height);
  const cells: Cell[] = [{ image: colours, exact: true, caption: 'label map' }];
  for (const c of present) {
    const whole = (await imagesFromTensor(perClass[c]))[index];
    const share = (100 * counts[c]) / labels.data.length;
    cells.push({
      image: masked ? onlyClass(whole, labels, c) : whole,
      caption: `${classes[c]?.name ?? c} (${share < 1 ? '<1' : share.toFixed(0)} % of the map)`,
    });
  }
  cells.push({ image: local, caption: 'local image' });
  const rows: Cell[][] = [];
  for (let i = 0; i < cells.length; i += columns) rows.push(cells.slice(i, i + columns));
  return imageGrid(rows, {
    title,
    maxWidth,
    legend: present.map((c) => ({ label: classes[c]?.name ?? String(c), colour: classes[c]?.colour ?? '#000000' })),
  });
}

function onlyClass(image: RgbImage, labels: LabelMap, c: number): RgbImage {
  const data = new Uint8Array(image.data.length).fill(235);
  for (let y = 0; y < image.height; y++) {
    const row = Math.floor((y * labels.height) / image.height) * labels.width;
    for (let x = 0; x < image.width; x++) {
      if (labels.data[row + Math.floor((x * labels.width) / image.width)] !== c) continue;
      const o = 3 * (y * image.width + x);
      data.set(image.data.subarray(o, o + 3), o);
    }
  }
  return { data, width: image.width, height: image.height };
}
