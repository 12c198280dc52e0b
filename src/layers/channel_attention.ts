import * as tf from '../engine/tf';
import { relu } from './core/activation';
import type { Convolution } from './core/convolution';
import type { Parameters } from './core/parameters';
import { torchConvolution } from './core/torch_convolution';

/**
 * Channel attention (RCAN, 1807.02758, section 3.3, eq. 9 to 12): each channel's mean over the whole image goes through two 1x1
 * convolutions, C -> C/reduction with relu and back with sigmoid, and the result scales the channel:
 * y = x * sigmoid(W_u relu(W_d mean(x))). x [B,H,W,C] -> [B,H,W,C]. Parameters `conv_du.0` and `conv_du.2`, as in the original.
 */
export class ChannelAttention {
  private readonly down: Convolution;
  private readonly up: Convolution;

  constructor(p: Parameters, channels: number, reduction: number) {
    const hidden = Math.floor(channels / reduction);
    this.down = torchConvolution(p.scope('conv_du.0'), channels, hidden, 1);
    this.up = torchConvolution(p.scope('conv_du.2'), hidden, channels, 1);
  }

  /** The factors, each in 0..1: [B,H,W,C] -> [B,1,1,C]. */
  weights(x: tf.Tensor4D): tf.Tensor4D {
    const mean = tf.mean(x, [1, 2], true) as tf.Tensor4D;
    return tf.sigmoid(this.up.apply(relu(this.down.apply(mean))));
  }

  apply(x: tf.Tensor4D): tf.Tensor4D {
    return tf.mul(x, this.weights(x));
  }
}
