import { Random } from '../common/random';
import * as tf from '../engine/tf';
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

  /** @param seed chooses the pattern; 0 is that of training */
  apply(x: tf.Tensor4D, seed = 0): tf.Tensor4D {
    const [, height, width] = x.shape;
    return tf.add(x, tf.mul(tf.tensor(pattern(height, width, seed), [1, height, width, 1]), this.scale)) as tf.Tensor4D;
  }
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
    // Box and Muller.
    values = Float32Array.from({ length: height * width }, () => Math.sqrt(-2 * Math.log(1 - random.random())) * Math.cos(2 * Math.PI * random.random()));
    patterns.set(key, values);
  }
  return values;
}
