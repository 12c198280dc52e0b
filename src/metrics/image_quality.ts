import type { RgbImage } from '../data/types';
import { UserError } from '../common/errors';
import { cropPlane, luma, luma8, planes, type Plane } from './luma';
import { sizesOf, type Metric } from './metric';
import { planesPsnr } from './psnr';
import { planesSsim } from './ssim';

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
