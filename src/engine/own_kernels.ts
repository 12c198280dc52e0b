/**
 * The operations of scripts/setup/kernels.cc, which the set-up compiles into the addon: what TensorFlow has no fast kernel for on a processor.
 * They record no gradient; call them inside of `customGradient`. Ask `hasOwnKernels()` first.
 */
import * as tfjs from '@tensorflow/tfjs';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D } from '@tensorflow/tfjs';
import { hasNativeKernels, hasOneDnnKernels, runKernel, type Attribute } from './kernels';

/** Channels that the kernels take at once: they want a multiple. */
const WIDTH = 16;

const call = <T extends Tensor>(name: string, attributes: Record<string, Attribute>, inputs: Tensor[]): T => runKernel(name, attributes, inputs)[0] as T;

let known: boolean | undefined;

/** Whether they are there: TensorFlow on a processor, with the addon that the set-up compiles. */
export function hasOwnKernels(): boolean {
  known ??= hasOneDnnKernels() && works();
  return known && hasNativeKernels();
}

function works(): boolean {
  try {
    return tfjs.tidy(() => squares([tfjs.tensor1d([3, 4])]).dataSync()[0] === 25);
  } catch {
    return false;
  }
}

/** Of each tensor the sum of the squares of its numbers, [N]. */
export const squares = (tensors: readonly Tensor[]): Tensor1D => call('LgganSquares', { N: tensors.length }, [...tensors]);

/** rows [N,C] -> [count,C]: each added to the one of its number in index [N]. */
export const sumRowsAt = (rows: Tensor2D, index: Tensor1D, count: Scalar): Tensor2D => call('LgganSumRows', {}, [rows, index, count]);

/**
 * A step of Adam: of each weight w, with its gradient, the mean v of their squares and (where there are any) the mean m of the gradients, flat, what
 * they become. v = v * beta2 + g^2 * (1 - beta2), m = m * beta1 + g * (1 - beta1), w = w - m * scale / (sqrt(v) + floor).
 */
export function adam(
  w: readonly Tensor[],
  g: readonly Tensor[],
  v: readonly Tensor1D[],
  m: readonly Tensor1D[],
  { scale, floor, beta1, beta2 }: { scale: number; floor: number; beta1: number; beta2: number },
): { w: Tensor[]; v: Tensor1D[]; m: Tensor1D[] } {
  const n = w.length;
  const factors = tfjs.tensor1d([scale, floor, beta1, 1 - beta1, beta2, 1 - beta2]);
  const moved = runKernel('LgganAdam', { N: n, M: m.length }, [factors, ...w, ...g, ...v, ...m], 2 * n + m.length);
  return { w: moved.slice(0, n), v: moved.slice(n, 2 * n) as Tensor1D[], m: moved.slice(2 * n) as Tensor1D[] };
}

/** old * average + now * source of each pair; `old` and `now` are scalars. */
export const blend = (old: Tensor, now: Tensor, averages: readonly Tensor[], sources: readonly Tensor[]): Tensor[] =>
  runKernel('LgganBlend', { N: averages.length }, [old, now, ...averages, ...sources], averages.length);

/**
 * A kernel [kh,kw,in,out] divided by its largest singular value, which a power iteration from u [out] finds, and that iteration's vectors; v in the
 * order [in,kh,kw].
 */
export function spectralNorm(weight: Tensor4D, u: Tensor1D): { normed: Tensor4D; u: Tensor1D; v: Tensor1D; sigma: Scalar } {
  const [normed, u1, v1, sigma] = runKernel('LgganSpectralNorm', {}, [weight, u], 4);
  return { normed: normed as Tensor4D, u: u1 as Tensor1D, v: v1 as Tensor1D, sigma: sigma as Scalar };
}

/** The gradient in the kernel from that of the divided one, u and v being constants. */
export const spectralNormGradient = (dy: Tensor, weight: Tensor, u: Tensor, v: Tensor, sigma: Tensor): Tensor4D =>
  call('LgganSpectralNormGradient', {}, [dy, weight, u, v, sigma]);

/** x * (gamma + 1) + beta, of which each pixel takes the row of its number. x [B,H,W,C], gamma and beta [N,C], index [B*H*W]. */
export const modulateByRows = (x: Tensor4D, gamma: Tensor2D, beta: Tensor2D, index: Tensor1D): Tensor4D => call('LgganModulate', {}, [x, gamma, beta, index]);

/** The gradients of `modulateByRows` of (x - mean) * root, from that of its output: in that, in gamma and in beta. */
export const modulateByRowsGradient = (dy: Tensor, x: Tensor, mean: Tensor, root: Tensor, gamma: Tensor, index: Tensor1D): Tensor[] =>
  runKernel('LgganModulateGradient', {}, [dy, x, mean, root, gamma, index], 3);

/** Of a map [B,H,W,C] for each of the four pixels that one becomes the weighted sum of the 3x3 around it, zero outside. weights [B,H,W,4*9] -> [B,2H,2W,C]. */
export const mixUp = (source: Tensor4D, weights: Tensor4D): Tensor4D => call('LgganMix', {}, [source, weights]);

/** Its gradients, in the map and in the weights. */
export const mixUpGradient = (dy: Tensor, source: Tensor, weights: Tensor): Tensor[] => runKernel('LgganMixGradient', {}, [dy, source, weights], 2);

/** (x - mean) / sqrt(variance + 1e-5) of each image and channel; the means and the roots' reciprocals, [B,C]. x [B,H,W,C]. */
export const normaliseEach = (x: Tensor4D): Tensor[] => runKernel('LgganInstanceNorm', {}, [x], 3);

/** Its gradient in x. */
export const normaliseEachGradient = (dy: Tensor, x: Tensor, means: Tensor, roots: Tensor): Tensor =>
  call('LgganInstanceNormGradient', {}, [dy, x, means, roots]);

/** The gradient of `tf.maxPool(x, 2, 2, 'valid')`. */
export const maxPoolGradient = (x: Tensor4D, y: Tensor4D, dy: Tensor4D): Tensor4D => call('LgganMaxPoolGradient', {}, [x, y, dy]);

/** The sum of |a - b|, a scalar; b stands for as many copies of itself as a needs. */
export const l1Sum = (a: Tensor, b: Tensor): Scalar => call('LgganL1', {}, [a, b]);

/** The sign of a - b, times a factor. */
export const l1Gradient = (a: Tensor, b: Tensor, factor: Tensor): Tensor => call('LgganL1Gradient', {}, [a, b, factor]);

/*
 * Winograd's convolution F(4x4, 3x3): stride 1, a quarter of the products. float32, whose rounding is about seven times that of the direct sum,
 * some 1e-6 of the outputs.
 */

/** Whether a convolution can go this way: 3x3, channels in sixteens. */
export const fitsWinograd = ([kh, kw, cin, cout]: readonly number[]): boolean => kh === 3 && kw === 3 && cin % WIDTH === 0 && cout % WIDTH === 0;

/** Whether it is the faster way: many places beside the kernel, which is transformed at every call, and many channels beside the maps, which are, too. */
export const winogradPays = ([b, h, w]: readonly number[], kernel: readonly number[]): boolean =>
  fitsWinograd(kernel) && b * Math.ceil(h / 4) * Math.ceil(w / 4) >= 48 && (kernel[2] * kernel[3]) / (kernel[2] + kernel[3]) >= 32;

/** A kernel [3,3,in,out] as it is multiplied by, [36,in,out]. */
export const winogradKernel = (kernel: Tensor4D): Tensor3D => call('LgganKernelTiles', {}, [kernel]);

/** The gradient in x [B,H,W,in] (its shape) of conv(x), padded by `pad` (0 or 1) pixels of zeros, from that of its output. */
export const winogradInputGradient = (dy: Tensor4D, shape: readonly number[], kernel: Tensor4D, pad: number): Tensor4D =>
  tfjs.tidy(() => backFromTiles(multiply(intoTiles(dy, 2 - pad, { gradient: true }), winogradKernel(kernel), 'gradient'), shape, { gradient: true }));

/** The gradient in the kernel [3,3,in,out]. */
export const winogradKernelGradient = (dy: Tensor4D, x: Tensor4D, pad: number): Tensor4D =>
  tfjs.tidy(() => call('LgganKernelGradient', {}, [multiply(intoTiles(x, pad), call('LgganGradientTiles', {}, [dy]), 'kernel')]));

/** max(0, conv(x) + bias), padded with a pixel of zeros. x [B,H,W,in], tiles [36,in,out] -> [B,H,W,out]. */
export const winogradRelu = (x: Tensor4D, tiles: Tensor3D, bias: Tensor1D): Tensor4D =>
  tfjs.tidy(() => backFromTiles(multiply(intoTiles(x, 1), tiles), [...x.shape.slice(0, 3), tiles.shape[2]], { bias }));

/** The gradient of `winogradRelu` in x, from that of its output y. */
export const winogradReluGradient = (dy: Tensor4D, y: Tensor4D, tiles: Tensor3D): Tensor4D =>
  tfjs.tidy(() =>
    backFromTiles(multiply(intoTiles(dy, 1, { gradient: true, mask: y }), tiles, 'gradient'), [...dy.shape.slice(0, 3), tiles.shape[1]], { gradient: true }),
  );

/** [B,H,W,C] -> [36,T,C]. Where `mask` is not positive x counts as 0. */
const intoTiles = (x: Tensor4D, pad: number, { gradient = false, mask = tfjs.tensor1d([]) as Tensor } = {}): Tensor3D =>
  call('LgganTilesIn', { gradient, pad }, [x, mask]);

/** [36,T,C] -> [B,H,W,C]. With a bias max(0, y + bias). */
const backFromTiles = (tiles: Tensor3D, shape: readonly number[], { gradient = false, bias = tfjs.tensor1d([]) as Tensor } = {}): Tensor4D =>
  call('LgganTilesOut', { gradient }, [tiles, tfjs.tensor1d([...shape], 'int32'), bias]);

/** The product for each of the 36. `gradient`: b turned; `kernel`: a turned. */
const multiply = (a: Tensor, b: Tensor, turned?: 'gradient' | 'kernel'): Tensor3D =>
  runKernel('_MklBatchMatMulV2', { T: 'float32', adj_x: turned === 'kernel', adj_y: turned === 'gradient', _kernel: 'MklNameChangeOp' }, [a, b])[0] as Tensor3D;
