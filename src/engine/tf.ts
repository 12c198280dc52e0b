/**
 * The engine. Everything else writes `import * as tf from '../engine/tf'`.
 *
 * Order of engines: the native addon (TensorFlow on the CPU or an NVIDIA GPU), else WebAssembly, else plain JavaScript.
 * All of them are ready when this module has loaded. LGGAN_ENGINE=wasm or =plain asks for a lesser one.
 */
import * as os from 'node:os';
import type * as TfjsNode from '@tensorflow/tfjs-node';
import { choice, native } from './load';
import * as tfjs from '@tensorflow/tfjs';
import { registerConv2dGradient } from './conv2d_gradient';
import { hasOneDnnKernels, nativeBackend, runKernel } from './kernels';

export * from '@tensorflow/tfjs';
export { hasNativeKernels, hasOneDnnKernels, runKernel, type Attribute } from './kernels';

// TensorFlow.js types both by `TensorContainer`, which no interface and no readonly array fits, though they look through any.
/** `tf.tidy` for results of any type: their tensors stay, also in objects and arrays. */
export const tidy = tfjs.tidy as { <T>(f: () => T): T; <T>(name: string, f: () => T): T };
/** `tf.dispose` for any object or array of tensors. */
export const dispose = tfjs.dispose as (tensors: unknown) => void;

if (!native) {
  try {
    if (choice === 'plain') throw new Error('asked for plain');
    (require('./wasm') as typeof import('./wasm')).startWasm();
  } catch {
    void tfjs.setBackend('cpu'); // Ready at once: its promise is for other engines.
    // Keeps it from printing the advice.
    (tfjs.backend() as unknown as { firstUse: boolean }).firstUse = false;
  }
  // danfojs asks for tfjs-node by name: give it the engine that runs.
  const filename = require.resolve('@tensorflow/tfjs-node');
  require.cache[filename] = { id: filename, filename, loaded: true, exports: tfjs } as unknown as NodeModule;
}

/** What tfjs-node adds to TensorFlow.js (TensorBoard writer, image codecs, saved models), or undefined without the native engine. */
export const node: typeof TfjsNode.node | undefined = native?.node;

/** Which engine runs. */
export interface EngineInfo {
  name: 'tensorflow' | 'wasm' | 'cpu';
  /** The version of native TensorFlow. */
  tensorflowVersion?: string;
  gpu: boolean;
  /** The processor threads that one operation uses. */
  threads: number;
  /** One line for people. */
  description: string;
}

/** Which engine runs, with a line to print on top of a notebook. (Not named `engine`: TensorFlow.js exports one.) */
export function engineInfo(): EngineInfo {
  const threads = Number(process.env.TF_NUM_INTRAOP_THREADS) || os.availableParallelism();
  const name = tfjs.getBackend() as EngineInfo['name'];
  if (name === 'tensorflow') {
    const { TF_Version: tensorflowVersion } = nativeBackend().binding;
    const gpu = nativeBackend().isUsingGpuDevice;
    const description = `TensorFlow ${tensorflowVersion} on ${gpu ? 'an NVIDIA GPU' : `the CPU (${threads} threads)`}`;
    return { name, tensorflowVersion, gpu, threads, description };
  }
  const description =
    name === 'wasm'
      ? 'WebAssembly: about ten times slower than TensorFlow; `npm run doctor` says why'
      : 'plain JavaScript: hundreds of times slower than TensorFlow; `npm run doctor` says why';
  return { name, gpu: false, threads: 1, description };
}

if (hasOneDnnKernels()) {
  registerConv2dGradient();
  registerSoftmax();
}

/** oneDNN's Softmax, by name: where a processor has AVX-512 TensorFlow takes it in graphs, but not from call to call, and the two differ in the last bit. */
function registerSoftmax(): void {
  const plain = tfjs.getKernel('Softmax', 'tensorflow');
  tfjs.unregisterKernel('Softmax', 'tensorflow');
  tfjs.registerKernel({
    ...plain,
    kernelFunc: (args) => {
      const logits = args.inputs.logits!;
      return logits.dtype === 'float32' ? runKernel('_MklSoftmax', { T: 'float32', _kernel: 'MklNameChangeOp' }, [logits])[0] : plain.kernelFunc(args);
    },
  });
}
