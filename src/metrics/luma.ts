import type { RgbImage } from '../data/types';

/** One channel, row major. */
export interface Plane {
  data: Float64Array;
  height: number;
  width: number;
}

/**
 * Luminance as super-resolution papers measure it: Y of MATLAB's `rgb2ycbcr` (ITU-R BT.601, 16..235), not rounded,
 * which is what MATLAB returns for images in floating point.
 */
export function luma({ data, height, width }: RgbImage): Plane {
  const y = new Float64Array(height * width);
  for (let i = 0; i < y.length; i++) {
    y[i] = 16 + (65.481 * data[3 * i] + 128.553 * data[3 * i + 1] + 24.966 * data[3 * i + 2]) / 255;
  }
  return { data: y, height, width };
}

/** The same rounded to whole numbers, which is what MATLAB returns for 8-bit images. */
export function luma8(image: RgbImage): Plane {
  const y = luma(image);
  return { ...y, data: y.data.map(Math.round) };
}

/** Red, green and blue. */
export function planes({ data, height, width }: RgbImage): Plane[] {
  return [0, 1, 2].map((c) => ({
    data: Float64Array.from({ length: height * width }, (_, i) => data[3 * i + c]),
    height,
    width,
  }));
}

/** A plane without `border` pixels on each side. */
export function cropPlane({ data, height, width }: Plane, border: number): Plane {
  const h = height - 2 * border;
  const w = width - 2 * border;
  const out = new Float64Array(h * w);
  for (let y = 0; y < h; y++) out.set(data.subarray((y + border) * width + border, (y + border) * width + border + w), y * w);
  return { data: out, height: h, width: w };
}
