import * as tf from '../../engine/tf';
import { customGradient } from '../../engine/custom_gradient';

/** Nearest-neighbour upsampling x2: each pixel becomes a 2x2 block. [B,H,W,C] -> [B,2H,2W,C]. */
export function upsampleNearest2(x: tf.Tensor4D): tf.Tensor4D {
  return customGradient([x], (_save, input) => {
    const [, h, w] = input.shape;
    return {
      value: tf.image.resizeNearestNeighbor(input, [2 * h, 2 * w]),
      // The sum over each block; the average pool is the fastest kernel that computes it.
      gradFunc: (dy: tf.Tensor) => tf.mul(tf.avgPool(dy as tf.Tensor4D, 2, 2, 'valid'), 4),
    };
  }) as tf.Tensor4D;
}

/**
 * Moves blocks of channels into space. x [B,H,W,4*C] with channel (dy*2 + dx)*C + c -> [B,2H,2W,C], where pixel (2y+dy, 2x+dx)
 * takes block dy*2 + dx.
 */
export function blocksToSpace(x: tf.Tensor4D): tf.Tensor4D {
  const [b, h, w, c4] = x.shape;
  const c = c4 / 4;
  return tf.reshape(tf.transpose(tf.reshape(x, [b, h, w, 2, 2, c]), [0, 1, 3, 2, 4, 5]), [b, 2 * h, 2 * w, c]);
}
