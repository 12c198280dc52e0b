import * as tf from '../tf';

/** Mean absolute difference over all pixels and channels. */
export const l1 = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.mean(tf.abs(tf.sub(a, b)));

/**
 * Total variation as the original defines it: 2 * (mean squared difference of vertical neighbours + the same of horizontal ones),
 * means over pixels, channels and batch. x [B,H,W,C].
 */
export function totalVariation(x: tf.Tensor4D): tf.Scalar {
  const [b, h, w, c] = x.shape;
  const rows = (from: number) => tf.slice(x, [0, from, 0, 0], [b, h - 1, w, c]);
  const columns = (from: number) => tf.slice(x, [0, 0, from, 0], [b, h, w - 1, c]);
  const vertical = tf.mean(tf.square(tf.sub(rows(1), rows(0))));
  const horizontal = tf.mean(tf.square(tf.sub(columns(1), columns(0))));
  return tf.mul(2, tf.add(vertical, horizontal));
}
