import { UserError } from '../../src/common/errors';
import * as tf from '../../src/engine/tf';
import { assertComparable, comparisonNotes, type Features } from './features';
import type { Metric } from '../../src/metrics/metric';
import { nuclearNormOfProduct } from './singular_values';

/**
 * Frechet inception distance (Heusel et al. 2017): |m1 - m2|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)) of the features' means and
 * covariances (divided by N - 1).
 *
 * The root of the 2048x2048 product is never taken: for centred features A [N,d] and B [M,d], S1 S2 has the non-zero
 * eigenvalues of (A BT)(A BT)T / ((N-1)(M-1)), so tr sqrt(S1 S2) = sum of the singular values of A BT /
 * sqrt((N-1)(M-1)). This is exact also for N < d, where the reference code adds 1e-6 to the diagonals of a singular
 * product, or drops an imaginary part.
 *
 * With fewer images than features the covariances are singular and the distance grows as the sets shrink: two halves of one set of 40 street
 * photographs, 20 against 20, stand 145 apart (features of the canonical network), where many images would show next to nothing.
 *
 * Throws a UserError for fewer than two images in a set or features of two networks.
 */
export function fid(real: Features, fake: Features): Metric {
  assertComparable(real, fake);
  for (const { count } of [real, fake]) {
    if (count < 2)
      throw new UserError(`FID needs at least two images in each set (a covariance), there are ${real.count} real and ` + `${fake.count} generated.`);
  }
  const [a, b] = [real, fake].map(centre);
  const distance = a.mean.reduce((s, m, i) => s + (m - b.mean[i]) ** 2, 0);
  const root = nuclearNormOfProduct(a.centred, b.centred) / Math.sqrt((real.count - 1) * (fake.count - 1));
  tf.dispose([a.centred, b.centred]);
  const value = distance + a.trace + b.trace - 2 * root;

  const notes = comparisonNotes(real, fake);
  const few = Math.min(real.count, fake.count);
  if (few <= real.dimensions) {
    notes.push(
      `${real.count} real and ${fake.count} generated images for ${real.dimensions} features: the covariances are ` +
        'singular and FID is biased upwards, so compare it only with one of as many images',
    );
  }
  return {
    name: real.canonical ? 'FID' : 'Frechet distance',
    // A squared distance; rounding can carry that of equal sets below zero.
    value: Math.max(0, value),
    n: { real: real.count, fake: fake.count },
    sizes: { real: real.size, fake: fake.size },
    network: real.network,
    notes,
  };
}

/** Mean and total variance in double precision, and the features less their mean. */
function centre({ data, count, dimensions }: Features): { mean: Float64Array; trace: number; centred: tf.Tensor2D } {
  const mean = new Float64Array(dimensions);
  for (let i = 0; i < count; i++) for (let k = 0; k < dimensions; k++) mean[k] += data[i * dimensions + k] / count;
  const centred = new Float32Array(data.length);
  let squares = 0;
  for (let i = 0; i < data.length; i++) {
    const d = data[i] - mean[i % dimensions];
    centred[i] = d;
    squares += d * d;
  }
  return { mean, trace: squares / (count - 1), centred: tf.tensor2d(centred, [count, dimensions]) };
}
