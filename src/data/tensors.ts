/** The border between tensors and pictures: networks speak [-1, 1] in float32, pictures 0..255 in bytes. */
import * as tf from '../engine/tf';
import type { RgbImage } from './types';

/** One channel of real numbers, rows top to bottom. */
export interface FloatMap {
  data: Float32Array;
  height: number;
  width: number;
}

/** The colour of a pixel that is not a number: magenta. */
export const NOT_A_NUMBER: readonly [number, number, number] = [255, 0, 255];

/** The byte 0..255 in [-1, 1] as the original computes it in float32: (x / 255 - 0.5) / 0.5. */
const NORMALISED = Float32Array.from({ length: 256 }, (_, x) => Math.fround(Math.fround(x / 255) - 0.5) / 0.5);

/** Writes an image, mirrored or not, into a batch's [-1, 1] floats at `offset`. */
export function writeNormalised(image: RgbImage, out: Float32Array, offset = 0, mirrored = false): void {
  const { data, height, width } = image;
  let o = offset;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = (y * width + (mirrored ? width - 1 - x : x)) * 3;
      out[o++] = NORMALISED[data[i]];
      out[o++] = NORMALISED[data[i + 1]];
      out[o++] = NORMALISED[data[i + 2]];
    }
  }
}

/** Bytes 0..255 as floats in [-1, 1]: x / 127.5 - 1, which differs from `writeNormalised` by rounding alone. The tensor is not disposed. */
export const normalised = <T extends tf.Tensor>(bytes: T): T => tf.tidy(() => tf.sub(tf.div(tf.cast(bytes, 'float32'), 127.5), 1)) as T;

/** A number in [-1, 1] as the byte 0..255 of a picture. */
export const toByte = (value: number): number => Math.min(255, Math.max(0, Math.round((value + 1) * 127.5)));

/**
 * A batch [B, H, W, 3] (or one image [H, W, 3]) in [-1, 1] as pictures: round((x + 1) * 127.5), clamped to 0..255. A
 * pixel with a NaN is magenta. The tensor is not disposed.
 */
export async function imagesFromTensor(tensor: tf.Tensor): Promise<RgbImage[]> {
  const [batch, height, width, channels] = tensor.rank === 3 ? [1, ...tensor.shape] : tensor.shape;
  if (tensor.rank < 3 || tensor.rank > 4 || channels !== 3) {
    throw new RangeError(`expected a tensor [B, H, W, 3] or [H, W, 3], got [${tensor.shape}]`);
  }
  const values = await tensor.data();
  const size = height * width * 3;
  return Array.from({ length: batch }, (_, b) => {
    const data = new Uint8Array(size);
    for (let i = 0, o = b * size; i < size; i++, o++) data[i] = toByte(values[o]);
    for (let i = 0, o = b * size; i < size; i += 3, o += 3) {
      if (Number.isNaN(values[o] + values[o + 1] + values[o + 2])) data.set(NOT_A_NUMBER, i);
    }
    return { data, height, width };
  });
}

/** The first picture of a batch, or the only one. */
export async function imageFromTensor(tensor: tf.Tensor): Promise<RgbImage> {
  return (await imagesFromTensor(tensor))[0];
}

/**
 * Every channel of every image of a batch [B, H, W, C] as a map of its own: `maps[b][c]`. The tensor is not disposed.
 */
export async function mapsFromTensor(tensor: tf.Tensor): Promise<FloatMap[][]> {
  if (tensor.rank !== 4) throw new RangeError(`expected a tensor [B, H, W, C], got [${tensor.shape}]`);
  const [batch, height, width, channels] = tensor.shape;
  const values = await tensor.data();
  return Array.from({ length: batch }, (_, b) =>
    Array.from({ length: channels }, (_, c) => {
      const data = new Float32Array(height * width);
      for (let i = 0, o = b * height * width * channels + c; i < data.length; i++, o += channels) data[i] = values[o];
      return { data, height, width };
    }),
  );
}
