import * as tf from '../../engine/tf';
import type { Convolution } from '../core/convolution';
import { affineOfFixed, gatherRows } from '../core/rows';
import type { LabelWindows } from './label_windows';

/**
 * Distinct windows of label maps as a matrix, so that a convolution of one-hot labels is one small matrix product: a row for each
 * window, a column for each position and class. Classes that stand in no map have no column: their number costs nothing.
 */
export interface WindowTable {
  /** [count, size*size*present classes] */
  oneHot: tf.Tensor2D;
  /** The rows of a kernel [size*size*classes, out] that the columns meet. int32 */
  columns: tf.Tensor1D;
  /** For each pixel of the batch its window. [B*h*w], int32 */
  index: tf.Tensor1D;
}

export function windowTable({ count, codes, index }: LabelWindows, size: number, present: readonly number[], classes: number): WindowTable {
  const kinds = present.length ? present : [0]; // A map of ignored pixels alone still makes a matrix.
  const columnOf = new Int32Array(256).fill(-1);
  present.forEach((c, i) => (columnOf[c] = i));
  const positions = size * size;
  const oneHot = new Float32Array(codes.length * kinds.length);
  codes.forEach((c, i) => {
    // Ignored and outside are rows of zeros.
    if (columnOf[c] >= 0) oneHot[i * kinds.length + columnOf[c]] = 1;
  });
  const columns = Array.from({ length: positions }, (_, k) => kinds.map((c) => k * classes + c)).flat();
  return {
    oneHot: tf.keep(tf.tensor2d(oneHot, [count, positions * kinds.length])),
    columns: tf.keep(tf.tensor1d(columns, 'int32')),
    index: tf.keep(tf.tensor1d(index, 'int32')),
  };
}

/** The convolution at each distinct window, bias included: [count, out]. */
export function convolveTable({ oneHot, columns }: WindowTable, { weight, bias }: Convolution): tf.Tensor2D {
  return affineOfFixed(oneHot, gatherRows(tf.reshape(weight, [-1, weight.shape[3]]) as tf.Tensor2D, columns), bias!);
}

export function disposeTable(table: WindowTable): void {
  tf.dispose([table.oneHot, table.columns, table.index]);
}
