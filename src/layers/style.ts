import * as tf from '../engine/tf';
import { writeNormalised } from '../data/tensors';
import { resizeImage } from '../data/resize';
import type { RgbImage, Size } from '../data/types';
import type { Parameters } from './core/parameters';

/**
 * Mean and standard deviation among landscapes of brightness, warmth, green and contrast, for pixels in -1..1: of the upper and of the lower half of 600
 * photos of the training set of docs/pretrained.md at 96x128.
 */
const HALVES = [
  [
    [0.09, 0.3],
    [-0.15, 0.4],
    [0.03, 0.09],
    [0.32, 0.13],
  ],
  [
    [-0.2, 0.28],
    [0.08, 0.34],
    [0.07, 0.11],
    [0.32, 0.12],
  ],
];

/** Numbers of a style. */
export const STYLE_SIZE = HALVES.flat().length;

/** That of an average photo of a landscape. */
export const AVERAGE_STYLE: readonly number[] = new Array<number>(STYLE_SIZE).fill(0);

/**
 * The style of a photo: of its upper half and of its lower half the mean brightness (R+G+B)/3, the mean warmth R-B, the mean green G-(R+B)/2 and the
 * contrast (standard deviation of the brightness), each about 0 with standard deviation 1 among photos of landscapes. 0 throughout is an average photo.
 * @param pixels [H,W,3] in -1..1
 */
export function styleOf(pixels: ArrayLike<number>, height: number, width: number): number[] {
  const middle = 3 * width * Math.max(1, height >> 1);
  return HALVES.flatMap((measures, i) => {
    const [from, to] = i === 0 ? [0, middle] : [height > 1 ? middle : 0, 3 * width * height];
    let [brightness, squares, warmth, green] = [0, 0, 0, 0];
    for (let at = from; at < to; at += 3) {
      const [r, g, b] = [pixels[at], pixels[at + 1], pixels[at + 2]];
      const y = (r + g + b) / 3;
      brightness += y;
      squares += y * y;
      warmth += r - b;
      green += g - (r + b) / 2;
    }
    const n = (to - from) / 3;
    const contrast = Math.sqrt(Math.max(0, squares / n - (brightness / n) ** 2));
    return [brightness / n, warmth / n, green / n, contrast].map((value, k) => (value - measures[k][0]) / measures[k][1]);
  });
}

/** The same of a picture, at the size that a network paints at: the contrast depends on it. */
export function styleOfImage(image: RgbImage, [height, width]: Size): number[] {
  const pixels = new Float32Array(3 * height * width);
  writeNormalised(resizeImage(image, [height, width], 'bicubic'), pixels);
  return styleOf(pixels, height, width);
}

/** What the name of a style's weights ends in. */
export const STYLE_WEIGHT = '.style.weight';

/**
 * The style of each image, weighed by a learned matrix and added to a map, alike at all pixels: y = x + style W.
 * [B,H,W,C], style [B,8] -> [B,H,W,C].
 */
export class StyleInput {
  private readonly weight: tf.Tensor2D & tf.Variable;

  constructor(p: Parameters, channels: number) {
    this.weight = p.scope('style').dense('weight', [STYLE_SIZE, channels], { kind: 'normal', std: START / Math.sqrt(STYLE_SIZE) });
  }

  /** @param style [B,8]; without one x itself, which is the average style */
  apply(x: tf.Tensor4D, style?: tf.Tensor2D): tf.Tensor4D {
    if (!style) return x;
    const [batch, , , channels] = x.shape;
    return tf.add(x, tf.reshape(tf.matMul(style, this.weight), [batch, 1, 1, channels])) as tf.Tensor4D;
  }
}

/** Beside maps of standard deviation 1, as noise. */
const START = 0.1;
