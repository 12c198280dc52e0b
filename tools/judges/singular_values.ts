import { UserError } from '../../src/common/errors';
import * as tf from '../../src/engine/tf';

/** Above this the plain method takes longer than a minute. */
const PLAIN_LIMIT = 800;

/**
 * Sum of the singular values (nuclear norm) of a bT. a [N,d], b [M,d] -> number.
 *
 * A set of more rows than columns is first replaced by the triangle of its QR decomposition, which changes no singular
 * value: a = Q R gives a bT = Q (R bT). So the matrix decomposed is at most d x d.
 */
export function nuclearNormOfProduct(a: tf.Tensor2D, b: tf.Tensor2D): number {
  if (!tf.hasNativeKernels()) return plainNuclearNorm(tf.tidy(() => tf.matMul(a, b, false, true)));
  const values = tf.tidy(() => {
    const product = tf.matMul(triangle(a), triangle(b), false, true);
    const attributes = { T: 'float32', compute_uv: false, full_matrices: false };
    return tf.runKernel('Svd', attributes, [product], 3)[0];
  });
  const sum = (values.dataSync() as Float32Array).reduce((s, v) => s + v, 0);
  values.dispose();
  return sum;
}

function triangle(a: tf.Tensor2D): tf.Tensor2D {
  const [rows, columns] = a.shape;
  if (rows <= columns) return a;
  return tf.runKernel('Qr', { T: 'float32', full_matrices: false }, [a], 2)[1] as tf.Tensor2D;
}

/** The same without native kernels; disposes `matrix`. */
function plainNuclearNorm(matrix: tf.Tensor2D): number {
  const [rows, columns] = matrix.shape;
  const data = matrix.dataSync();
  matrix.dispose();
  const wide = rows <= columns;
  const [n, length] = wide ? [rows, columns] : [columns, rows];
  if (n > PLAIN_LIMIT) {
    throw new UserError(
      `FID of ${rows} and ${columns} images needs the native engine (the plain one serves up to ${PLAIN_LIMIT} ` + 'in the smaller set); see `npm run doctor`.',
    );
  }
  const vectors = Array.from({ length: n }, (_, i) => Float64Array.from({ length }, (_unused, k) => (wide ? data[i * columns + k] : data[k * columns + i])));
  return singularValues(vectors).reduce((s, v) => s + v, 0);
}

/**
 * Singular values of the matrix whose rows are given, in no order, by one-sided Jacobi rotations (Hestenes 1958): pairs
 * of rows are turned until all are orthogonal; their lengths are the values. Accurate to the last digits, O(10 n^2
 * length). Changes the rows.
 */
export function singularValues(rows: Float64Array[]): number[] {
  const n = rows.length;
  const dot = (p: Float64Array, q: Float64Array) => {
    let s = 0;
    for (let k = 0; k < p.length; k++) s += p[k] * q[k];
    return s;
  };
  const squares = rows.map((r) => dot(r, r));
  // Below this a row is rounding only; turning it would never end.
  const negligible = 1e-30 * squares.reduce((s, v) => s + v, 0);
  for (let sweep = 0, turned = true; turned && sweep < 60; sweep++) {
    turned = false;
    for (let i = 0; i < n - 1; i++) {
      for (let j = i + 1; j < n; j++) {
        if (squares[i] <= negligible || squares[j] <= negligible) continue;
        const [p, q] = [rows[i], rows[j]];
        const c = dot(p, q);
        if (Math.abs(c) <= 1e-14 * Math.sqrt(squares[i] * squares[j])) continue;
        turned = true;
        const zeta = (squares[j] - squares[i]) / (2 * c);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const cos = 1 / Math.sqrt(1 + t * t);
        const sin = cos * t;
        for (let k = 0; k < p.length; k++) {
          const v = p[k];
          p[k] = cos * v - sin * q[k];
          q[k] = sin * v + cos * q[k];
        }
        squares[i] = dot(p, p);
        squares[j] = dot(q, q);
      }
    }
  }
  return squares.map(Math.sqrt);
}
