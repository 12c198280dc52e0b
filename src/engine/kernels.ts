/** TensorFlow's kernels by their names. `./tf` is the module that others import. */
import './load';
import * as tfjs from '@tensorflow/tfjs';
import type { DataType, Tensor, TensorInfo } from '@tensorflow/tfjs';

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

/** The backend of tfjs-node, which runs. */
export function nativeBackend(): NativeBackend {
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
