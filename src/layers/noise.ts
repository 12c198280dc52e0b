import { Random } from '../common/random';
import * as tf from '../engine/tf';
import type { Size } from '../data/types';
import type { Parameters } from './core/parameters';

/**
 * A pattern of noise, scaled by a learned factor for each channel and added to a map (StyleGAN's noise inputs, 1812.04948, section 3.2, but
 * one fixed pattern for a size and a seed, so that the same label map always gives the same image): y = x + scale * noise. [B,H,W,C] -> [B,H,W,C].
 *
 * Convolutions of a uniform region see the same numbers at every pixel; noise is what texture can be painted from there.
 */
export class NoiseInput {
  private readonly scale: tf.Tensor1D & tf.Variable;

  constructor(p: Parameters, channels: number) {
    this.scale = p.scope('noise').vector('scale', channels, { kind: 'constant', value: START });
  }

  /** @param noise the patterns; a number is the seed of one for all images */
  apply(x: tf.Tensor4D, noise: number | NoisePatterns = 0): tf.Tensor4D {
    const [, height, width] = x.shape;
    const patterns = typeof noise === 'number' ? tf.tensor(pattern(height, width, noise), [1, height, width, 1]) : noise[nameOf(height, width)];
    return tf.add(x, tf.mul(patterns, this.scale)) as tf.Tensor4D;
  }
}

/** Patterns by their size, such as '24x32': [B,H,W,1], one for each image of a batch. */
export type NoisePatterns = Readonly<Record<string, tf.Tensor4D>>;

const nameOf = (height: number, width: number) => `${height}x${width}`;

/** Other patterns for each image of a batch, whose numbers a training step draws: `randoms`, one for an image. */
export function drawNoise(sizes: readonly Size[], randoms: readonly Random[]): NoisePatterns {
  const drawn = sizes.map(([height, width]) => {
    const values = new Float32Array(randoms.length * height * width);
    randoms.forEach((random, i) => values.set(normalNumbers(random, height * width), i * height * width));
    return [nameOf(height, width), tf.tensor4d(values, [randoms.length, height, width, 1])] as const;
  });
  return Object.fromEntries(drawn);
}

/** Beside maps of standard deviation 1. */
const START = 0.1;

/** Patterns that are kept; a generator of one seed needs six. */
const KEPT = 32;

const patterns = new Map<string, Float32Array>();

/** Standard normal numbers that depend on the size and the seed alone; the same on every engine. */
function pattern(height: number, width: number, seed: number): Float32Array {
  const key = `${height}x${width} ${seed}`;
  let values = patterns.get(key);
  if (!values) {
    if (patterns.size >= KEPT) patterns.clear();
    // A word of zeros at the end is dropped: seed 0 is the size alone.
    const random = new Random([height * 65_536 + width, seed]);
    values = normalNumbers(random, height * width);
    patterns.set(key, values);
  }
  return values;
}

/** By Box and Muller. */
function normalNumbers(random: Random, length: number): Float32Array {
  return Float32Array.from({ length }, () => Math.sqrt(-2 * Math.log(1 - random.random())) * Math.cos(2 * Math.PI * random.random()));
}
