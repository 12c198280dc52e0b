import { hasOwnKernels, l1Gradient, l1Sum } from '../engine/own_kernels';
import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';

/**
 * Mean absolute difference over all pixels and channels, differentiable in `a` only; keeps nothing but its arguments.
 * @param a [n*B, ...]
 * @param b [B, ...], which stands for n copies of itself
 */
export function l1(a: tf.Tensor, b: tf.Tensor): tf.Scalar {
  if (hasOwnKernels()) {
    return customGradient([a], (save, x) => {
      save([x, b]);
      return {
        value: tf.div(l1Sum(x, b), x.size),
        gradFunc: (dy: tf.Tensor, [kept, target]: tf.Tensor[]) => l1Gradient(kept, target, tf.div(dy, kept.size)),
      };
    }) as tf.Scalar;
  }
  const copies = a.size / b.size;
  const difference = (x: tf.Tensor, y: tf.Tensor) => tf.sub(copies === 1 ? x : tf.reshape(x, [copies, ...y.shape]), y);
  return customGradient([a], (save, x) => {
    save([x, b]);
    return {
      value: tf.mean(tf.abs(difference(x, b))),
      gradFunc: (dy: tf.Tensor, [kept, target]: tf.Tensor[]) => tf.reshape(tf.mul(tf.sign(difference(kept, target)), tf.div(dy, kept.size)), kept.shape),
    };
  }) as tf.Scalar;
}

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
