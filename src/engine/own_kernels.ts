/**
 * The operations of scripts/setup/kernels.cc, which the set-up compiles into the addon: what TensorFlow has no fast kernel for on a processor.
 * They record no gradient; call them inside of `customGradient`. Ask `hasOwnKernels()` first.
 */
import * as tf from './tf';

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

/** The gradient of `tf.maxPool(x, 2, 2, 'valid')`. */
export const maxPoolGradient = (x: tf.Tensor4D, y: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor4D =>
  tf.runKernel('LgganMaxPoolGradient', {}, [x, y, dy])[0] as tf.Tensor4D;

/** Whether a 3x3 convolution can go Winograd's way. */
export const fitsWinograd = ([kh, kw, cin, cout]: readonly number[]): boolean => kh === 3 && kw === 3 && cin % WIDTH === 0 && cout % WIDTH === 0;

/** A kernel [3,3,in,out] as Winograd's convolution multiplies by it, [36,in,out]. */
export const winogradKernel = (kernel: tf.Tensor4D): tf.Tensor3D => tf.runKernel('LgganKernelTiles', {}, [kernel])[0] as tf.Tensor3D;

/**
 * max(0, conv(x) + bias), stride 1, padded with zeros, by a quarter of the products (Winograd's F(4x4, 3x3)): float32, whose rounding is about
 * seven times that of the direct sum, some 1e-6 of the outputs. x [B,H,W,in], tiles [36,in,out] -> [B,H,W,out].
 */
export const winogradRelu = (x: tf.Tensor4D, tiles: tf.Tensor3D, bias: tf.Tensor1D): tf.Tensor4D =>
  throughTiles(x, tf.tensor1d([]), tiles, bias, [...x.shape.slice(0, 3), tiles.shape[2]], false);

/** The gradient of `winogradRelu` in x, from that of its output y. */
export const winogradReluGradient = (dy: tf.Tensor4D, y: tf.Tensor4D, tiles: tf.Tensor3D): tf.Tensor4D =>
  throughTiles(dy, y, tiles, tf.tensor1d([]), [...dy.shape.slice(0, 3), tiles.shape[1]], true);

function throughTiles(x: tf.Tensor4D, mask: tf.Tensor, kernel: tf.Tensor3D, bias: tf.Tensor1D, shape: number[], gradient: boolean): tf.Tensor4D {
  return tf.tidy(() => {
    const seen = tf.runKernel('LgganTilesIn', { flag: gradient }, [x, mask])[0];
    const product = tf.runKernel('_MklBatchMatMulV2', { T: 'float32', adj_x: false, adj_y: gradient, _kernel: 'MklNameChangeOp' }, [seen, kernel])[0];
    return tf.runKernel('LgganTilesOut', { flag: gradient }, [product, tf.tensor1d(shape, 'int32'), bias])[0] as tf.Tensor4D;
  });
}
