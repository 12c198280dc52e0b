/**
 * What this project misses in the WebAssembly engine of TensorFlow.js 4.22: two kernels of training, and one-hot rows of float32, which have
 * the bits of int32 there.
 */
import * as tf from '@tensorflow/tfjs';

/** Adds them to the backend 'wasm', which is registered and chosen. */
export function registerWasmKernels(): void {
  tf.registerKernel({ kernelName: 'Conv2DBackpropFilter', backendName: 'wasm', kernelFunc: convolutionFilterGradient });
  tf.registerKernel({ kernelName: 'UnsortedSegmentSum', backendName: 'wasm', kernelFunc: segmentSum });
  const { kernelFunc: intOneHot } = tf.getKernel('OneHot', 'wasm');
  tf.unregisterKernel('OneHot', 'wasm');
  tf.registerKernel({
    kernelName: 'OneHot',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { dtype, onValue, offValue } = attrs as unknown as { dtype: tf.DataType; onValue: number; offValue: number };
      if (dtype !== 'float32') return intOneHot({ inputs, attrs, backend });
      const rows = intOneHot({ inputs, attrs: { ...attrs, dtype: 'int32', onValue: 1, offValue: 0 }, backend }) as tf.TensorInfo;
      return tf.tidy(() => {
        const ones = tf.cast(tf.engine().makeTensorFromTensorInfo(rows), 'float32');
        return onValue === 1 && offValue === 0 ? ones : tf.add(tf.mul(ones, onValue - offValue), offValue);
      });
    },
  });
}

interface FilterGradientAttributes {
  strides: [number, number] | number;
  pad: 'valid' | 'same' | number | [[number, number], [number, number], [number, number], [number, number]];
  dimRoundingMode: 'floor' | 'round' | 'ceil';
  filterShape: [number, number, number, number];
}

/** The gradient of a convolution's filter: for each tap, the products of the inputs it met and the gradients of the outputs. */
const convolutionFilterGradient: tf.KernelFunc = ({ inputs, attrs }) =>
  tf.tidy(() => {
    const { strides, pad, dimRoundingMode, filterShape } = attrs as unknown as FilterGradientAttributes;
    const [x, dy] = [inputs.x, inputs.dy] as tf.Tensor4D[];
    const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
    const { padInfo, outHeight, outWidth, strideHeight, strideWidth } = info;
    const padded = tf.pad(x, [
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
      [0, 0],
    ]);
    const [height, width, channels, outputs] = filterShape;
    const gradients = tf.reshape(dy, [-1, outputs]) as tf.Tensor2D;
    const taps = Array.from({ length: height * width }, (_, i) => {
      const begin = [0, Math.floor(i / width), i % width, 0];
      const end = [x.shape[0], begin[1] + (outHeight - 1) * strideHeight + 1, begin[2] + (outWidth - 1) * strideWidth + 1, channels];
      const met = tf.stridedSlice(padded, begin, end, [1, strideHeight, strideWidth, 1]);
      return tf.matMul(tf.reshape(met, [-1, channels]), gradients, true, false);
    });
    return tf.reshape(tf.stack(taps), filterShape);
  });

/** The gradient of gathering: sums of the rows with the same number. */
const segmentSum: tf.KernelFunc = ({ inputs, attrs }) =>
  tf.tidy(() => {
    const [x, segmentIds] = [inputs.x, inputs.segmentIds] as tf.Tensor[];
    const numSegments = (attrs as unknown as { numSegments: number }).numSegments;
    const rows = tf.reshape(x, [x.shape[0], -1]);
    const members = tf.cast(tf.oneHot(tf.cast(segmentIds, 'int32') as tf.Tensor1D, numSegments), 'float32');
    return tf.reshape(tf.matMul(members, rows, true, false), [numSegments, ...x.shape.slice(1)]);
  });
