import { Random } from '../common/random';
import type { Size } from '../data/types';
import * as tf from '../engine/tf';
import type { Parameters } from './core/parameters';

/** Patterns of standard normal numbers by their size, such as '24x32': [B,H,W,1], one for each image of a batch, or [1,H,W,1] for all. */
export type NoisePatterns = Readonly<Record<string, tf.Tensor4D | undefined>>;

/**
 * A pattern of noise, scaled by a learned factor for each channel and added to a map (StyleGAN's noise inputs, 1812.04948, section 3.2):
 * y = x + scale * noise. [B,H,W,C] -> [B,H,W,C]. Training draws another pattern in each step (`drawNoise`); a painting has that of a seed
 * (`seededNoise`), so that the same label map always gives the same image.
 *
 * Convolutions of a uniform region see the same numbers at every pixel; noise is what texture can be painted from there.
 */
export class NoiseInput {
  private readonly scale: tf.Tensor1D & tf.Variable;

  constructor(p: Parameters, channels: number) {
    this.scale = p.scope('noise').vector('scale', channels, { kind: 'constant', value: START });
  }

  /** @param noise by default that of seed 0 */
  apply(x: tf.Tensor4D, noise?: NoisePatterns): tf.Tensor4D {
    const [, height, width] = x.shape;
    const patterns = (noise ?? seededNoise([[height, width]], 0))[nameOf(height, width)];
    if (!patterns) throw new Error(`no noise of ${nameOf(height, width)} was drawn`);
    return tf.add(x, tf.mul(patterns, this.scale)) as tf.Tensor4D;
  }
}

/** Beside maps of standard deviation 1. */
const START = 0.1;

const nameOf = (height: number, width: number) => `${height}x${width}`;

/** One pattern for all images, which depends on its size and the seed alone; the same on every engine. The caller disposes of them. */
export function seededNoise(sizes: readonly Size[], seed: number): NoisePatterns {
  return Object.fromEntries(sizes.map(([height, width]) => [nameOf(height, width), tf.tensor4d(pattern(height, width, seed), [1, height, width, 1])]));
}

/** A pattern for each image of a batch: `randoms` has one for each. The caller disposes of them. */
export function drawNoise(sizes: readonly Size[], randoms: readonly Random[]): NoisePatterns {
  const drawn = sizes.map(([height, width]) => {
    const values = new Float32Array(randoms.length * height * width);
    randoms.forEach((random, i) => values.set(normalNumbers(random, height * width), i * height * width));
    return [nameOf(height, width), tf.tensor4d(values, [randoms.length, height, width, 1])] as const;
  });
  return Object.fromEntries(drawn);
}

/** Patterns that are kept; a generator of one seed needs six. */
const KEPT = 32;

const patterns = new Map<string, Float32Array>();

function pattern(height: number, width: number, seed: number): Float32Array {
  const key = `${nameOf(height, width)} ${seed}`;
  let values = patterns.get(key);
  if (!values) {
    if (patterns.size >= KEPT) patterns.clear();
    // A word of zeros at the end is dropped: seed 0 is the size alone.
    values = normalNumbers(new Random([height * 65_536 + width, seed]), height * width);
    patterns.set(key, values);
  }
  return values;
}

/** By Box and Muller. */
function normalNumbers(random: Random, length: number): Float32Array {
  return Float32Array.from({ length }, () => Math.sqrt(-2 * Math.log(1 - random.random())) * Math.cos(2 * Math.PI * random.random()));
}
