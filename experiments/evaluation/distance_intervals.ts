/** Bootstrap intervals of FID and KID, from the products of all features, which are made once. */
import * as tf from '../../src/engine/tf';
import { bootstrap, type Interval } from '../../src/metrics/bootstrap';
import type { Features } from '../../tools/judges/features';
import { nuclearNormOfProduct } from '../../tools/judges/singular_values';

/** Inner products of two sets, row by row. */
type Products = { xx: Float32Array; yy: Float32Array; xy: Float32Array };

/** Features less the real set's mean, which changes no distance and keeps float32 exact enough. */
function centredProducts(real: Features, fake: Features): Products {
  return tf.tidy(() => {
    const x = tf.tensor2d(real.data, [real.count, real.dimensions]);
    const y = tf.tensor2d(fake.data, [fake.count, fake.dimensions]);
    const mean = tf.mean(x, 0);
    return products(tf.sub(x, mean), tf.sub(y, mean));
  });
}

function products(x: tf.Tensor2D, y: tf.Tensor2D): Products {
  const of = (a: tf.Tensor2D, b: tf.Tensor2D) => tf.matMul(a, b, false, true).dataSync() as Float32Array;
  return { xx: of(x, x), yy: of(y, y), xy: of(x, y) };
}

/** Sum over the pairs of drawn images. */
function sums(p: Float32Array, columns: number, rows: Int32Array, cols: Int32Array): number {
  let sum = 0;
  for (const i of rows) for (const j of cols) sum += p[i * columns + j];
  return sum;
}

/** Decompositions cost the third power of the number of images: so many resamples as take some seconds, between 20 and 200. */
const resamplesFor = (few: number) => Math.max(20, Math.min(200, Math.floor(2e10 / few ** 3)));

/**
 * The spread of FID over images drawn with replacement, laid around `value`: repeated images raise the distance as a whole, which says
 * nothing of the sets. By the same identity as `fid`, on centred products alone.
 */
export function fidInterval(real: Features, fake: Features, value: number): Interval | undefined {
  const [n, m] = [real.count, fake.count];
  const { xx, yy, xy } = centredProducts(real, fake);
  const diagonal = (p: Float32Array, columns: number, draw: Int32Array) => draw.reduce((s, i) => s + p[i * columns + i], 0);
  const resampled = (a: Int32Array, b: Int32Array): number => {
    const [sxx, syy, sxy] = [sums(xx, n, a, a), sums(yy, m, b, b), sums(xy, m, a, b)];
    const means = sxx / (n * n) + syy / (m * m) - (2 * sxy) / (n * m);
    const traces = (diagonal(xx, n, a) - sxx / n) / (n - 1) + (diagonal(yy, m, b) - syy / m) / (m - 1);
    const rows = Float64Array.from(a, (i) => b.reduce((s, j) => s + xy[i * m + j], 0) / m);
    const columns = Float64Array.from(b, (j) => a.reduce((s, i) => s + xy[i * m + j], 0) / n);
    const centred = new Float32Array(n * m);
    a.forEach((i, r) => b.forEach((j, c) => (centred[r * m + c] = xy[i * m + j] - rows[r] - columns[c] + sxy / (n * m))));
    const norm = tf.tidy(() => nuclearNormOfProduct(tf.tensor2d(centred, [n, m]), tf.eye(m)));
    return means + traces - (2 * norm) / Math.sqrt((n - 1) * (m - 1));
  };
  return bootstrap([n, m], resampled, { resamples: resamplesFor(Math.min(n, m)), centre: value });
}

/** The spread of KID over images drawn with replacement, laid around `value` for the same reason. */
export function kidInterval(real: Features, fake: Features, value: number): Interval | undefined {
  const [n, m, d] = [real.count, fake.count, real.dimensions];
  const raw = tf.tidy(() => products(tf.tensor2d(real.data, [n, d]), tf.tensor2d(fake.data, [m, d])));
  const kernel = (p: Float32Array) => p.map((v) => (v / d + 1) ** 3);
  const [xx, yy, xy] = [kernel(raw.xx), kernel(raw.yy), kernel(raw.xy)];
  const within = (k: Float32Array, count: number, draw: Int32Array) =>
    (sums(k, count, draw, draw) - draw.reduce((s, i) => s + k[i * count + i], 0)) / (count * (count - 1));
  const resampled = (a: Int32Array, b: Int32Array) => within(xx, n, a) + within(yy, m, b) - (2 * sums(xy, m, a, b)) / (n * m);
  return bootstrap([n, m], resampled, { resamples: 200, centre: value });
}
