import { Mulberry32 } from '../../src/common/mulberry';
import { UserError } from '../../src/common/errors';
import * as tf from '../../src/engine/tf';
import { assertComparable, comparisonNotes, type Features } from './features';
import type { Metric } from '../../src/metrics/metric';

export interface KidOptions {
  /** How many random subsets the standard deviation is taken over. Default 100. */
  subsets?: number;
  /**
   * Images of each set in a subset, drawn without replacement. Default 1000, or half of the smaller set where that is
   * less.
   */
  subsetSize?: number;
  /** Default 628. */
  seed?: number;
}

export interface KidMetric extends Metric {
  /** Mean and standard deviation over random subsets, the form most papers print. */
  subsets: { count: number; size: number; mean: number; deviation: number };
}

/** Rows of a kernel matrix made at a time. */
const CHUNK = 1024;

/**
 * Kernel inception distance (Binkowski et al. 2018): the unbiased estimate of the squared maximum mean discrepancy with
 * the kernel k(x, y) = (x . y / d + 1)^3. Unlike FID it does not depend on N in the mean, and can be below zero for
 * equal distributions. The value is that of the whole sets; `subsets` holds mean and standard deviation over random
 * subsets.
 *
 * Throws a UserError for fewer than four images in a set or features of two networks.
 */
export function kid(real: Features, fake: Features, options: KidOptions = {}): KidMetric {
  assertComparable(real, fake);
  const few = Math.min(real.count, fake.count);
  if (few < 4) throw new UserError(`KID needs at least four images in each set, there are ${real.count} real and ${fake.count} generated.`);
  const { subsets = 100, subsetSize = Math.min(1000, Math.floor(few / 2)), seed = 628 } = options;
  if (subsetSize < 2 || subsetSize > few || subsets < 2) {
    throw new UserError(`KID over ${subsets} subsets of ${subsetSize}: there have to be at least two, of 2 to ${few} images.`);
  }

  const value = discrepancy(real.data, fake.data, real.dimensions);
  const random = new Mulberry32(seed);
  const draws = Array.from({ length: subsets }, () => discrepancy(pick(real, subsetSize, random), pick(fake, subsetSize, random), real.dimensions));
  const mean = draws.reduce((s, v) => s + v, 0) / subsets;
  const deviation = Math.sqrt(draws.reduce((s, v) => s + (v - mean) ** 2, 0) / subsets);
  return {
    name: real.canonical ? 'KID' : 'kernel distance',
    value,
    deviation: { value: deviation, over: `${subsets} subsets of ${subsetSize}` },
    subsets: { count: subsets, size: subsetSize, mean, deviation },
    n: { real: real.count, fake: fake.count },
    sizes: { real: real.size, fake: fake.size },
    network: real.network,
    notes: comparisonNotes(real, fake),
  };
}

/** `size` different rows. */
function pick({ data, count, dimensions }: Features, size: number, random: Mulberry32): Float32Array {
  const order = Array.from({ length: count }, (_, i) => i);
  const out = new Float32Array(size * dimensions);
  for (let i = 0; i < size; i++) {
    const j = random.int(i, count - 1);
    [order[i], order[j]] = [order[j], order[i]];
    out.set(data.subarray(order[i] * dimensions, (order[i] + 1) * dimensions), i * dimensions);
  }
  return out;
}

/**
 * Unbiased squared discrepancy: means over pairs of different images within each set, less twice the mean over pairs
 * across.
 */
function discrepancy(x: Float32Array, y: Float32Array, d: number): number {
  const [m, n] = [x.length / d, y.length / d];
  const [a, b] = [tf.tensor2d(x, [m, d]), tf.tensor2d(y, [n, d])];
  const within = (t: tf.Tensor2D, count: number) => (kernelSum(t, t) - kernelDiagonal(t)) / (count * (count - 1));
  const value = within(a, m) + within(b, n) - (2 * kernelSum(a, b)) / (m * n);
  tf.dispose([a, b]);
  return value;
}

/** Sum of k over all pairs; the products in float32, the sum in double precision. */
function kernelSum(a: tf.Tensor2D, b: tf.Tensor2D): number {
  const [rows, d] = a.shape;
  let sum = 0;
  for (let at = 0; at < rows; at += CHUNK) {
    const products = tf.tidy(() => tf.matMul(tf.slice(a, [at, 0], [Math.min(CHUNK, rows - at), d]), b, false, true));
    for (const p of products.dataSync()) sum += (p / d + 1) ** 3;
    products.dispose();
  }
  return sum;
}

function kernelDiagonal(a: tf.Tensor2D): number {
  const d = a.shape[1];
  const squares = tf.tidy(() => tf.sum(tf.square(a), 1));
  let sum = 0;
  for (const p of squares.dataSync()) sum += (p / d + 1) ** 3;
  squares.dispose();
  return sum;
}
