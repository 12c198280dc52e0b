/**
 * The engine: the one module that loads TensorFlow.js. Everything else writes `import * as tf from '../tf'`.
 *
 * Order of engines: the native addon (TensorFlow on the CPU or an NVIDIA GPU), else WebAssembly, else plain JavaScript.
 * All of them are ready when this module has loaded. LGGAN_ENGINE=wasm or =plain asks for a lesser one.
 */
import * as os from 'node:os';
import util from 'node:util';
import type * as TfjsNode from '@tensorflow/tfjs-node';
import type { DataType, Tensor, TensorInfo } from '@tensorflow/tfjs';

// tfjs-node calls two helpers of Node that warn before Node 23 and are gone since; they have to be there before its first import.
Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined, isArray: Array.isArray });

// TensorFlow reads these when it is loaded.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // Its errors, not its notes on processor features.
process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'; // Take GPU memory as needed, not all of it.
process.env.TF_NUM_INTRAOP_THREADS ??= String(os.availableParallelism()); // Knows a container's limit where Node does.

const choice = process.env.LGGAN_ENGINE ?? 'auto';

// tfjs-node before anything else: without it TensorFlow.js prints advice to install it.
const native = choice === 'wasm' || choice === 'plain' ? undefined : loadNative();

function loadNative(): typeof TfjsNode | undefined {
  const quiet = process.env.TF_CPP_MIN_LOG_LEVEL === '0' ? undefined : loadQuiet();
  quiet?.mute();
  try {
    return require('@tensorflow/tfjs-node') as typeof TfjsNode;
  } catch {
    return undefined;
  } finally {
    quiet?.restore();
  }
}

/** Built by the set-up beside the addon; another addon comes without it. */
function loadQuiet(): { mute(): void; restore(): void } | undefined {
  try {
    return require('@tensorflow/tfjs-node/lib/napi-v8/quiet.node');
  } catch {
    return undefined;
  }
}

export * from '@tensorflow/tfjs';
import * as tfjs from '@tensorflow/tfjs';
import { registerConv2dGradient } from './conv2d_gradient';

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

/** Whether `runKernel` works: the native engine runs. */
export const hasNativeKernels = (): boolean => tfjs.getBackend() === 'tensorflow';

/**
 * A TensorFlow attribute. A boolean, a string and a whole number (or a list of them) stand for themselves, the name of a
 * data type ('float32', 'int32', 'bool', 'complex64', 'string') for the type; `{ float }` and `{ shape }` say what they are.
 */
export type Attribute = boolean | string | number | number[] | { float: number | number[] } | { shape: number[] };

/**
 * Executes a TensorFlow kernel by its name (https://www.tensorflow.org/api_docs/cc), for what TensorFlow.js has no operation for:
 *
 *     const [y] = runKernel('DepthToSpace', { T: 'float32', block_size: 2, data_format: 'NHWC' }, [x]);
 *
 * Outputs belong to the enclosing `tf.tidy`. No gradient is recorded: call it inside `tf.customGrad` where one is needed.
 *
 * @throws Error without the native engine (ask `hasNativeKernels()` first), or TensorFlow's own message.
 */
export function runKernel(name: string, attributes: Record<string, Attribute>, inputs: TensorInfo[], outputs = 1): Tensor[] {
  if (!hasNativeKernels()) throw new Error(`The operation ${name} needs the native TensorFlow engine; run \`npm run doctor\`.`);
  const { binding } = nativeBackend();
  const attrs = Object.entries(attributes).map(([key, value]) => ({ name: key, ...encode(binding, value) }));
  return nativeBackend().executeMultipleOutputs(name, attrs, inputs, outputs);
}

/** Whether oneDNN's kernels can be called by name: TensorFlow on an Intel or AMD processor, not on a GPU. */
export const hasOneDnnKernels = (): boolean => hasNativeKernels() && oneDnn;

interface Binding {
  TF_Version: string;
  [constant: string]: number | string;
}

interface NativeBackend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  executeMultipleOutputs(name: string, attrs: object[], inputs: TensorInfo[], outputs: number): Tensor[];
}

function nativeBackend(): NativeBackend {
  return tfjs.backend() as unknown as NativeBackend;
}

const TYPES: Record<DataType, string> = {
  float32: 'TF_FLOAT',
  int32: 'TF_INT32',
  bool: 'TF_BOOL',
  complex64: 'TF_COMPLEX64',
  string: 'TF_STRING',
};

function encode(binding: Binding, value: Attribute): { type: number | string; value: unknown } {
  if (typeof value === 'boolean') return { type: binding.TF_ATTR_BOOL, value };
  if (typeof value === 'string') {
    return value in TYPES ? { type: binding.TF_ATTR_TYPE, value: binding[TYPES[value as DataType]] } : { type: binding.TF_ATTR_STRING, value };
  }
  if (typeof value === 'number' || Array.isArray(value)) return { type: binding.TF_ATTR_INT, value };
  return 'float' in value ? { type: binding.TF_ATTR_FLOAT, value: value.float } : { type: binding.TF_ATTR_SHAPE, value: value.shape };
}

// At the end: everything that runKernel reads has to be there.
const oneDnn = hasNativeKernels() && !nativeBackend().isUsingGpuDevice && tryOneDnn();

function tryOneDnn(): boolean {
  try {
    const attributes = { T: 'float32', transpose_a: false, transpose_b: false, _kernel: 'MklNameChangeOp' };
    return tfjs.tidy(() => runKernel('_MklMatMul', attributes, [tfjs.ones([1, 1]), tfjs.ones([1, 1])])[0].dataSync()[0] === 1);
  } catch {
    return false;
  }
}

if (oneDnn) {
  registerConv2dGradient(runKernel);
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
