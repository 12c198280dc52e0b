import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';
import { hasOwnKernels, mixUp, mixUpGradient } from '../engine/own_kernels';
import { Convolution } from './core/convolution';
import { padZeros } from './core/padding';
import type { Parameters } from './core/parameters';
import { blocksToSpace } from './core/upsample';

const TAPS = 25;

/**
 * Semantic-aware upsampling x2 (LGGAN++, 2203.00047, section 3.3): every output pixel is a weighted sum of the 5x5 window around it
 * on the nearest-upsampled map; two 1x1 convolutions compute the 25 weights from the features, a softmax makes them sum to 1. A 1x1
 * convolution then halves the channels. x [B,H,W,C] -> [B,2H,2W,C/2].
 *
 * A 5x5 window on a nearest-x2 map touches only 3x3 source pixels, which ones depends on the parity of the output pixel. So the 25
 * weights fold into 9 for each of the four parities, and the channels are halved first (both steps are linear, so the result is
 * the same): `apply`. A tap outside the map contributes 0 and keeps its share of the softmax.
 */
export class Sau {
  private readonly compress: Convolution;
  private readonly kernels: Convolution;
  private readonly downsample: Convolution;

  constructor(p: Parameters, channels: number, compressed: number) {
    const conv1x1 = (name: string, cin: number, cout: number) => new Convolution(p.scope(name), cin, cout, { kernel: 1 });
    this.compress = conv1x1('sakg_block.feature_channel_compression', channels, compressed);
    this.kernels = conv1x1('sakg_block.semantic_kernel_generation', compressed, TAPS * 4);
    this.downsample = conv1x1('downsample', channels, channels / 2);
  }

  /** 25 weighted copies of the upsampled map. */
  asWritten(x: tf.Tensor4D): tf.Tensor4D {
    const [, h, w, c] = x.shape;
    const padded = padZeros(tf.image.resizeNearestNeighbor(x, [2 * h, 2 * w]), [2, 2]);
    const weights = tf.split(this.attention(x), TAPS, 3);
    const taps = weights.map((weight, k) => {
      const patch = tf.slice(padded, [0, Math.floor(k / 5), k % 5, 0], [x.shape[0], 2 * h, 2 * w, c]);
      return tf.mul(patch, weight);
    });
    return this.downsample.apply(tf.addN(taps) as tf.Tensor4D);
  }

  /** The weights by source pixel: [B,H,W,25,4], tap ky*5 + kx, parity dy*2 + dx; the 25 sum to 1. */
  private weights(x: tf.Tensor4D): tf.Tensor5D {
    const [b, h, w] = x.shape;
    const raw = tf.reshape(this.kernels.apply(this.compress.apply(x)), [b * h * w, TAPS, 4]);
    return tf.reshape(tf.transpose(tf.softmax(tf.transpose(raw, [0, 2, 1])), [0, 2, 1]), [b, h, w, TAPS, 4]);
  }

  /** The attention: for every output pixel its weights over the 5x5 window, tap ky*5 + kx. x [B,H,W,C] -> [B,2H,2W,25]. */
  attention(x: tf.Tensor4D): tf.Tensor4D {
    return tf.tidy(() => {
      const [b, h, w] = x.shape;
      const byParity = tf.transpose(this.weights(x), [0, 1, 2, 4, 3]);
      return blocksToSpace(tf.reshape(byParity, [b, h, w, 4 * TAPS]));
    });
  }

  /** The same as `asWritten`, folded. */
  apply(x: tf.Tensor4D): tf.Tensor4D {
    const [b, h, w] = x.shape;
    const half = tf.conv2d(x, this.downsample.weight, 1, 'valid');
    const folded = tf.matMul(tf.reshape(this.weights(x), [b * h * w, TAPS * 4]) as tf.Tensor2D, foldMatrix());
    const mix = tf.reshape(folded, [b, h, w, 36]) as tf.Tensor4D;
    return tf.add(hasOwnKernels() ? mixAtOnce(half, mix) : blocksToSpace(mixNeighbours(half, mix)), this.downsample.bias!);
  }
}

/** [100, 36]: adds tap (ky,kx) of parity (dy,dx), row (ky*5+kx)*4 + dy*2+dx, to the source pixel it reads, column parity*9 + sy*3+sx. */
function foldMatrix(): tf.Tensor2D {
  const fold = new Float32Array(TAPS * 4 * 36);
  const source = (tap: number, parity: number) => Math.floor((parity + tap - 2) / 2) + 1;
  for (let tap = 0; tap < TAPS; tap++) {
    for (let parity = 0; parity < 4; parity++) {
      const sy = source(Math.floor(tap / 5), parity >> 1);
      const sx = source(tap % 5, parity & 1);
      fold[(tap * 4 + parity) * 36 + parity * 9 + sy * 3 + sx] = 1;
    }
  }
  return tf.tensor2d(fold, [TAPS * 4, 36]);
}

/** `mixNeighbours`, its four outputs where they belong in a map of twice the size, by a kernel of our own. */
const mixAtOnce = (y: tf.Tensor4D, weights: tf.Tensor4D): tf.Tensor4D =>
  customGradient([y, weights], (save, source, mix) => {
    save([source, mix]);
    return { value: mixUp(source, mix), gradFunc: (dy: tf.Tensor, [s, m]: tf.Tensor[]) => mixUpGradient(dy, s, m) };
  });

/**
 * y [B,H,W,C], weights [B,H,W,4*9] -> [B,H,W,4*C]: for each of four outputs the weighted sum of the 3x3 pixels around, zero outside.
 * One small matrix product a pixel, [4,9] x [9,C]. The patches are made again for the gradient, not kept.
 */
function mixNeighbours(y: tf.Tensor4D, weights: tf.Tensor4D): tf.Tensor4D {
  const [b, h, w, c] = y.shape;
  const pixels = b * h * w;
  const patches = (source: tf.Tensor4D) => {
    const padded = padZeros(source, [1, 1]);
    const taps = Array.from({ length: 9 }, (_, k) => tf.slice(padded, [0, Math.floor(k / 3), k % 3, 0], [b, h, w, c]));
    return tf.reshape(tf.concat(taps, 3), [pixels, 9, c]) as tf.Tensor3D;
  };
  return customGradient([y, weights], (save, source, mix) => {
    save([source, mix]);
    const value = tf.reshape(tf.matMul(tf.reshape(mix, [pixels, 4, 9]), patches(source)), [b, h, w, 4 * c]);
    const gradFunc = (dOut: tf.Tensor, saved: tf.Tensor[]) => {
      const d = tf.reshape(dOut, [pixels, 4, c]) as tf.Tensor3D;
      const dMix = tf.reshape(tf.matMul(d, patches(saved[0] as tf.Tensor4D), false, true), [b, h, w, 36]);
      const dPatches = tf.reshape(tf.matMul(tf.reshape(saved[1], [pixels, 4, 9]), d, true), [b, h, w, 9 * c]);
      const back = tf.split(dPatches, 9, 3).map((t, k) => {
        const [ky, kx] = [Math.floor(k / 3), k % 3];
        return padZeros(t as tf.Tensor4D, [ky, 2 - ky], [kx, 2 - kx]);
      });
      return [tf.slice(tf.addN(back) as tf.Tensor4D, [0, 1, 1, 0], [b, h, w, c]), dMix];
    };
    return { value, gradFunc };
  }) as tf.Tensor4D;
}
