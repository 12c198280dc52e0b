import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../common/errors';
import { cropPair } from './batches';
import { Random } from '../common/mulberry';
import { folderPairs } from './pairs';
import { resizeImage, resizeLabels } from './resize';
import type { Pair, PairDataset } from './types';

/** Where the photographs lie: beside the sources, or under the working directory where a notebook compiles the sources elsewhere. */
function folder(): string {
  const here = resolve(__dirname, '..', '..', 'datasets', 'photos');
  return existsSync(here) ? here : resolve('datasets', 'photos');
}

/**
 * The four photographs that come with the project (1024x768) and their label maps. By Aitzol Berasategi, CC BY 4.0: see
 * `datasets/photos/CREDITS.md`; pictures made from them have to name him.
 */
export function photographs(): PairDataset {
  return { ...folderPairs(folder()), source: 'photographs by Aitzol Berasategi (CC BY 4.0)' };
}

export interface PhotoCropsOptions {
  /** Which part of each photograph: 'val' is its right third, 'train' the rest. The two share no pixel. Default 'train'. */
  part?: 'train' | 'val';
  /** The same seed gives the same crops. Default 628. */
  seed?: number;
  /** How many crops; they go through the photographs in turn. */
  count: number;
  /** Pixels of a crop as it is returned. */
  height: number;
  width: number;
  /**
   * Widths of crops as shares of the photograph's width, one drawn for each crop; narrowed to what the part can hold (2/3 or 1/3).
   * Default: 0.2, 0.3, 0.45, 0.66 (train) or 0.15, 0.2, 0.25, 0.33 (val).
   */
  scales?: readonly number[];
}

interface Window {
  photo: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * Random crops of the photographs at several scales, with their label maps: real material where no other set is at hand. Crops have the
 * shape height : width that is asked for, are cut first and then resized (image by bicubic, labels by nearest), so no pixel of the other
 * part gets in. Deterministic. Throws a UserError for settings that cannot be.
 */
export function photoCrops(options: PhotoCropsOptions): PairDataset {
  const { part = 'train', seed = 628, count, height, width } = options;
  const scales = options.scales ?? (part === 'train' ? [0.2, 0.3, 0.45, 0.66] : [0.15, 0.2, 0.25, 0.33]);
  for (const [name, value, low] of [
    ['count', count, 0],
    ['height', height, 1],
    ['width', width, 1],
    ['seed', seed, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < low)
      throw new UserError(`photoCrops: ${name} is ${value}; give a whole number from ${low}.`);
  }
  if (part !== 'train' && part !== 'val')
    throw new UserError(`photoCrops: part is '${String(part)}'; give 'train' or 'val'.`);
  if (!scales.length || scales.some((s) => !(s > 0 && s <= 1))) {
    throw new UserError(`photoCrops: scales are [${scales.join(', ')}]; give numbers above 0 and at most 1.`);
  }
  const photos = photographs();
  const random = new Random(seed);
  const draws = Array.from({ length: count }, () => [random.next(), random.next(), random.next()]);
  const kept = new Map<number, Promise<Pair>>();
  const load = (i: number): Promise<Pair> => {
    let pair = kept.get(i);
    if (!pair) kept.set(i, (pair = photos.at(i)));
    return pair;
  };
  const names = draws.map((_, i) => `${part}_${String(i + 1).padStart(5, '0')}`);
  return {
    source: `${part} crops of ${photos.source}, seed ${seed}`,
    names,
    length: count,
    async at(i: number): Promise<Pair> {
      if (!Number.isInteger(i) || i < 0 || i >= count) throw new RangeError(`crop ${i} of ${count}`);
      const photo = i % photos.length;
      const pair = await load(photo);
      const window = place(pair, photo, part, scales, height / width, draws[i]);
      const crop = cropPair(pair, window.x, window.y, window.width, window.height);
      return {
        name: names[i],
        image: resizeImage(crop.image, [height, width], 'bicubic'),
        labels: resizeLabels(crop.labels, [height, width]),
      };
    },
  };
}

/** Columns [from, to) of the part of a photograph that is `width` wide. */
export function columnsOf(part: 'train' | 'val', width: number): [from: number, to: number] {
  const border = Math.floor((width * 2) / 3);
  return part === 'train' ? [0, border] : [border, width];
}

function place(
  { image }: Pair,
  photo: number,
  part: 'train' | 'val',
  scales: readonly number[],
  shape: number,
  draw: number[],
): Window {
  const [from, to] = columnsOf(part, image.width);
  const wanted = Math.round(scales[Math.floor(draw[0] * scales.length)] * image.width);
  const width = Math.max(1, Math.min(wanted, to - from, Math.floor(image.height / shape)));
  const height = Math.max(1, Math.min(Math.round(width * shape), image.height));
  const x = from + Math.floor(draw[1] * (to - from - width + 1));
  const y = Math.floor(draw[2] * (image.height - height + 1));
  return { photo, x, y, width, height };
}
