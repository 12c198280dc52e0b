/** Parts of pictures and label maps, and their mirror. */
import type { LabelMap, Pair, RgbImage } from './types';

/** A box in pixels. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A window of a pair. Throws a RangeError where it leaves the picture. */
export function cropPair(pair: Pair, x: number, y: number, width: number, height: number): Pair {
  return {
    name: pair.name,
    image: crop(pair.image, { x, y, width, height }),
    labels: { data: cropBytes(pair.labels.data, pair.labels, 1, x, y, width, height), height, width },
  };
}

/** The part of a picture inside a box. Throws a RangeError where the box leaves the picture. */
export function crop(image: RgbImage, { x, y, width, height }: Box): RgbImage {
  return { data: cropBytes(image.data, image, 3, x, y, width, height), height, width };
}

/** A window of interleaved bytes. Throws a RangeError where it leaves the picture. */
export function cropBytes(
  data: Uint8Array,
  size: { height: number; width: number },
  channels: number,
  x: number,
  y: number,
  width: number,
  height: number,
): Uint8Array {
  if (x < 0 || y < 0 || width < 1 || height < 1 || x + width > size.width || y + height > size.height) {
    throw new RangeError(`the window ${width}x${height} at (${x}, ${y}) leaves the picture of ${size.width}x${size.height}`);
  }
  const out = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const begin = ((y + row) * size.width + x) * channels;
    out.set(data.subarray(begin, begin + width * channels), row * width * channels);
  }
  return out;
}

/** A label map, left and right exchanged. */
export function mirrorLabels(labels: LabelMap): LabelMap {
  const { height, width } = labels;
  const data = new Uint8Array(labels.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = labels.data[y * width + width - 1 - x];
  }
  return { data, height, width };
}
