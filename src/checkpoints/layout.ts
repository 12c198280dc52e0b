import type { ParameterKind } from '../layers/core/parameters';
import * as tf from '../engine/tf';

/** The part of a network's parameters that a checkpoint needs; `Parameters` of src/layers is one. */
export interface NamedVariables {
  entries(): readonly { name: string; variable: tf.Variable; kind: ParameterKind }[];
}

/**
 * How the original's axes (PyTorch's and Jittor's) stand to TensorFlow's, for each kind of parameter.
 * - `conv`: [out, in, kh, kw] and [kh, kw, in, out]
 * - `convTransposed`: [in, out, kh, kw] and [kh, kw, out, in]
 * - `dense`: [out, in] and [in, out]
 * - `vector`: the same
 *
 * `toTf[d]` is the original's axis that becomes TensorFlow's axis d, `toOriginal` the other way round.
 */
const AXES: Record<ParameterKind, { toTf: number[]; toOriginal: number[] } | undefined> = {
  conv: { toTf: [2, 3, 1, 0], toOriginal: [3, 2, 0, 1] },
  convTransposed: { toTf: [2, 3, 1, 0], toOriginal: [3, 2, 0, 1] },
  dense: { toTf: [1, 0], toOriginal: [1, 0] },
  vector: undefined,
};

/** The shape in the original of a parameter with this shape in TensorFlow's layout. */
export function originalShape(kind: ParameterKind, shape: readonly number[]): number[] {
  const axes = AXES[kind];
  return axes ? axes.toOriginal.map((d) => shape[d]) : [...shape];
}

/** A parameter, its gradient or the like with the original's axes. The caller disposes it. */
export function turnToOriginal(kind: ParameterKind, value: tf.Tensor): tf.Tensor {
  const axes = AXES[kind];
  return axes ? tf.transpose(value, axes.toOriginal) : tf.clone(value);
}

/** A parameter's values in the original's layout, C order. */
export async function toOriginal(kind: ParameterKind, value: tf.Tensor): Promise<Float32Array> {
  const turned = turnToOriginal(kind, value);
  const data = (await turned.data()) as Float32Array;
  turned.dispose();
  return data;
}

/** Values in the original's layout as a tensor of `shape`, which is TensorFlow's. The caller disposes it. */
export function fromOriginal(kind: ParameterKind, shape: readonly number[], data: Float32Array): tf.Tensor {
  const axes = AXES[kind];
  return tf.tidy(() => {
    const original = tf.tensor(data, originalShape(kind, shape), 'float32');
    return axes ? tf.transpose(original, axes.toTf) : original;
  });
}
