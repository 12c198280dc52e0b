import * as tf from '../../engine/tf';
import { customGradient } from '../../engine/custom_gradient';

/*
 * Activations whose gradients are single TensorFlow kernels that keep only the output. TensorFlow.js composes them of comparisons,
 * casts and products and keeps every intermediate.
 */

/** max(x, 0) */
export function relu<T extends tf.Tensor>(x: T): T {
  if (!tf.hasNativeKernels()) return tf.relu(x);
  return fromOutput(
    x,
    (input) => tf.relu(input),
    (dy, y) => tf.runKernel('ReluGrad', { T: 'float32' }, [dy, y])[0],
  );
}

/** x where positive, 0.2 * x elsewhere; the slope that all networks here use. */
export function leakyRelu(x: tf.Tensor4D): tf.Tensor4D {
  if (!tf.hasNativeKernels()) return tf.leakyRelu(x, 0.2);
  // The output has the sign of the input, which is all that the gradient asks for.
  const gradient = (dy: tf.Tensor, y: tf.Tensor) => tf.runKernel('LeakyReluGrad', { T: 'float32', alpha: { float: 0.2 } }, [dy, y])[0];
  return fromOutput(x, (input) => tf.leakyRelu(input, 0.2), gradient);
}

export function tanh(x: tf.Tensor4D): tf.Tensor4D {
  if (!tf.hasNativeKernels()) return tf.tanh(x);
  return fromOutput(x, tf.tanh, (dy, y) => tf.runKernel('TanhGrad', { T: 'float32' }, [y, dy])[0]);
}

function fromOutput<T extends tf.Tensor>(x: T, f: (x: T) => tf.Tensor, gradient: (dy: tf.Tensor, y: tf.Tensor) => tf.Tensor): T {
  return customGradient([x], (save, input) => {
    const value = f(input);
    save([value]);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradient(dy, saved[0]) };
  }) as T;
}
