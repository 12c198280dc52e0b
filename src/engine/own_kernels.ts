/**
 * The operations of scripts/setup/kernels.cc, which the set-up compiles into the addon: what TensorFlow has no fast kernel for on a processor.
 * They record no gradient but for `winograd`; call them inside of `customGradient`. Ask `hasOwnKernels()` first.
 */
import * as tf from './tf';
import { customGradient } from './custom_gradient';

/** Channels that the kernels take at once: they want a multiple. */
const WIDTH = 16;

let known: boolean | undefined;

/** Whether they are there: TensorFlow on a processor, with the addon that the set-up compiles. */
export function hasOwnKernels(): boolean {
  known ??= tf.hasOneDnnKernels() && works();
  return known && tf.hasNativeKernels();
}

function works(): boolean {
  try {
    return tf.tidy(() => squares([tf.tensor1d([3, 4])]).dataSync()[0] === 25);
  } catch {
    return false;
  }
}

/** Of each tensor the sum of the squares of its numbers, [N]. */
export const squares = (tensors: readonly tf.Tensor[]): tf.Tensor1D =>
  tf.runKernel('LgganSquares', { N: tensors.length }, [...tensors])[0] as tf.Tensor1D;

/** rows [N,C] -> [count,C]: each added to the one of its number in index [N]. */
export const sumRowsAt = (rows: tf.Tensor2D, index: tf.Tensor1D, count: tf.Scalar): tf.Tensor2D =>
  tf.runKernel('LgganSumRows', {}, [rows, index, count])[0] as tf.Tensor2D;

/**
 * A step of Adam: of each weight w, with its gradient, the mean v of their squares and (where there are any) the mean m of the gradients, flat, what
 * they become. v = v * beta2 + g^2 * (1 - beta2), m = m * beta1 + g * (1 - beta1), w = w - m * scale / (sqrt(v) + floor).
 */
export function adam(
  w: readonly tf.Tensor[],
  g: readonly tf.Tensor[],
  v: readonly tf.Tensor1D[],
  m: readonly tf.Tensor1D[],
  { scale, floor, beta1, beta2 }: { scale: number; floor: number; beta1: number; beta2: number },
): { w: tf.Tensor[]; v: tf.Tensor1D[]; m: tf.Tensor1D[] } {
  const n = w.length;
  const factors = tf.tensor1d([scale, floor, beta1, 1 - beta1, beta2, 1 - beta2]);
  const moved = tf.runKernel('LgganAdam', { N: n, M: m.length }, [factors, ...w, ...g, ...v, ...m], 2 * n + m.length);
  return { w: moved.slice(0, n), v: moved.slice(n, 2 * n) as tf.Tensor1D[], m: moved.slice(2 * n) as tf.Tensor1D[] };
}

/** The gradient of `tf.maxPool(x, 2, 2, 'valid')`. */
export const maxPoolGradient = (x: tf.Tensor4D, y: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor4D =>
  tf.runKernel('LgganMaxPoolGradient', {}, [x, y, dy])[0] as tf.Tensor4D;

/** The sum of |a - b|, a scalar; b stands for as many copies of itself as a needs. */
export const l1Sum = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.runKernel('LgganL1', {}, [a, b])[0] as tf.Scalar;

/** The sign of a - b, times a factor. */
export const l1Gradient = (a: tf.Tensor, b: tf.Tensor, factor: tf.Tensor): tf.Tensor => tf.runKernel('LgganL1Gradient', {}, [a, b, factor])[0];

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
export const winogradKernel = (kernel: tf.Tensor4D): tf.Tensor3D => tf.runKernel('LgganKernelTiles', {}, [kernel])[0] as tf.Tensor3D;

/** conv(x), differentiable. x [B,H,W,in] padded by `pad` (0 or 1) pixels of zeros, kernel [3,3,in,out] -> [B,H-2+2*pad,W-2+2*pad,out]. */
export function winograd(x: tf.Tensor4D, kernel: tf.Tensor4D, pad: 0 | 1): tf.Tensor4D {
  return customGradient([x, kernel], (save, input, weight) => {
    save([input, weight]);
    const [b, h, w] = input.shape;
    return {
      value: tf.tidy(() => backFromTiles(multiply(intoTiles(input, pad), winogradKernel(weight)), [b, h - 2 + 2 * pad, w - 2 + 2 * pad, weight.shape[3]])),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [from, by] = saved as [tf.Tensor4D, tf.Tensor4D];
        return [
          tf.tidy(() => backFromTiles(multiply(intoTiles(dy as tf.Tensor4D, 2 - pad, { gradient: true }), winogradKernel(by), 'gradient'), from.shape, { gradient: true })),
          tf.tidy(() => {
            const product = multiply(intoTiles(from, pad), tf.runKernel('LgganGradientTiles', {}, [dy])[0], 'kernel');
            return tf.runKernel('LgganKernelGradient', {}, [product])[0];
          }),
        ];
      },
    };
  }) as tf.Tensor4D;
}

/** max(0, conv(x) + bias), padded with a pixel of zeros. x [B,H,W,in], tiles [36,in,out] -> [B,H,W,out]. */
export const winogradRelu = (x: tf.Tensor4D, tiles: tf.Tensor3D, bias: tf.Tensor1D): tf.Tensor4D =>
  tf.tidy(() => backFromTiles(multiply(intoTiles(x, 1), tiles), [...x.shape.slice(0, 3), tiles.shape[2]], { bias }));

/** The gradient of `winogradRelu` in x, from that of its output y. */
export const winogradReluGradient = (dy: tf.Tensor4D, y: tf.Tensor4D, tiles: tf.Tensor3D): tf.Tensor4D =>
  tf.tidy(() =>
    backFromTiles(multiply(intoTiles(dy, 1, { gradient: true, mask: y }), tiles, 'gradient'), [...dy.shape.slice(0, 3), tiles.shape[1]], { gradient: true }),
  );

/** [B,H,W,C] -> [36,T,C]. Where `mask` is not positive x counts as 0. */
const intoTiles = (x: tf.Tensor4D, pad: number, { gradient = false, mask = tf.tensor1d([]) as tf.Tensor } = {}): tf.Tensor3D =>
  tf.runKernel('LgganTilesIn', { gradient, pad }, [x, mask])[0] as tf.Tensor3D;

/** [36,T,C] -> [B,H,W,C]. With a bias max(0, y + bias). */
const backFromTiles = (tiles: tf.Tensor3D, shape: number[], { gradient = false, bias = tf.tensor1d([]) as tf.Tensor } = {}): tf.Tensor4D =>
  tf.runKernel('LgganTilesOut', { gradient }, [tiles, tf.tensor1d(shape, 'int32'), bias])[0] as tf.Tensor4D;

/** The product for each of the 36. `gradient`: b turned; `kernel`: a turned. */
const multiply = (a: tf.Tensor, b: tf.Tensor, turned?: 'gradient' | 'kernel'): tf.Tensor3D =>
  tf.runKernel(
    '_MklBatchMatMulV2',
    { T: 'float32', adj_x: turned === 'kernel', adj_y: turned === 'gradient', _kernel: 'MklNameChangeOp' },
    [a, b],
  )[0] as tf.Tensor3D;
