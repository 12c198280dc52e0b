import * as tf from '../../engine/tf';

/**
 * Pixel shuffle in the original's channel order (Shi et al. 2016; PyTorch's and Jittor's `PixelShuffle`): output pixel (r*y + dy, r*x + dx),
 * channel c, takes channel c*r*r + dy*r + dx of pixel (y, x). TensorFlow's DepthToSpace orders its channels (dy, dx, c) instead and
 * has no gradient in TensorFlow.js; a transposition has one. x [B,H,W,C*r*r] -> [B,r*H,r*W,C].
 */
export function pixelShuffle(x: tf.Tensor4D, r: number): tf.Tensor4D {
  const [b, h, w, channels] = x.shape;
  const c = channels / (r * r);
  if (!Number.isInteger(c)) throw new Error(`pixelShuffle: ${channels} channels are not a multiple of ${r * r}`);
  const split = tf.reshape(x, [b, h, w, c, r, r]);
  return tf.reshape(tf.transpose(split, [0, 1, 4, 2, 5, 3]), [b, r * h, r * w, c]);
}
