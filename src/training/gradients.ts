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
