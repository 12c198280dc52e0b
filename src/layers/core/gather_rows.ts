import * as tf from '../../engine/tf';

/** table [U,C], index [N] int32 -> [N,C]. TensorFlow.js' own gradient of gather transposes the whole gradient first. */
export function gatherRows(table: tf.Tensor2D, index: tf.Tensor1D): tf.Tensor2D {
  const op = tf.customGrad((t) => {
    const rows = (t as tf.Tensor2D).shape[0];
    return {
      value: tf.gather(t as tf.Tensor2D, index),
      gradFunc: (dy: tf.Tensor) => tf.unsortedSegmentSum(dy as tf.Tensor2D, index, rows),
    };
  });
  return op(table) as tf.Tensor2D;
}
