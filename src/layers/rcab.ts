import * as tf from '../engine/tf';
import { relu } from './core/activation';
import { ChannelAttention } from './channel_attention';
import type { Convolution } from './core/convolution';
import type { Parameters } from './core/parameters';
import { torchConvolution } from './core/torch_convolution';

/**
 * Residual channel attention block (RCAN, 1807.02758, section 3.3, eq. 13 to 15): x + attention(conv3(relu(conv3(x)))).
 * [B,H,W,C] -> [B,H,W,C]. Parameters `body.0`, `body.2` and `body.3.conv_du.*`, as in the original.
 */
export class Rcab {
  private readonly conv0: Convolution;
  private readonly conv2: Convolution;
  private readonly attention: ChannelAttention;

  constructor(p: Parameters, channels: number, reduction: number) {
    this.conv0 = torchConvolution(p.scope('body.0'), channels, channels, 3);
    this.conv2 = torchConvolution(p.scope('body.2'), channels, channels, 3);
    this.attention = new ChannelAttention(p.scope('body.3'), channels, reduction);
  }

  apply(x: tf.Tensor4D): tf.Tensor4D {
    const y = this.conv2.apply(relu(this.conv0.apply(x)));
    return tf.add(x, this.attention.apply(y));
  }
}

/**
 * Residual group (RCAN, section 3.2, eq. 6 and 7): blocks, a closing convolution and the short skip.
 * [B,H,W,C] -> [B,H,W,C]. Parameters `body.0` .. `body.{blocks-1}` and `body.{blocks}`, the closing convolution.
 */
export class ResidualGroup {
  private readonly blocks: Rcab[];
  private readonly closing: Convolution;

  constructor(p: Parameters, channels: number, reduction: number, blocks: number) {
    this.blocks = Array.from({ length: blocks }, (_, i) => new Rcab(p.scope(`body.${i}`), channels, reduction));
    this.closing = torchConvolution(p.scope(`body.${blocks}`), channels, channels, 3);
  }

  apply(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => tf.add(x, this.closing.apply(applyInTurn(this.blocks, x))));
  }
}

/** Each block's output is freed as soon as the next has read it (what a gradient needs of it is kept by TensorFlow.js). */
export function applyInTurn(blocks: readonly { apply(x: tf.Tensor4D): tf.Tensor4D }[], x: tf.Tensor4D): tf.Tensor4D {
  let y = x;
  for (const block of blocks) {
    const next = tf.tidy(() => block.apply(y));
    if (y !== x) y.dispose();
    y = next;
  }
  return y;
}
