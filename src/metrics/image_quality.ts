import type { RgbImage } from '../data/types';
import { UserError } from '../common/errors';
import { sizesOf, type Metric } from './metric';

export interface QualityOptions {
  /**
   * `rgb`: all three channels. `y`: luminance only, as in the tables of super-resolution papers; `y8`: luminance
   * rounded to whole numbers first, as the older of these papers did. Between the two the tables differ by up to 0.09
   * dB (RCAN x2 on Set5: 38.27 and 38.18). Default `rgb`.
   */
  channel?: 'rgb' | 'y' | 'y8';
  /** Pixels left out on each side; the papers leave out as many as the scale. Default 0. */
  border?: number;
}

/**
 * Peak signal-to-noise ratio of two images in dB (see `planesPsnr`); Infinity for equal images. Throws a UserError if
 * their sizes differ.
 */
export function psnr(a: RgbImage, b: RgbImage, options: QualityOptions = {}): number {
  return planesPsnr(compared(a, b, options));
}

/**
 * Structural similarity of two images (see `planesSsim`), at most 1. Throws a UserError if their sizes differ or are
 * below 11 pixels.
 */
export function ssim(a: RgbImage, b: RgbImage, options: QualityOptions = {}): number {
  return planesSsim(compared(a, b, options));
}

/** Mean PSNR and mean SSIM over pairs of images: the mean of the images' values, as in the papers. */
export function imageQuality(pairs: readonly { image: RgbImage; reference: RgbImage }[], options: QualityOptions = {}): { psnr: Metric; ssim: Metric } {
  if (pairs.length === 0) throw new UserError('PSNR and SSIM need at least one pair of images.');
  const channel = (options.channel ?? 'rgb').toUpperCase();
  const common = {
    n: { pairs: pairs.length },
    sizes: { pairs: sizesOf(pairs.map((p) => p.reference)) },
    notes: [`border of ${options.border ?? 0} pixels left out`],
  };
  const mean = (f: typeof psnr) => pairs.reduce((s, p) => s + f(p.image, p.reference, options), 0) / pairs.length;
  return {
    psnr: { name: `PSNR (${channel})`, value: mean(psnr), unit: 'dB', ...common },
    ssim: { name: `SSIM (${channel})`, value: mean(ssim), ...common },
  };
}

function compared(a: RgbImage, b: RgbImage, { channel = 'rgb', border = 0 }: QualityOptions): [Plane, Plane][] {
  const { height, width } = a;
  if (b.height !== height || b.width !== width) {
    throw new UserError(`images of ${height}x${width} and ${b.height}x${b.width} cannot be compared pixel by pixel; ` + 'bring them to one size.');
  }
  if (2 * border >= Math.min(height, width)) throw new UserError(`a border of ${border} leaves nothing of an image of ${height}x${width}.`);
  const split = (image: RgbImage) => (channel === 'rgb' ? planes(image) : [channel === 'y' ? luma(image) : luma8(image)]);
  const [pa, pb] = [a, b].map((image) => split(image).map((p) => cropPlane(p, border)));
  return pa.map((p, i) => [p, pb[i]]);
}

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

/**
 * Peak signal-to-noise ratio, 10 log10(255^2 / mean squared error) in dB, the error taken over all planes together.
 * Values 0..255.
 */
export function planesPsnr(pairs: readonly [Plane, Plane][]): number {
  let sum = 0;
  let count = 0;
  for (const [{ data: a }, { data: b }] of pairs) {
    for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
    count += a.length;
  }
  return 10 * Math.log10((255 * 255 * count) / sum);
}

const SIDE = 11;
const SIGMA = 1.5;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/**
 * Structural similarity (Wang et al. 2004, their MATLAB `ssim_index`): Gaussian window 11x11 of deviation 1.5, only
 * where it fits into the image, constants (0.01 * 255)^2 and (0.03 * 255)^2; mean over the pixels, then over the
 * planes. Values 0..255. Throws a UserError if a plane is smaller than the window.
 */
export function planesSsim(pairs: readonly [Plane, Plane][]): number {
  return pairs.reduce((sum, [a, b]) => sum + planeSsim(a, b), 0) / pairs.length;
}

function planeSsim({ data: a, height, width }: Plane, { data: b }: Plane): number {
  if (Math.min(height, width) < SIDE) {
    throw new UserError(`SSIM needs at least ${SIDE}x${SIDE} pixels inside the border, there are ${height}x${width}.`);
  }
  const product = (x: Float64Array, y: Float64Array) => x.map((v, i) => v * y[i]);
  const [ma, mb, aa, bb, ab] = [a, b, product(a, a), product(b, b), product(a, b)].map((p) => blur(p, height, width));
  let sum = 0;
  for (let i = 0; i < ma.length; i++) {
    const mu = ma[i] * mb[i];
    const squares = ma[i] * ma[i] + mb[i] * mb[i];
    const variances = aa[i] + bb[i] - squares;
    sum += ((2 * mu + C1) * (2 * (ab[i] - mu) + C2)) / ((squares + C1) * (variances + C2));
  }
  return sum / ma.length;
}

const WINDOW = (() => {
  const w = Array.from({ length: SIDE }, (_, i) => Math.exp(-((i - (SIDE - 1) / 2) ** 2) / (2 * SIGMA * SIGMA)));
  const total = w.reduce((s, v) => s + v, 0);
  return w.map((v) => v / total);
})();

/**
 * The window's weighted mean wherever it fits: (height - 10) x (width - 10). The Gaussian separates into rows and
 * columns.
 */
function blur(plane: Float64Array, height: number, width: number): Float64Array {
  const w = width - SIDE + 1;
  const rows = new Float64Array(height * w);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < w; x++) {
      let s = 0;
      for (let k = 0; k < SIDE; k++) s += WINDOW[k] * plane[y * width + x + k];
      rows[y * w + x] = s;
    }
  }
  const h = height - SIDE + 1;
  const out = new Float64Array(h * w);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      let s = 0;
      for (let k = 0; k < SIDE; k++) s += WINDOW[k] * rows[(y + k) * w + x];
      out[y * w + x] = s;
    }
  }
  return out;
}
