/** What a data set holds: how much of each class, and its mean colour. */
import { CLASS_NAMES } from '../classes';
import { IGNORE, type LabelMap, type RgbImage } from './types';

export interface ClassShare {
  index: number;
  name: string;
  /** Pixels of this class in all label maps together. */
  pixels: number;
  /** Of all pixels that have a class, 0..1. */
  share: number;
  /** Label maps that hold at least one pixel of it. */
  images: number;
  /** Of all label maps, 0..1. */
  presence: number;
}

export interface DatasetStatistics {
  source: string;
  /** Label maps counted. */
  images: number;
  /** Pixels with a class, and without. */
  pixels: number;
  ignored: number;
  /** All classes, in order of their index. */
  classes: ClassShare[];
  /** Mean red, green and blue over all pixels of all photographs, 0..1; undefined for label maps alone. */
  rgbMean?: [number, number, number];
}

/** Anything that lists label maps, with photographs or without. */
export interface Countable {
  readonly source: string;
  readonly length: number;
  at(i: number): Promise<{ labels: LabelMap; image?: RgbImage }>;
}

/** Counts a data set. Throws a RangeError at a label above the last class. */
export async function datasetStatistics(
  dataset: Countable,
  options: { onProgress?(done: number, total: number, note?: string): void } = {},
): Promise<DatasetStatistics> {
  const n = CLASS_NAMES.length;
  const pixels = new Float64Array(n);
  const images = new Uint32Array(n);
  const sums = [0, 0, 0];
  let coloured = 0;
  let ignored = 0;
  let ahead = dataset.length ? dataset.at(0) : undefined;
  for (let i = 0; i < dataset.length; i++) {
    const { labels, image } = await ahead!;
    ahead = i + 1 < dataset.length ? dataset.at(i + 1) : undefined;
    // Its failure is reported when its turn comes.
    ahead?.catch(() => undefined);
    const counts = countClasses(labels);
    for (let c = 0; c < n; c++) {
      pixels[c] += counts[c];
      if (counts[c]) images[c]++;
    }
    ignored += counts[IGNORE];
    for (let c = n; c < IGNORE; c++) {
      if (counts[c]) throw new RangeError(`item ${i} of ${dataset.source} holds the label ${c}, and the last class is ${n - 1}`);
    }
    if (image) {
      const { data } = image;
      let [r, g, b] = [0, 0, 0];
      for (let p = 0; p < data.length; p += 3) {
        r += data[p];
        g += data[p + 1];
        b += data[p + 2];
      }
      sums[0] += r;
      sums[1] += g;
      sums[2] += b;
      coloured += data.length / 3;
    }
    options.onProgress?.(i + 1, dataset.length);
  }
  const total = pixels.reduce((a, b) => a + b, 0);
  return {
    source: dataset.source,
    images: dataset.length,
    pixels: total,
    ignored,
    classes: CLASS_NAMES.map((name, index) => ({
      index,
      name,
      pixels: pixels[index],
      share: total ? pixels[index] / total : 0,
      images: images[index],
      presence: dataset.length ? images[index] / dataset.length : 0,
    })),
    rgbMean: coloured ? (sums.map((s) => s / coloured / 255) as [number, number, number]) : undefined,
  };
}

/** How many pixels hold each of the 256 values. */
export function countClasses(labels: LabelMap): Uint32Array {
  const counts = new Uint32Array(256);
  for (const value of labels.data) counts[value]++;
  return counts;
}
