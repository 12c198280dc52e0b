import { backpropInput } from '../../engine/conv2d_gradient';
import { isRecording } from '../../engine/tape';
import * as tf from '../../engine/tf';
import { pad2d } from './padding';
import { XAVIER, type Init, type Parameters } from './parameters';

export interface ConvolutionOptions {
  /** Side of the square kernel. */
  kernel: number;
  /** Default 1. */
  stride?: number;
  /** Pixels added on each side; default 0. */
  padding?: number;
  /** What is added; default `zeros`. */
  paddingMode?: 'zeros' | 'reflect';
  /** Default true. */
  bias?: boolean;
  init?: Init;
  biasInit?: Init;
  /** The kernel's name; the original calls a convolution under spectral norm `weight_orig`. Default `weight`. */
  weightName?: string;
}

/** A convolution with the parameters `weight` [k,k,in,out] and `bias` [out] of its scope. x [B,H,W,in] -> [B,H',W',out]. */
export class Convolution {
  readonly weight: tf.Tensor4D & tf.Variable;
  readonly bias?: tf.Tensor1D & tf.Variable;
  private readonly stride: number;
  private readonly padding: number;
  private readonly paddingMode: 'zeros' | 'reflect';

  constructor(p: Parameters, cin: number, cout: number, options: ConvolutionOptions) {
    const { kernel, stride = 1, padding = 0, paddingMode = 'zeros', bias = true, init = XAVIER, biasInit } = options;
    this.weight = p.conv(options.weightName ?? 'weight', [kernel, kernel, cin, cout], init);
    if (bias) this.bias = p.vector('bias', cout, biasInit);
    this.stride = stride;
    this.padding = padding;
    this.paddingMode = paddingMode;
  }

  /** `weight` stands in for the kernel where a caller has normalised it. */
  apply(x: tf.Tensor4D, weight: tf.Tensor4D = this.weight): tf.Tensor4D {
    const y = convolve(x, weight, { stride: this.stride, padding: this.padding, paddingMode: this.paddingMode });
    return this.bias ? tf.add(y, this.bias) : y;
  }
}

/** Convolution without bias. x [B,H,W,in], weight [k,k,in,out]. */
export function convolve(
  x: tf.Tensor4D,
  weight: tf.Tensor4D,
  options: { stride?: number; padding?: number; paddingMode?: 'zeros' | 'reflect' } = {},
): tf.Tensor4D {
  const { stride = 1, padding = 0, paddingMode = 'zeros' } = options;
  const same = stride === 1 && paddingMode === 'zeros' && 2 * padding === weight.shape[0] - 1;
  if (same && tf.hasOneDnnKernels() && !isRecording() && x.size > LARGE_MAP * weight.size) return convolveByTranspose(x, turned(weight));
  if (same) return tf.conv2d(x, weight, 1, 'same');
  // TensorFlow.js cannot differentiate a convolution with numeric padding, and its 'same' pads a strided one on one side only.
  return tf.conv2d(pad2d(x, padding, paddingMode), weight, stride, 'valid');
}

/** Above this share of input to kernel numbers turning the kernel costs nothing beside the convolution. */
const LARGE_MAP = 2;

/** A kernel [k,k,in,out] with both sides reversed and in and out exchanged: that of the transposed convolution. */
export const turned = (weight: tf.Tensor4D): tf.Tensor4D => tf.transpose(tf.reverse(weight, [0, 1]), [0, 1, 3, 2]);

/**
 * A convolution with stride 1, padded with zeros, as the transpose of its transpose: oneDNN's kernel for that is the fastest there is
 * on processors with AVX2. Needs `hasOneDnnKernels()`; no gradient is recorded. `kernel`: the turned one, [k,k,out,in].
 */
export function convolveByTranspose(x: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
  const [b, h, w] = x.shape;
  return backpropInput([b, h, w, kernel.shape[2]], kernel, x, 1, 'SAME');
}
