import * as tf from '../tf';
import type { Parameters } from '../layers/parameters';

/**
 * The value of `f` and its gradients by parameter name; parameters that `f` does not depend on are left out.
 * The caller disposes both.
 *
 * What the backward pass has used is freed as it goes. TensorFlow.js by itself frees nothing before the end, which doubles the memory.
 */
export function gradients(
  f: () => tf.Scalar,
  parameters: Parameters,
): { value: tf.Scalar; gradients: Record<string, tf.Tensor> } {
  const { trainable } = parameters;
  const { value, grads } = tf.variableGrads(() => {
    const result = f();
    freeEarly((tf.engine() as unknown as { state: { activeTape: TapeNode[] } }).state.activeTape);
    return result;
  }, trainable.map((e) => e.variable));
  const named: Record<string, tf.Tensor> = {};
  for (const { name, variable } of trainable) {
    const gradient = grads[variable.name];
    if (gradient) named[name] = gradient;
  }
  return { value, gradients: named };
}

/** An operation that TensorFlow.js recorded. */
interface TapeNode {
  inputs: Record<string, tf.Tensor>;
  saved?: tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

/**
 * Makes every operation, when its turn in the backward pass comes, free what the one before it leaves behind: the tensors it had saved,
 * the gradient of its output, and gradients that were added to an earlier one of the same tensor.
 */
function freeEarly(tape: TapeNode[]): void {
  let spent: tf.Tensor[] = [];
  const met = new Set<number>();
  for (const node of tape) {
    const original = node.gradient;
    if (!original) continue;
    // TensorFlow.js calls this on a copy of the node whose inputs are those that a gradient is wanted for.
    node.gradient = function backward(this: TapeNode, dys) {
      tf.dispose(spent);
      const wanted = Object.keys(this.inputs);
      const computed = tf.tidy(() => {
        const functions = original(dys);
        return Object.fromEntries(wanted.map((name) => [name, functions[name]()]));
      });
      spent = [...(this.saved ?? []), ...dys.filter((dy): dy is tf.Tensor => dy !== null)];
      const used = new Set(spent);
      const results: Record<string, () => tf.Tensor> = {};
      for (const name of wanted) {
        // An operation may pass its gradient on as it is.
        const dx = used.has(computed[name]) ? tf.clone(computed[name]) : computed[name];
        used.add(dx);
        const { id } = this.inputs[name];
        if (met.has(id)) spent.push(dx);
        met.add(id);
        results[name] = () => dx;
      }
      return results;
    };
  }
}
