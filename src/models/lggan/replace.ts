import * as tf from '../../engine/tf';

/** f(x), after which x and all that led from it to the result is freed; what a gradient needs has been saved by then. */
export function replace(x: tf.Tensor4D, f: (x: tf.Tensor4D) => tf.Tensor4D): tf.Tensor4D {
  const y = tf.tidy(() => f(x));
  x.dispose();
  return y;
}
