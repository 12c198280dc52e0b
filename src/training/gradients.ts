import { cluster } from '../engine/cluster';
import * as tf from '../engine/tf';
import type { Parameters } from '../layers/core/parameters';
import { freeEarly } from '../engine/tape';

/**
 * The value of `f` and its gradients by parameter name; parameters that `f` does not depend on are left out.
 * The caller disposes both.
 */
export function gradients(f: () => tf.Scalar, parameters: Parameters): { value: tf.Scalar; gradients: Record<string, tf.Tensor> } {
  const { trainable } = parameters;
  const { value, grads } = tf.variableGrads(
    () => {
      const result = f();
      freeEarly();
      return result;
    },
    trainable.map((e) => e.variable),
  );
  const named: Record<string, tf.Tensor> = {};
  for (const { name, variable } of trainable) {
    const gradient = grads[variable.name];
    if (gradient) named[name] = gradient;
  }
  return { value, gradients: named };
}

/**
 * Losses and gradients of a step as means over all workers, the same bits for each: all take the same step, or none. Takes what it is given;
 * the caller disposes of what it returns. A worker alone gets back its own.
 */
export function agreed(
  losses: Record<string, tf.Scalar>,
  own: Record<string, tf.Tensor>,
  { trainable }: Parameters,
): { losses: Record<string, tf.Scalar>; gradients: Record<string, tf.Tensor> } {
  const group = cluster();
  if (!group) return { losses, gradients: own };
  // Eager steps leave out the kernels of classes that their own images lack. The last layers' gradients are there first: a compiled step sends
  // them while its backward pass goes on.
  const all: Record<string, tf.Tensor> = Object.fromEntries([...trainable].reverse().map(({ name, variable }) => [name, own[name] ?? tf.zerosLike(variable)]));
  const tensors = [...Object.values(losses), ...Object.values(all)];
  const means = group.means(tensors);
  tf.dispose(tensors);
  const named = (names: string[], from: number) => Object.fromEntries(names.map((name, i) => [name, means[from + i]]));
  const count = Object.keys(losses).length;
  const gradients = named(Object.keys(all), count);
  return {
    losses: named(Object.keys(losses), 0) as Record<string, tf.Scalar>,
    gradients: Object.fromEntries(trainable.map(({ name }) => [name, gradients[name]])),
  };
}
