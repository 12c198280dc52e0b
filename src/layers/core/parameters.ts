import { UserError } from '../../common/errors';
import * as tf from '../../engine/tf';

/** How a tensor is laid out; checkpoints convert TensorFlow's layout to the original's by it. */
export type ParameterKind = 'conv' | 'convTransposed' | 'dense' | 'vector';

export interface ParameterEntry {
  /** The original's state-dict name, such as `head_0.conv_0.weight_orig`. */
  name: string;
  variable: tf.Variable;
  kind: ParameterKind;
  /** False for running statistics and the vectors of spectral norm. */
  trainable: boolean;
}

/**
 * How a tensor starts.
 * - `xavierNormal`: normal with standard deviation gain * sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16, normal form)
 * - `uniformFanIn`: uniform in +-1/sqrt(fan_in), the default of PyTorch's convolutions, for weights and biases
 * - `normal`: normal with the given standard deviation
 */
export type Init =
  | { kind: 'xavierNormal'; gain: number }
  | { kind: 'uniformFanIn'; fanIn?: number }
  | { kind: 'normal'; std: number }
  | { kind: 'constant'; value: number };

/** The original initialises every weight of its networks this way (Xavier normal, gain 0.02). */
export const XAVIER: Init = { kind: 'xavierNormal', gain: 0.02 };

let drawing = true;
/** How many numbers a network may still hold that is being built by somebody else's configuration. */
let allowance = Infinity;

/**
 * Builds a network whose values will come from elsewhere (a checkpoint, a formula): weights that would be drawn at random stay zero and
 * cost neither time nor, until they are assigned, memory (the full generator's: 0.8 s and 440 MB on two cores). `build` is synchronous.
 * `limit`: the file that the configuration comes from and how many numbers it holds. A configuration that asks for a network far larger than
 * its file is refused with a UserError before the memory is full.
 */
export function withoutDrawing<T>(build: () => T, limit?: { file: string; numbers: number }): T {
  const before = { drawing, allowance };
  drawing = false;
  // Room for what a file may lack (buffers, a part of the network), which is reported by name later.
  if (limit) allowance = 4 * limit.numbers + 4e6;
  try {
    return build();
  } catch (e) {
    // Lists of thousands of millions of blocks are a RangeError.
    throw limit && (e instanceof UserError || e instanceof RangeError) ? new UserError(`${limit.file}: ${e.message}`, { cause: e }) : e;
  } finally {
    ({ drawing, allowance } = before);
  }
}

/**
 * The named parameters of a network. Names are the original's state-dict names; tensors are kept in TensorFlow's layout
 * (convolution [kh, kw, in, out], dense [in, out]) and take the original's ([out, in, kh, kw], [out, in]) in checkpoints only.
 *
 * The values a parameter starts with depend on `seed` and its name alone, not on the order of creation.
 */
export class Parameters {
  private readonly list: ParameterEntry[] = [];
  private readonly names = new Set<string>();
  private prefix = '';
  /** False where the network is built `withoutDrawing`. */
  readonly drawn = drawing;

  constructor(readonly seed = 628) {}

  /** A view on the same parameters whose names begin with `prefix.` */
  scope(prefix: string): Parameters {
    const view = Object.create(this) as Parameters;
    view.prefix = `${this.prefix}${prefix}.`;
    return view;
  }

  /** A convolution's kernel, [kh, kw, in, out]. */
  conv(name: string, shape: [number, number, number, number], init: Init = XAVIER): tf.Tensor4D & tf.Variable {
    const [kh, kw, cin, cout] = shape;
    return this.add(name, 'conv', shape, init, kh * kw * cin, kh * kw * cout) as tf.Tensor4D & tf.Variable;
  }

  /** A transposed convolution's kernel in TensorFlow's order, [kh, kw, out, in]. */
  convTransposed(name: string, shape: [number, number, number, number], init: Init = XAVIER): tf.Tensor4D & tf.Variable {
    const [kh, kw, cout, cin] = shape;
    // PyTorch and Jittor count a transposed kernel [in, out, kh, kw] by its first two axes: fan_in is out * kh * kw.
    return this.add(name, 'convTransposed', shape, init, kh * kw * cout, kh * kw * cin) as tf.Tensor4D & tf.Variable;
  }

  /** A fully connected layer's matrix, [in, out]. */
  dense(name: string, shape: [number, number], init: Init = XAVIER): tf.Tensor2D & tf.Variable {
    return this.add(name, 'dense', shape, init, shape[0], shape[1]) as tf.Tensor2D & tf.Variable;
  }

  /** A bias or the like. */
  vector(name: string, length: number, init: Init = { kind: 'constant', value: 0 }): tf.Tensor1D & tf.Variable {
    return this.add(name, 'vector', [length], init, length, length) as tf.Tensor1D & tf.Variable;
  }

  /** A vector that the forward pass updates, not the optimiser. */
  state(name: string, length: number, init: Init): tf.Tensor1D & tf.Variable {
    return this.add(name, 'vector', [length], init, length, length, false) as tf.Tensor1D & tf.Variable;
  }

  /** Rows that training fills, not the optimiser; zeros at first. No tensor is computed from them, so that WebGPU can read them at once. */
  table(name: string, shape: [number, number]): tf.Tensor2D & tf.Variable {
    return this.add(name, 'vector', shape, { kind: 'constant', value: 0 }, shape[0], shape[1], false) as tf.Tensor2D & tf.Variable;
  }

  entries(): readonly ParameterEntry[] {
    return this.list;
  }

  get trainable(): ParameterEntry[] {
    return this.list.filter((e) => e.trainable);
  }

  /** How many numbers the optimiser moves. */
  get count(): number {
    return this.trainable.reduce((sum, e) => sum + e.variable.size, 0);
  }

  dispose(): void {
    for (const { variable } of this.list) variable.dispose();
  }

  private add(name: string, kind: ParameterKind, shape: number[], init: Init, fanIn: number, fanOut: number, trainable = true): tf.Variable {
    const full = this.prefix + name;
    if (this.names.has(full)) throw new Error(`parameter ${full} exists already`);
    this.names.add(full);
    allowance -= shape.reduce((a, b) => a * b, 1);
    if (!(allowance >= 0)) throw new UserError('the network that it describes is far larger than the file, which is damaged or not to be trusted.');
    const start: Init = this.drawn || init.kind === 'constant' ? init : { kind: 'constant', value: 0 };
    const initial = initialValue(shape, start, fanIn, fanOut, [this.seed, hash(full)]);
    const variable = tf.variable(initial, trainable);
    initial.dispose();
    this.list.push({ name: full, variable, kind, trainable });
    return variable;
  }
}

function initialValue(shape: number[], init: Init, fanIn: number, fanOut: number, seed: [number, number]): tf.Tensor {
  return tf.tidy(() => {
    switch (init.kind) {
      case 'xavierNormal':
        return standardNormal(shape, seed).mul(init.gain * Math.sqrt(2 / (fanIn + fanOut)));
      case 'normal':
        return standardNormal(shape, seed).mul(init.std);
      case 'uniformFanIn': {
        const bound = 1 / Math.sqrt(init.fanIn ?? fanIn);
        return standardUniform(shape, seed)
          .mul(2 * bound)
          .sub(bound);
      }
      case 'constant':
        // Zeros of TensorFlow.js are untouched memory until a kernel reads them.
        return init.value === 0 ? tf.zeros(shape) : tf.fill(shape, init.value);
    }
  });
}

// TensorFlow.js draws in JavaScript (7 s for the full generator's 110 M numbers); the native kernels draw in 0.5 s.
const stateless = (kernel: string, shape: number[], seed: [number, number]) =>
  tf.runKernel(kernel, { T: 'int32', Tseed: 'int32', dtype: 'float32' }, [tf.tensor1d(shape, 'int32'), tf.tensor1d(seed, 'int32')])[0];

function standardNormal(shape: number[], seed: [number, number]): tf.Tensor {
  if (tf.hasNativeKernels()) return stateless('StatelessRandomNormal', shape, seed);
  return tf.randomNormal(shape, 0, 1, 'float32', seed[0] ^ seed[1]);
}

function standardUniform(shape: number[], seed: [number, number]): tf.Tensor {
  if (tf.hasNativeKernels()) return stateless('StatelessRandomUniform', shape, seed);
  return tf.randomUniform(shape, 0, 1, 'float32', seed[0] ^ seed[1]);
}

/** FNV-1a, 31 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h & 0x7fffffff;
}
