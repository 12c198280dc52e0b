import type { LabelMap } from '../../src/data/types';
import { Vgg19 } from '../../src/judges/vgg19';
import { VGG19_LAYERS } from '../../src/judges/vgg19_weights';
import * as tf from '../../src/engine/tf';
import { assertClose, normals } from './close';

/** A label map whose pixel (y, x) is f(y, x). */
export function labelMap(height: number, width: number, f: (y: number, x: number) => number): LabelMap {
  const data = Uint8Array.from({ length: height * width }, (_, i) => f(Math.floor(i / width), i % width));
  return { data, height, width };
}

/** Seeded standard normal numbers, times `scale`; typed as the images and kernels that most tests need. */
export function normalTensor(shape: number[], seed: number, scale = 1): tf.Tensor4D {
  const next = normals(seed);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * next());
  return tf.tensor(values, shape as [number]) as tf.Tensor as tf.Tensor4D;
}

/** Gives every parameter seeded normal values: networks start with zero biases and tiny weights, which would hide mistakes. */
export function scatter(entries: readonly { variable: tf.Variable }[], seed: number, scale = 0.3): void {
  entries.forEach(({ variable }, i) => tf.tidy(() => variable.assign(normalTensor(variable.shape, seed + i, scale) as tf.Tensor)));
}

/** A function's value, and the gradient of <weights, value> by input (zeros where the value does not depend on it). */
function valueAndGradients(f: () => tf.Tensor, inputs: readonly tf.Tensor[], weights: tf.Tensor) {
  const { value, grads } = tf.engine().gradients(f, inputs as tf.Tensor[], weights, true);
  return { value, grads: inputs.map((x, i) => grads[i] ?? tf.zerosLike(x)) };
}

/**
 * Asserts that two ways to compute the same have the same value, and the same gradient for each input (tensors and variables that both use
 * from their closure). Each gradient is measured against the largest of its own numbers. Returns the largest relative deviations.
 */
export function assertSame(
  actual: () => tf.Tensor,
  expected: () => tf.Tensor,
  inputs: readonly tf.Tensor[],
  tolerance: { value: number; gradient: number },
): { value: number; gradient: number } {
  return tf.tidy(() => {
    const weights = normalTensor(tf.tidy(expected).shape, 99) as tf.Tensor;
    const a = valueAndGradients(actual, inputs, weights);
    const e = valueAndGradients(expected, inputs, weights);
    const value = assertClose(a.value, e.value, tolerance.value, 'value').relative;
    const gradient = inputs.map((x, i) => assertClose(a.grads[i], e.grads[i], tolerance.gradient, `gradient of input ${i} [${x.shape}]`).relative);
    return { value, gradient: Math.max(...gradient) };
  }) as unknown as { value: number; gradient: number };
}

/** VGG19 with seeded random weights, scaled so that its features keep their size. */
export function randomVgg(): Vgg19 {
  const next = normals(3);
  const values = (n: number, scale: number) => Float32Array.from({ length: n }, () => scale * next());
  const layers = VGG19_LAYERS.map(({ cin, cout }) => ({
    kernel: { shape: [3, 3, cin, cout], data: values(9 * cin * cout, Math.sqrt(2 / (9 * cin))) },
    bias: { shape: [cout], data: values(cout, 0.1) },
  }));
  return new Vgg19({ source: 'random', layers });
}

/** For commands that train a generator: the smallest network. */
export const TOY_NETWORK = ['--image_size', '32x64', '--ngf', '4', '--ndf', '4', '--spade_hidden', '4', '--residual_blocks', '1'] as const;
