import type { Dataset } from './dataset';

/** A pixel of a label map that belongs to no class: it takes part in no loss and no metric, and its one-hot row is zero. */
export const IGNORE = 255;

/** Pixels of a picture. */
export type Size = readonly [height: number, width: number];

/** An 8-bit RGB image, rows top to bottom, channels interleaved: `data.length === height * width * 3`. */
export interface RgbImage {
  data: Uint8Array;
  height: number;
  width: number;
}

/** A map of class indices (0 .. classes-1, or IGNORE), one byte a pixel, rows top to bottom. */
export interface LabelMap {
  data: Uint8Array;
  height: number;
  width: number;
}

/** A photo and the label map of the same size that describes it. `name` is the stem they share. */
export interface Pair {
  name: string;
  image: RgbImage;
  labels: LabelMap;
}

/** Photographs with their label maps; names are the stems they share, sorted. */
export type PairDataset = Dataset<Pair>;
