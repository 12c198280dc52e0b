import { isCompiling } from '../../engine/compiled';
import { hasOwnKernels, sumRowsAt } from '../../engine/own_kernels';
import * as tf from '../../engine/tf';
import { customGradient } from '../../engine/custom_gradient';

/*
 * Matrices with a row for each distinct window of the label maps: how many there are differs from batch to batch. Here no kernel is told that
 * number by JavaScript, neither forward nor backward, so that one recording of a compiled function serves all batches.
 */

/** table [U,C], index [N] int32 -> [N,C]. TensorFlow.js' own gradient of gather transposes the whole gradient first. */
export function gatherRows(table: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D {
  return customGradient([table], (save, t) => {
    save([t]);
    return {
      value: lookUp(t, index),
      gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) => sumRows(dy as tf.Tensor2D, index, rowsOf(kept)),
    };
  }) as tf.Tensor2D;
}

/** rows [N,K] * kernel [K,C] + bias [C] -> [N,C]. No gradient goes to `rows`. */
export function affineOfFixed(rows: tf.Tensor2D, kernel: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return customGradient([kernel, bias], (save, k, b) => {
    save([rows]);
    return {
      value: tf.add(tf.matMul(rows, k), b),
      gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) => [tf.matMul(kept, dy, true), tf.sum(dy, 0)],
    };
  }) as tf.Tensor2D;
}

/** rows [N,K] * kernel [K,C] + bias [C] -> [N,C]. */
export function affine(rows: tf.Tensor2D, kernel: tf.Tensor2D, bias: tf.Tensor1D): tf.Tensor2D {
  return customGradient([rows, kernel, bias], (save, r, k, b) => {
    save([r, k]);
    return {
      value: tf.add(tf.matMul(r, k), b),
      gradFunc: (dy: tf.Tensor, [x, w]: tf.Tensor[]) => [tf.matMul(dy, w, false, true), tf.matMul(x, dy, true), tf.sum(dy, 0)],
    };
  }) as tf.Tensor2D;
}

/** For each group of nine the rows of a table side by side; row U, one more than there are, is zeros. table [U,C], index [N*9] int32 -> [N,9*C]. */
export function ninefold(table: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D {
  const channels = table.shape[1];
  return customGradient([table], (save, source) => {
    save([source]);
    return {
      value: inRowsOf(lookUp(tf.concat([source, tf.zeros([1, channels])]), index), 9 * channels),
      gradFunc: (dy: tf.Tensor, [kept]: tf.Tensor[]) =>
        first(sumRows(inRowsOf(dy, channels), index, tf.add(rowsOf(kept), tf.scalar(1, 'int32')) as tf.Scalar), kept),
    };
  }) as tf.Tensor2D;
}

/** The rows of a table, without gradient. TensorFlow.js reads every index in JavaScript to check it; TensorFlow checks them, too. */
export function lookUp(table: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D {
  if (!tf.hasNativeKernels()) return tf.gather(table, index);
  const types = { batch_dims: 0, Tparams: table.dtype, Tindices: 'int32', Taxis: 'int32' };
  return tf.runKernel('GatherV2', types, [table, index, tf.scalar(0, 'int32')])[0] as tf.Tensor2D;
}

/** The transpose of `lookUp`: each row added to the one of its number. rows [N,C] -> [count,C]. */
export function sumRows(rows: tf.Tensor2D, index: tf.Tensor1D, count: tf.Scalar | number): tf.Tensor2D {
  if (!tf.hasNativeKernels()) return tf.unsortedSegmentSum(rows, index, typeof count === 'number' ? count : count.dataSync()[0]);
  if (hasOwnKernels() && rows.dtype === 'float32') return sumRowsAt(rows, index, typeof count === 'number' ? tf.scalar(count, 'int32') : count);
  const types = { T: rows.dtype, Tindices: 'int32', Tnumsegments: 'int32' };
  return tf.runKernel('UnsortedSegmentSum', types, [rows, index, typeof count === 'number' ? tf.scalar(count, 'int32') : count])[0] as tf.Tensor2D;
}

/** How many rows a matrix has: in a recording whatever it will be. */
export function rowsOf(matrix: tf.Tensor): tf.Scalar {
  if (!isCompiling()) return tf.scalar(matrix.shape[0]!, 'int32');
  return tf.runKernel('GatherV2', { batch_dims: 0, Tparams: 'int32', Tindices: 'int32', Taxis: 'int32' }, [
    shapeOf(matrix),
    tf.scalar(0, 'int32'),
    tf.scalar(0, 'int32'),
  ])[0] as tf.Scalar;
}

/** A tensor's sizes as a tensor: in a recording whatever they will be. [rank], int32 */
export function shapeOf(x: tf.Tensor): tf.Tensor1D {
  if (!isCompiling()) return tf.tensor1d(x.shape, 'int32');
  return tf.runKernel('Shape', { T: x.dtype, out_type: 'int32' }, [x])[0] as tf.Tensor1D;
}

/** In rows of so many numbers. */
function inRowsOf(x: tf.Tensor, length: number): tf.Tensor2D {
  if (!isCompiling()) return tf.reshape(x, [-1, length]);
  return tf.runKernel('Reshape', { T: x.dtype, Tshape: 'int32' }, [x, tf.tensor1d([-1, length], 'int32')])[0] as tf.Tensor2D;
}

/** As many of the first rows as another matrix has. */
function first(x: tf.Tensor2D, like: tf.Tensor): tf.Tensor2D {
  if (!isCompiling()) return tf.slice(x, [0, 0], like.shape as [number, number]);
  return tf.runKernel('Slice', { T: x.dtype, Index: 'int32' }, [x, tf.tensor1d([0, 0], 'int32'), shapeOf(like)])[0] as tf.Tensor2D;
}
