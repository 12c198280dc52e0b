import { readFileSync } from 'node:fs';
import { runKernel, type Attribute } from './kernels';
import { hasOwnKernels, winogradInputGradient, winogradKernelGradient, winogradPays } from './own_kernels';
import * as tfjs from '@tensorflow/tfjs';
import type { Tensor2D, Tensor3D, Tensor4D, TensorInfo } from '@tensorflow/tfjs';

/**
 * The gradient of a convolution, several times faster than the one that TensorFlow.js brings, and exact.
 *
 * - In the input: oneDNN's kernel, which TensorFlow carries but chooses by itself on few processors only. On maps so small that the
 *   kernel is the larger part, one matrix product and a sum of shifted pieces.
 * - In the kernel: on processors with AVX-512 oneDNN's kernel. Without, one matrix product for each of its k*k positions: of the padded
 *   input, flattened to rows of channels, the part that a position sees is a contiguous run, so nothing is copied; rows that stand over
 *   the border meet zeros in the gradient. On small maps one matrix product with all positions side by side.
 *
 * - Both, where the map and the channels are large enough: Winograd's way, by kernels of our own. The convolution itself does not go this way: its
 *   rounding, seven times that of the direct sum, would be seen in what the network puts out.
 *
 * All were chosen by measurement on processors with AVX2 and AVX-512; elsewhere (another processor, a GPU) TensorFlow's own kernels stay.
 */

interface ConvAttributes {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | unknown;
  dataFormat: string;
  dilations: [number, number] | number;
  dimRoundingMode?: string;
}

/** oneDNN's kernels are registered under a label of their own. */
const ONEDNN = { _kernel: 'MklNameChangeOp' };

/** Below this share of input to kernel numbers one matrix product beats oneDNN's kernel. */
const SMALL_MAP = 0.25;

/** Replaces the gradient of Conv2D. */
export function registerConv2dGradient(): void {
  const original = tfjs.getGradient('Conv2D');
  if (!original) throw new Error('TensorFlow.js has no gradient of Conv2D to replace');
  tfjs.unregisterGradient('Conv2D');
  tfjs.registerGradient({
    ...original,
    gradFunc: (dy, saved, attrs) => {
      const attributes = attrs as unknown as ConvAttributes;
      const plain = original.gradFunc(dy, saved, attrs);
      if (!supported(attributes)) return plain;
      const [x, filter] = saved as [Tensor4D, Tensor4D];
      const gradient = dy as Tensor4D;
      return {
        x: () => tfjs.tidy(() => inputGradient(gradient, x.shape, filter, attributes)),
        filter: () => {
          if (stride(attributes) === 1) return tfjs.tidy(() => filterGradient(gradient, x, filter.shape, attributes));
          if (foldable(filter.shape, attributes)) return tfjs.tidy(() => stridedFilterGradient(gradient, x, filter.shape));
          return plain.filter();
        },
      };
    },
  });
}

const call = (name: string, attributes: Record<string, Attribute>, inputs: TensorInfo[]): tfjs.Tensor => runKernel(name, attributes, inputs)[0];

/** Pixels added on each side of a 3x3 kernel's input. */
const padOf = ({ pad }: ConvAttributes): number => (pad === 'same' ? 1 : 0);

const stride = ({ strides }: ConvAttributes): number => (Array.isArray(strides) ? strides[0] : strides);

function supported({ strides, pad, dataFormat, dilations }: ConvAttributes): boolean {
  const same = (v: [number, number] | number, wanted?: number) => (Array.isArray(v) ? v[0] === v[1] && (wanted ?? v[0]) === v[0] : (wanted ?? v) === v);
  return same(strides) && same(dilations, 1) && dataFormat === 'NHWC' && (pad === 'valid' || pad === 'same');
}

function matMul(a: Tensor2D, b: Tensor2D, adjX: boolean, adjY: boolean): Tensor2D {
  return call('_MklMatMul', { T: 'float32', transpose_a: adjX, transpose_b: adjY, ...ONEDNN }, [a, b]) as Tensor2D;
}

function inputGradient(dy: Tensor4D, shape: Tensor4D['shape'], filter: Tensor4D, attributes: ConvAttributes): Tensor4D {
  const [b, h, w, cin] = shape;
  const [kh, kw] = filter.shape;
  const [, oh, ow, cout] = dy.shape;
  const s = stride(attributes);
  if (s === 1 && hasOwnKernels() && winogradPays(dy.shape, filter.shape)) return winogradInputGradient(dy, shape, filter, padOf(attributes));
  if (s === 1 && kh === kw && b * h * w * cin < SMALL_MAP * filter.size) {
    const products = matMul(tfjs.reshape(dy, [b * oh * ow, cout]), tfjs.reshape(filter, [kh * kw * cin, cout]), false, true);
    const before = attributes.pad === 'same' ? (kh - 1) >> 1 : 0;
    const pieces = tfjs.split(tfjs.reshape(products, [b, oh, ow, kh * kw * cin]) as Tensor4D, kh * kw, 3).map((piece, i) => {
      const [ky, kx] = [Math.floor(i / kw), i % kw];
      return tfjs.pad(piece, [
        [0, 0],
        [ky, kh - 1 - ky],
        [kx, kw - 1 - kx],
        [0, 0],
      ]);
    });
    const sum = tfjs.addN(pieces) as Tensor4D;
    return before || sum.shape[1] !== h ? tfjs.slice(sum, [0, before, before, 0], [b, h, w, cin]) : sum;
  }
  return backpropInput(shape, filter, dy, s, attributes.pad === 'same' ? 'SAME' : 'VALID');
}

/** oneDNN's kernel for the gradient of a convolution in its input [B,H,W,in]. filter [k,k,in,out], dy [B,H',W',out]. */
export function backpropInput(shape: Tensor4D['shape'], filter: Tensor4D, dy: Tensor4D, s: number, padding: 'SAME' | 'VALID'): Tensor4D {
  return call('_MklNativeConv2DBackpropInput', attributesOf(s, padding), [tfjs.tensor1d(shape, 'int32'), filter, dy]) as Tensor4D;
}

/** oneDNN's kernel for the gradient in the kernel [k,k,in,out]; stride 1. */
function backpropFilter(dy: Tensor4D, x: Tensor4D, shape: Tensor4D['shape'], padding: 'SAME' | 'VALID'): Tensor4D {
  return call('_MklNativeConv2DBackpropFilter', attributesOf(1, padding), [x, tfjs.tensor1d(shape, 'int32'), dy]) as Tensor4D;
}

const attributesOf = (s: number, padding: 'SAME' | 'VALID'): Record<string, Attribute> => ({
  T: 'float32',
  strides: [1, s, s, 1],
  padding,
  data_format: 'NHWC',
  use_cudnn_on_gpu: true,
  dilations: [1, 1, 1, 1],
  explicit_paddings: [],
  ...ONEDNN,
});

/** Stride 2 and an even kernel without padding: the discriminator's. */
const foldable = ([kh, kw]: Tensor4D['shape'], attributes: ConvAttributes): boolean =>
  stride(attributes) === 2 && kh % 2 === 0 && kw % 2 === 0 && attributes.pad === 'valid';

/** With 2x2 pixels folded into channels the stride is 1 and the kernel half as large. */
function stridedFilterGradient(dy: Tensor4D, x: Tensor4D, shape: Tensor4D['shape']): Tensor4D {
  const [kh, kw, cin, cout] = shape;
  const [b, oh, ow] = dy.shape;
  const [h, w] = [2 * oh + kh - 2, 2 * ow + kw - 2];
  const seen = tfjs.slice(x, [0, 0, 0, 0], [b, h, w, cin]);
  const folded = call('SpaceToDepth', { T: 'float32', block_size: 2, data_format: 'NHWC' }, [seen]) as Tensor4D;
  const gradient = filterGradient(dy, folded, [kh / 2, kw / 2, 4 * cin, cout], { strides: 1, pad: 'valid', dataFormat: 'NHWC', dilations: 1 });
  const apart = tfjs.reshape(gradient, [kh / 2, kw / 2, 2, 2, cin, cout]);
  return tfjs.reshape(tfjs.transpose(apart, [0, 2, 1, 3, 4, 5]), shape);
}

/** Chosen once, so that a run computes the same bits from its first step to its last. */
let wideVectors = hasWideVectors();

/** Whether the processor has AVX-512, where oneDNN's own kernel is the fastest. Known on Linux only. */
function hasWideVectors(): boolean {
  try {
    return /^flags.* avx512f /m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  } catch {
    return false;
  }
}

/** For tests: the way of the other processors. Returns what undoes it. */
export function pretendWideVectors(value: boolean): () => void {
  const before = wideVectors;
  wideVectors = value;
  return () => void (wideVectors = before);
}

const rows = (t: Tensor4D, channels: number): Tensor2D => tfjs.reshape(t, [-1, channels]) as Tensor2D;

function filterGradient(dy: Tensor4D, x: Tensor4D, shape: Tensor4D['shape'], attributes: ConvAttributes): Tensor4D {
  const [kh, kw, cin, cout] = shape;
  if (kh === 1 && kw === 1) return tfjs.reshape(matMul(rows(x, cin), rows(dy, cout), true, false), shape);
  if (hasOwnKernels() && winogradPays(dy.shape, shape)) return winogradKernelGradient(dy, x, padOf(attributes));
  const small = x.size < SMALL_MAP * kh * kw * cin * cout;
  if (wideVectors && !small) return backpropFilter(dy, x, shape, attributes.pad === 'same' ? 'SAME' : 'VALID');
  const [b, oh, ow] = dy.shape;
  const [top, left] = attributes.pad === 'same' ? [(kh - 1) >> 1, (kw - 1) >> 1] : [0, 0];
  const [height, width] = [oh + kh - 1, ow + kw - 1];
  const padded = tfjs.pad(x, [
    [0, 0],
    [top, height - top - x.shape[1]],
    [left, width - left - x.shape[2]],
    [0, 0],
  ]);
  if (small) {
    const seen = Array.from({ length: kh * kw }, (_, i) => tfjs.slice(padded, [0, Math.floor(i / kw), i % kw, 0], [b, oh, ow, cin]));
    return tfjs.reshape(matMul(rows(tfjs.concat(seen, 3), kh * kw * cin), rows(dy, cout), true, false), shape);
  }
  const input = rows(padded, cin);
  const run = b * height * width - (kh - 1) * width - (kw - 1);
  const gradient = tfjs.slice(
    rows(
      tfjs.pad(dy, [
        [0, 0],
        [0, kh - 1],
        [0, kw - 1],
        [0, 0],
      ]),
      cout,
    ),
    [0, 0],
    [run, cout],
  );
  const taps: Tensor2D[] = [];
  for (let ky = 0; ky < kh; ky++) {
    for (let kx = 0; kx < kw; kx++) {
      taps.push(matMul(tfjs.slice(input, [ky * width + kx, 0], [run, cin]), gradient, true, false));
    }
  }
  return tfjs.reshape(tfjs.stack(taps) as Tensor3D, shape);
}
