import * as tf from './tf';

/**
 * A function of some tensors with a gradient of its own, which TensorFlow.js would compose otherwise: `tf.customGrad` with the types of its
 * inputs.
 * @param f gets the inputs and `save`, which keeps tensors for the gradient; `gradFunc` gives a gradient for each input, in their order
 */
export function customGradient<I extends tf.Tensor[], O extends tf.Tensor>(
  inputs: readonly [...I],
  f: (save: (tensors: tf.Tensor[]) => void, ...inputs: I) => { value: O; gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[] },
): O {
  const op = tf.customGrad((...args) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    return f(save, ...(args.slice(0, -1) as I));
  });
  return op(...inputs) as O;
}
