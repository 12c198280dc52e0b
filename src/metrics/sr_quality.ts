import type { Choice } from '../common/config';
import type { SrPair } from '../data/sr_pairs';
import type { RgbImage } from '../data/types';
import { psnr } from './image_quality';

/** PSNR of an enlarged image, or its mean over pairs, in dB. */
export type SrQuality = {
  /** All three channels, whole images. */
  rgb: number;
  /** Luminance, without a border of 2 pixels: what the tables of super-resolution papers hold. */
  y: number;
};

/** PSNR of an enlarged image against the high-resolution one of its pair. */
export const srPsnr = (image: RgbImage, { high }: SrPair): SrQuality => ({ rgb: psnr(image, high), y: psnr(image, high, { channel: 'y', border: 2 }) });

/** Mean PSNR of enlarged images. `log`: see `psnrLog` of RCAN's training. */
export async function srQuality(pairs: readonly SrPair[], enlarge: (pair: SrPair) => RgbImage | Promise<RgbImage>, log: Choice = 'paper'): Promise<SrQuality> {
  const values: SrQuality[] = [];
  for (const pair of pairs) values.push(srPsnr(await enlarge(pair), pair));
  const mean = log === 'paper' ? average : loggedByOriginal;
  return { rgb: mean(values.map((v) => v.rgb)), y: mean(values.map((v) => v.y)) };
}

const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The PSNR of each four images' common error, summed, divided by the number of images. */
function loggedByOriginal(values: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < values.length; i += 4) sum += -10 * Math.log10(average(values.slice(i, i + 4).map((v) => 10 ** (-v / 10))));
  return sum / values.length;
}
