/**
 * The WebAssembly engine, for machines without the native one, started synchronously.
 *
 * TensorFlow.js starts it asynchronously because browsers must; Node can compile the module at once, so that code need not
 * wait for an engine, whichever it is. This repeats what `init` in tfjs-backend-wasm 4.22 does, and mends what this project
 * misses there: two kernels of training, and one-hot rows of float32, which have the bits of int32.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs';

interface EmscriptenModule {
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): WebAssembly.Exports;
  cwrap?(name: string, result: 'number' | null, parameters: 'number'[]): unknown;
  tfjs?: Record<string, unknown>;
}

/** Registers and selects the 'wasm' backend. Throws where WebAssembly or its SIMD instructions are missing. */
export function startWasm(): void {
  const folder = path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  const { BackendWasm } = require('@tensorflow/tfjs-backend-wasm');
  const factory = require('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js');

  const module: EmscriptenModule = {
    instantiateWasm(imports, done) {
      const binary = fs.readFileSync(path.join(folder, 'wasm-out/tfjs-backend-wasm-simd.wasm'));
      const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), imports);
      done(instance);
      return instance.exports;
    },
  };
  // Emscripten takes over the process's handling of uncaught errors; take it back.
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as NodeJS.Signals));
  factory(module);
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as NodeJS.Signals)) {
      if (!before[i].includes(listener)) process.removeListener(event, listener);
    }
  });

  const wrap = module.cwrap;
  if (!wrap) throw new Error('the WebAssembly module did not start');
  module.tfjs = {
    init: wrap('init', null, []),
    initWithThreadsCount: wrap('init_with_threads_count', null, ['number']),
    getThreadsCount: wrap('get_threads_count', 'number', []),
    registerTensor: wrap('register_tensor', null, ['number', 'number', 'number']),
    disposeData: wrap('dispose_data', null, ['number']),
    dispose: wrap('dispose', null, []),
  };
  tf.removeBackend('wasm'); // The asynchronous registration that the package makes when loaded.
  tf.registerBackend('wasm', () => new BackendWasm(module), 2);
  void tf.setBackend('wasm'); // Ready at once, as its factory is not asynchronous.
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
    const padded = tf.pad(x, [[0, 0], [padInfo.top, padInfo.bottom], [padInfo.left, padInfo.right], [0, 0]]);
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
