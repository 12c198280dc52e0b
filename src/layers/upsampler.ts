import * as tf from '../engine/tf';
import { Convolution } from './core/convolution';
import { XAVIER, type Parameters } from './core/parameters';
import { Sau } from './sau';
import { upsampleNearest2 } from './core/upsample';

/** `sau`: semantic-aware upsampling. The others are what the papers compare it with. */
export type Upsampling = 'sau' | 'transposed' | 'nearest';
export const UPSAMPLINGS: readonly Upsampling[] = ['sau', 'transposed', 'nearest'];

/** A layer that doubles height and width and halves the channels: [B,H,W,C] -> [B,2H,2W,C/2]. */
export interface Upsampler {
  apply(x: tf.Tensor4D): tf.Tensor4D;
  /** SAU only: the weights over the 5x5 window of every output pixel, [B,2H,2W,25]. */
  attention?(x: tf.Tensor4D): tf.Tensor4D;
}

export function upsampler(kind: Upsampling, p: Parameters, channels: number, compressed: number): Upsampler {
  if (kind === 'sau') return new Sau(p, channels, compressed);
  if (kind === 'transposed') return new TransposedConvolution(p, channels, channels / 2);
  return new NearestConvolution(p, channels);
}

/** Nearest x2, then a convolution 3x3 that halves the channels. */
export class NearestConvolution implements Upsampler {
  private readonly conv: Convolution;

  constructor(p: Parameters, channels: number) {
    this.conv = new Convolution(p, channels, channels / 2, { kernel: 3, padding: 1 });
  }

  apply(x: tf.Tensor4D): tf.Tensor4D {
    return this.conv.apply(upsampleNearest2(x));
  }
}

/** Transposed convolution 3x3, stride 2, padding 1, output padding 1 in PyTorch's terms. */
export class TransposedConvolution implements Upsampler {
  private readonly weight: tf.Tensor4D;
  private readonly bias: tf.Tensor1D;

  constructor(
    p: Parameters,
    cin: number,
    private readonly cout: number,
  ) {
    this.weight = p.convTransposed('weight', [3, 3, cout, cin], XAVIER);
    this.bias = p.vector('bias', cout);
  }

  apply(x: tf.Tensor4D): tf.Tensor4D {
    const [b, h, w] = x.shape;
    // Without padding the result is one pixel larger at the top and left, which PyTorch's padding of 1 removes.
    const full = tf.conv2dTranspose(x, this.weight, [b, 2 * h + 1, 2 * w + 1, this.cout], 2, 'valid');
    return tf.add(tf.slice(full, [0, 1, 1, 0], [b, 2 * h, 2 * w, this.cout]), this.bias);
  }
}
