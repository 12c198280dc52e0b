/**
 * `compiled(f)`: a function of tensors that TensorFlow runs as one call. Its first call runs as always and is recorded, kernel by kernel,
 * into a graph; the graph becomes a function of TensorFlow, and from then on JavaScript makes one call where it made thousands. Rules and
 * examples: docs/compiled.md.
 */
import * as tf from './tf';
import { UserError } from '../common/errors';
import { isRecording } from './tape';
import { workers } from './cluster';

/** A tensor, or tensors in arrays and plain objects. */
export type Tensors = tf.Tensor | undefined | readonly Tensors[] | { readonly [name: string]: Tensors };

/** A function that `compiled` has made. */
export interface Compiled<A extends unknown[], R> {
  (...args: A): R;
  /** How often it was recorded: once for each combination of shapes, types and plain values. */
  readonly recordings: number;
  /** Why it runs as if it had not been compiled; undefined where it does not. */
  readonly eagerBecause: string | undefined;
  /** Takes its functions out of TensorFlow. Another call records again. */
  dispose(): void;
}

export interface CompiledOptions {
  /** What messages call it. Default: the name of `f`. */
  name?: string;
  /** So many recordings at most; what would need one more runs eagerly. Default 16. */
  mostRecordings?: number;
  /**
   * When the second call, made both ways, does not give the same: 'eager' says so once and runs `f` eagerly from then on, 'throw' throws.
   * Default 'eager'.
   */
  onMismatch?: 'eager' | 'throw';
}

/** The method by which an object of a class can be an argument. */
export const INPUTS = Symbol('inputs of a compiled function');

/** An object that can be an argument: its tensors, always as many, and in words everything else that the function reads of it. */
export interface Recordable {
  [INPUTS](): { tensors: readonly tf.Tensor[]; key: string };
}

const openAxes = new WeakMap<object, readonly number[]>();

/**
 * Marks axes of a tensor as of any size: another size there is no reason to record again. For functions alone that hand none of these sizes
 * on as numbers: the kernels have to take them from tensors (see layers/core/rows.ts). Returns the tensor.
 */
export function anySize<T extends tf.Tensor>(tensor: T, ...axes: number[]): T {
  openAxes.set(tensor, axes);
  return tensor;
}

interface Info {
  id: number;
  values: unknown;
  shape: number[];
  dtype: number;
  refCount: number;
}
/** Whether the numbers are still JavaScript's: the addon forgets them once it has taken them. */
const hasValues = (info: Info): boolean => info.values !== null && info.values !== undefined;
interface OutputInfo {
  id: number;
  shape: number[];
  dtype: number;
}
interface KernelAttribute {
  name: string;
  type: number;
  value: unknown;
}
/** The addon: tfjs-node's, and what scripts/setup/functions.cc adds. */
interface Binding {
  createTensor(shape: number[], dtype: number, values: unknown): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): unknown;
  executeOp(name: string, attributes: KernelAttribute[], ids: number[], outputs: number): OutputInfo[];
  newGraph(): object;
  placeholder(graph: object, name: string, dtype: number, shape: number[]): number;
  constant(graph: object, name: string, id: number): number;
  addOperation(graph: object, kernel: string, name: string, attributes: KernelAttribute[], inputs: Int32Array, lengths: Int32Array, after: number): number;
  operationDefinition(kernel: string): Uint8Array;
  makeFunction(graph: object, name: string, outputs: Int32Array): void;
  callFunction(name: string, ids: Int32Array, outputs: number, config: Uint8Array): OutputInfo[];
  removeFunction(name: string): void;
}
interface Backend {
  binding: Binding;
  isUsingGpuDevice: boolean;
  tensorMap: { get(dataId: object): Info | undefined; has(dataId: object): boolean };
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(info: OutputInfo): tf.Tensor;
  executeSingleOutput(name: string, attributes: KernelAttribute[], inputs: tf.TensorInfo[]): tf.Tensor;
  move(dataId: object, ...rest: unknown[]): void;
  readSync(dataId: object): unknown;
}

const backend = (): Backend => tf.backend() as unknown as Backend;

/** Whether this engine can run functions: the native one, with the addon that the set-up compiles. LGGAN_COMPILED=0 says no. */
export const canCompile = (): boolean => tf.hasNativeKernels() && process.env.LGGAN_COMPILED !== '0' && typeof backend().binding.callFunction === 'function';

let active: Recording | undefined;

/** Whether what runs now is being recorded by `compiled`: values of JavaScript are baked in then. */
export const isCompiling = (): boolean => active !== undefined;

/**
 * Makes `f` a function that TensorFlow runs as one call. Arguments: tensors, variables, plain values (a new value records again), objects with
 * the method `INPUTS`, all of them in arrays and plain objects. It returns tensors, alone or in arrays and plain objects; they belong to the
 * enclosing `tf.tidy`. Variables that `f` assigns to are assigned to at the end of every call. What `f` reads of the outside world otherwise
 * is what it was at the first call.
 *
 * The second call is made both ways and compared bit for bit (on a GPU, where sums have no fixed order, closely).
 * @throws UserError where `f` does what cannot be recorded: reads values, draws random numbers in JavaScript, keeps tensors ...
 */
export function compiled<A extends unknown[], R>(f: (...args: A) => R, options: CompiledOptions = {}): Compiled<A, R> {
  const name = options.name ?? (f.name || 'function');
  const most = options.mostRecordings ?? 16;
  const known = new Map<string, Recorded>();
  let eagerBecause: string | undefined;
  const eagerly = (args: A): R => tf.tidy(() => f(...args));

  const warn = (sentence: string) => {
    eagerBecause = sentence;
    console.warn(`${name}: ${sentence}.`);
  };

  const call = (...args: A): R => {
    // Inside of a recording it becomes part of that; inside of a gradient its operations have to be seen one by one.
    if (eagerBecause || active || isRecording() || !canCompile()) return eagerly(args);
    const inputs = new Inputs(args, name);
    const recorded = known.get(inputs.key);
    if (!recorded) {
      if (known.size >= most) {
        warn(`it was recorded ${most} times for other shapes or values, and runs eagerly from now on; pass as a tensor what changes from call to call`);
        return eagerly(args);
      }
      const recording = new Recording(name, inputs);
      const { result, made } = recording.run(f as (...a: unknown[]) => unknown);
      known.set(inputs.key, made);
      return result as R;
    }
    // A check makes the call twice: other workers, which may be past theirs, would wait for the sums of one alone.
    if (workers() > 1 || recorded.trusts(inputs)) return recorded.call(inputs) as R;
    const difference = recorded.check(inputs, () => eagerly(args));
    if (!difference.found) return difference.result as R;
    const sentence = `the compiled function does not give what the eager one does (${difference.found}); does it depend on a value that is not an argument?`;
    if (options.onMismatch === 'throw') throw new UserError(`${name}: ${sentence}`);
    warn(`${sentence} It runs eagerly from now on`);
    return difference.result as R;
  };

  Object.defineProperties(call, {
    recordings: { get: () => known.size },
    eagerBecause: { get: () => eagerBecause ?? (canCompile() ? undefined : 'this engine has no compiled functions') },
    dispose: {
      value: () => {
        known.forEach((r) => r.dispose());
        known.clear();
      },
    },
  });
  return call as unknown as Compiled<A, R>;
}

const isPlain = (value: object): value is Record<string, unknown> => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

/** The tensors of a call, and a key of everything else about it. */
class Inputs {
  readonly tensors: tf.Tensor[] = [];
  /** Which of them came inside of a Recordable and cannot be exchanged. */
  readonly fixed: boolean[] = [];
  readonly key: string;

  constructor(
    readonly args: readonly unknown[],
    private readonly name: string,
  ) {
    this.key = args.map((a, i) => this.describe(a, `argument ${i + 1}`)).join(',');
  }

  private add(t: tf.Tensor, fixed: boolean): string {
    const shape = t.shape.map((n, axis) => (openAxes.get(t)?.includes(axis) ? -1 : n));
    // The same tensor twice is not the same as two.
    const twin = fixed ? this.tensors.findIndex((other, i) => this.fixed[i] && other.dataId === t.dataId) : -1;
    this.tensors.push(t);
    this.fixed.push(fixed);
    return `${t instanceof tf.Variable ? 'variable ' : ''}${t.dtype}[${shape}]${twin >= 0 ? `=${twin}` : ''}`;
  }

  private describe(value: unknown, where: string): string {
    if (value instanceof tf.Tensor) return this.add(value, value instanceof tf.Variable);
    if (value === null || ['undefined', 'number', 'boolean', 'string'].includes(typeof value))
      return `${typeof value} ${JSON.stringify(value) ?? value}${Object.is(value, NaN) ? 'NaN' : ''}`;
    if (Array.isArray(value)) return `(${value.map((v, i) => this.describe(v, `${where}[${i}]`)).join(',')})`;
    if (typeof value === 'object') {
      if (INPUTS in value) {
        const { tensors, key } = (value as Recordable)[INPUTS]();
        return `<${key};${tensors.map((t) => this.add(t, true)).join(',')}>`;
      }
      if (isPlain(value))
        return `{${Object.keys(value)
          .map((k) => `${JSON.stringify(k)}:${this.describe(value[k], `${where}.${k}`)}`)
          .join(',')}}`;
    }
    throw new UserError(
      `${this.name}: ${where} is a ${typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value}; a compiled function takes tensors, plain values, and arrays and plain objects of them.`,
    );
  }

  /** The arguments with other tensors in place of those that can be exchanged. */
  with(tensors: readonly tf.Tensor[]): unknown[] {
    let at = 0;
    const rebuild = (value: unknown): unknown => {
      if (value instanceof tf.Tensor) return tensors[at++];
      if (Array.isArray(value)) return value.map(rebuild);
      if (typeof value !== 'object' || value === null) return value;
      if (INPUTS in value) {
        at += (value as Recordable)[INPUTS]().tensors.length;
        return value;
      }
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, rebuild(v)]));
    };
    return this.args.map(rebuild);
  }
}

/** Where a result's tensors go: its structure with numbers in place of tensors. */
type Shape = number | undefined | Shape[] | { [name: string]: Shape };

function takeApart(value: unknown, name: string, tensors: tf.Tensor[], names: string[], where = 'the result'): Shape {
  if (value === undefined) return undefined;
  if (value instanceof tf.Variable) throw new UserError(`${name}: ${where} is a variable; return a copy (tf.clone), or nothing, as the variable is at hand.`);
  if (value instanceof tf.Tensor) {
    names.push(where);
    return tensors.push(value) - 1;
  }
  if (Array.isArray(value)) return value.map((v, i) => takeApart(v, name, tensors, names, `${where}[${i}]`));
  if (typeof value === 'object' && value !== null && isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, takeApart(v, name, tensors, names, `${where}.${k}`)]));
  }
  throw new UserError(`${name}: ${where} is of type ${typeof value}; a compiled function returns tensors, and arrays and plain objects of them.`);
}

function putTogether(shape: Shape, tensors: readonly tf.Tensor[]): unknown {
  if (typeof shape === 'number') return tensors[shape];
  if (shape === undefined) return undefined;
  if (Array.isArray(shape)) return shape.map((s) => putTogether(s, tensors));
  return Object.fromEntries(Object.entries(shape).map(([k, s]) => [k, putTogether(s, tensors)]));
}

/** What goes into the function at one place. */
type Feed = { argument: number } | { variable: tf.Variable } | { dataId: object; what: string };
/** A variable that it assigns to. */
type Target = { argument: number } | { variable: tf.Variable };

interface Node {
  /** Its number in the graph; of a step, once the graph is built. */
  operation: number;
  output: number;
  step?: Step;
  /** The kernel that made it, 'constant' or 'input'. */
  kernel: string;
  /** Depends on nothing that may be another one at the next call. */
  constant: boolean;
}

/** An operation that was executed. */
interface Step {
  kernel: string;
  attributes: KernelAttribute[];
  inputs: Node[];
  outputs: Node[];
  lengths: Int32Array;
  /** How many numbers it makes. */
  size: number;
}

/**
 * TensorFlow starts every operation whose inputs are there, and would hold the intermediate results of branches that are not yet due. Where all
 * of them together are more than `ROOM` numbers, none starts before the one `WINDOW` places earlier has ended: memory is that of one operation after the other,
 * and the cores have a choice of 8. Below that each starts when it can, which is faster: a network with small maps has many operations that are not
 * worth more than one core.
 */
const WINDOW = 8;
const ROOM = 1.5 * 2 ** 30;

/** ConfigProto that turns off the optimiser of graphs: it changes bits, and gained nothing. */
const CONFIG = Uint8Array.of(0x52, 0x05, 0x52, 0x03, 0x98, 0x01, 0x01);

/** Has no state, for all that TensorFlow says: it waits for the other workers. */
const COLLECTIVE = 'CollectiveReduceV2';

let functions = 0;

class Recording {
  private readonly backend = backend();
  private readonly native = this.backend.binding;
  private readonly graph = this.native.newGraph();
  private readonly nodes = new Map<number, Node>();
  private readonly constants = new Map<string, number>();
  /** Tensors of JavaScript values that were made inside. */
  private readonly born = new WeakSet<object>();
  private readonly madeInside = new Set<number>();
  private readonly owners = new Map<number, object>();
  private readonly feeds: Feed[] = [];
  private readonly steps: Step[] = [];
  private readonly argumentOf = new Map<number, number>();
  private readonly variableOf = new Map<number, tf.Variable>();
  private names = 0;

  constructor(
    private readonly name: string,
    private readonly inputs: Inputs,
  ) {}

  run(f: (...args: unknown[]) => unknown): { result: unknown; made: Recorded } {
    // Every variable and argument with a handle of its own, so that the handle says which one is meant.
    const variables = Object.values(tf.engine().registeredVariables);
    for (const v of variables) {
      if (this.info(v).refCount === 1) continue;
      const own = this.copy(v);
      v.assign(own);
      own.dispose();
    }
    const own = this.inputs.tensors.map((t, i) => (this.inputs.fixed[i] ? t : this.copy(t)));
    own.forEach((t, i) => this.argumentOf.set(this.idOf(t), i));
    const before = new Map(variables.map((v) => [v, v.dataId]));
    for (const v of variables) if (!this.argumentOf.has(this.idOf(v))) this.variableOf.set(this.idOf(v), v);

    try {
      return this.record(f, own, variables, before);
    } finally {
      own.forEach((t, i) => {
        if (!this.inputs.fixed[i]) t.dispose();
      });
    }
  }

  private record(
    f: (...args: unknown[]) => unknown,
    own: tf.Tensor[],
    variables: tf.Variable[],
    before: Map<tf.Variable, object>,
  ): { result: unknown; made: Recorded } {
    const tensorsBefore = tf.memory().numTensors;
    const restore = this.intercept();
    let result: unknown;
    try {
      result = tf.tidy(() => f(...this.inputs.with(own)));
    } finally {
      restore();
    }
    const tensors: tf.Tensor[] = [];
    const names: string[] = [];
    const shape = takeApart(result, this.name, tensors, names);
    const unreturned = tf.memory().numTensors - tensorsBefore - new Set(tensors).size;
    const gone = Object.values(tf.engine().registeredVariables).length - variables.length;
    if (gone !== 0) throw new UserError(`${this.name}: it ${gone > 0 ? 'makes' : 'disposes of'} a variable; do that outside of a compiled function.`);
    if (unreturned > 0)
      throw new UserError(
        `${this.name}: ${unreturned} tensors are kept (tf.keep) inside of it and not returned; a compiled function makes them anew at every call: return them.`,
      );
    const targets: Target[] = [];
    const assigned: tf.Tensor[] = [];
    for (const [variable, dataId] of before) {
      if (variable.dataId === dataId) continue;
      const argument = this.inputs.tensors.indexOf(variable);
      targets.push(argument >= 0 ? { argument } : { variable });
      names.push(`the variable ${variable.name}`);
      assigned.push(variable);
    }
    const seen = new Set<string>();
    const nodes = [...tensors, ...assigned].map((t) => this.nodeOf(this.idOf(t), t.dataId));
    this.build(nodes);
    const outputs = nodes.map((node) => {
      // An output that is an input, or another output too, needs an operation of its own.
      if (node.kernel === 'input' || seen.has(`${node.operation}:${node.output}`)) {
        return [
          this.native.addOperation(this.graph, 'Identity', `Identity_${this.names++}`, [], Int32Array.of(node.operation, node.output), Int32Array.of(-1), -1),
          0,
        ];
      }
      seen.add(`${node.operation}:${node.output}`);
      return [node.operation, node.output];
    });
    const functionName = `${this.name.replace(/\W/g, '_')}_${functions++}`;
    this.native.makeFunction(this.graph, functionName, Int32Array.from(outputs.flat()));
    const open = this.inputs.tensors.some((t) => openAxes.has(t));
    const made = new Recorded(this.name, functionName, this.feeds, shape, tensors.length, targets, names, open ? sizes(this.inputs) : undefined);
    return { result, made };
  }

  /** Puts this recording between TensorFlow.js and the addon; returns what takes it out again. */
  private intercept(): () => void {
    const { backend, native } = this;
    const changes: Partial<Binding> = {
      executeOp: (kernel, attributes, ids, outputs) => this.execute(kernel, attributes, ids, outputs),
      createTensor: (shape, dtype, values) => {
        const id = native.createTensor(shape, dtype, values);
        this.madeInside.add(id);
        return id;
      },
      tensorDataSync: (id) => {
        const node = this.nodes.get(id);
        if (node ? node.constant : this.madeInside.has(id)) return native.tensorDataSync(id);
        throw this.refusal(node?.kernel);
      },
    };
    // The addon's own properties are read-only.
    const binding = Object.create(native as object, Object.fromEntries(Object.entries(changes).map(([k, value]) => [k, { value }]))) as Binding;
    const changed = backend as unknown as Record<string, unknown>;
    const methods: Record<string, (...a: never[]) => unknown> = {
      getInputTensorIds: (tensors: tf.TensorInfo[]) => {
        const prototype = Object.getPrototypeOf(backend) as Backend;
        for (const { dataId } of tensors) {
          if (!dataId) continue;
          const info = backend.tensorMap.get(dataId)!;
          if (hasValues(info) && !this.born.has(dataId)) this.upload(info);
        }
        const ids = prototype.getInputTensorIds.call(backend, tensors);
        tensors.forEach(({ dataId }, i) => dataId && this.owners.set(ids[i], dataId));
        return ids;
      },
      move: (dataId: object, ...rest: unknown[]) => {
        this.born.add(dataId);
        (Object.getPrototypeOf(backend) as Backend).move.call(backend, dataId, ...rest);
      },
      readSync: (dataId: object) => {
        const info = backend.tensorMap.get(dataId);
        if (info && hasValues(info) && !this.born.has(dataId)) throw this.refusal(undefined);
        return (Object.getPrototypeOf(backend) as Backend).readSync.call(backend, dataId);
      },
    };
    const random = Math.random;
    backend.binding = binding;
    Object.assign(changed, methods);
    Math.random = () => {
      throw new UserError(
        `${this.name}: it draws random numbers in JavaScript, which would be the same at every call; take a stateless kernel with a seed tensor (docs/compiled.md).`,
      );
    };
    active = this;
    return () => {
      active = undefined;
      Math.random = random;
      for (const name of Object.keys(methods)) delete changed[name];
      backend.binding = native;
    };
  }

  private refusal(kernel: string | undefined): UserError {
    const what = !kernel || kernel === 'input' ? 'a tensor that comes from outside' : `a result of ${kernel}`;
    return new UserError(
      `${this.name}: JavaScript reads the value of ${what} inside of a compiled function, where it would stay what it was at the first call; return the tensor and read it outside.`,
    );
  }

  private execute(kernel: string, attributes: KernelAttribute[], ids: number[], outputs: number): OutputInfo[] {
    const definition = definitionOf(this.native, kernel);
    if (definition.stateful && kernel !== COLLECTIVE) {
      const random = /Random|Multinomial|TruncatedNormal/.test(kernel);
      throw new UserError(
        `${this.name}: the kernel ${kernel} cannot be compiled, as it ${random ? 'draws other numbers at every call; take its Stateless form with a seed tensor' : 'does more than compute its outputs'}.`,
      );
    }
    // Before it runs: a kernel may take its inputs' memory.
    const inputs = ids.map((id) => this.nodeOf(id, this.owners.get(id)));
    const infos = this.native.executeOp(kernel, attributes, ids, outputs);
    const step: Step = { kernel, attributes, inputs, outputs: [], lengths: listLengths(definition, attributes, ids.length), size: 0 };
    const constant = inputs.every((n) => n.constant);
    infos.forEach((info, output) => {
      this.madeInside.add(info.id);
      const node = { operation: -1, output, step, kernel, constant };
      step.outputs.push(node);
      step.size += info.shape.reduce((a, b) => a * b, 1);
      this.nodes.set(info.id, node);
    });
    this.steps.push(step);
    return infos;
  }

  /** Puts the steps that the results depend on into the graph, in their order. */
  private build(results: readonly Node[]): void {
    const needed = new Set<Step>();
    for (const { step } of results) if (step) needed.add(step);
    for (let i = this.steps.length - 1; i >= 0; i--) {
      if (needed.has(this.steps[i])) for (const { step } of this.steps[i].inputs) if (step) needed.add(step);
    }
    const window = [...needed].reduce((sum, { size }) => sum + size, 0) > ROOM ? WINDOW : Infinity;
    const built: number[] = [];
    let sum = -1;
    for (const step of this.steps) {
      if (!needed.has(step)) continue;
      const { kernel, attributes, inputs, lengths } = step;
      const flat = Int32Array.from(inputs.flatMap((n) => [n.operation, n.output]));
      // NCCL wants the sums over all workers in one order.
      const ordered = kernel === COLLECTIVE && this.backend.isUsingGpuDevice;
      const after = ordered && sum >= 0 ? sum : built.length >= window ? built[built.length - window] : -1;
      const operation = this.native.addOperation(this.graph, kernel, `${kernel.replace(/^_+/, '')}_${this.names++}`, attributes, flat, lengths, after);
      if (ordered) sum = operation;
      built.push(operation);
      for (const node of step.outputs) node.operation = operation;
    }
  }

  private nodeOf(id: number, dataId: object | undefined): Node {
    const known = this.nodes.get(id);
    if (known) return known;
    const node = this.madeInside.has(id) ? this.constantNode(id, dataId) : this.inputNode(id, dataId);
    this.nodes.set(id, node);
    return node;
  }

  private constantNode(id: number, dataId: object | undefined): Node {
    const info = dataId && this.backend.tensorMap.get(dataId);
    // The same small constants come again and again: shapes, axes, factors.
    const small = info && info.shape.reduce((a, b) => a * b, 1) <= 64;
    const values = small ? (this.native.tensorDataSync(id) as ArrayLike<number>) : undefined;
    const key = small && values ? `${info.dtype}[${info.shape}]${Array.from(values, (v) => (Object.is(v, -0) ? '-0' : v)).join()}` : undefined;
    let operation = key === undefined ? undefined : this.constants.get(key);
    if (operation === undefined) {
      operation = this.native.constant(this.graph, `constant_${this.names++}`, id);
      if (key !== undefined) this.constants.set(key, operation);
    }
    return { operation, output: 0, kernel: 'constant', constant: true };
  }

  private inputNode(id: number, dataId: object | undefined): Node {
    const argument = this.argumentOf.get(id);
    const variable = this.variableOf.get(id);
    if (!dataId) throw new UserError(`${this.name}: a kernel reads a tensor that TensorFlow.js does not know; it cannot be compiled.`);
    const info = this.backend.tensorMap.get(dataId)!;
    const open = argument === undefined ? [] : (openAxes.get(this.inputs.tensors[argument]) ?? []);
    const operation = this.native.placeholder(
      this.graph,
      `input_${this.names++}`,
      info.dtype,
      info.shape.map((n, axis) => (open.includes(axis) ? -1 : n)),
    );
    if (argument !== undefined) this.feeds.push({ argument });
    else if (variable) this.feeds.push({ variable });
    else this.feeds.push({ dataId, what: `[${info.shape}]` });
    return { operation, output: 0, kernel: 'input', constant: false };
  }

  private info(t: tf.Tensor): Info {
    return this.backend.tensorMap.get(t.dataId)!;
  }

  private upload(info: Info): void {
    info.id = this.native.createTensor(info.shape, info.dtype, info.values);
    info.values = null;
  }

  private idOf(t: tf.Tensor): number {
    const info = this.info(t);
    if (hasValues(info)) this.upload(info);
    return info.id;
  }

  /** The same numbers behind another handle. */
  private copy(t: tf.Tensor): tf.Tensor {
    return tf.keep(tf.runKernel('Identity', { T: t.dtype }, [t])[0]);
  }
}

/** The sizes of a call, where some are open. */
const sizes = (inputs: Inputs): string => inputs.tensors.map((t) => t.shape.join('x')).join();

/** A function that TensorFlow holds. */
class Recorded {
  private trusted = false;
  private readonly backend = backend();

  constructor(
    private readonly name: string,
    private readonly functionName: string,
    private readonly feeds: readonly Feed[],
    private readonly shape: Shape,
    private readonly results: number,
    private readonly targets: readonly Target[],
    private readonly names: readonly string[],
    private readonly recordedSizes: string | undefined,
  ) {}

  /** Whether it need not be checked: it was, and where sizes are open with others than those of the recording. */
  trusts(inputs: Inputs): boolean {
    return this.trusted || (this.recordedSizes !== undefined && this.checkedOnce && this.recordedSizes === sizes(inputs));
  }
  private checkedOnce = false;

  call(inputs: Inputs): unknown {
    const outputs = this.run(inputs);
    this.targets.forEach((target, i) => {
      const value = outputs[this.results + i];
      this.variable(target, inputs).assign(value);
      value.dispose();
    });
    return putTogether(this.shape, outputs);
  }

  /** The eager result, and in words what differs from it. */
  check(inputs: Inputs, eagerly: () => unknown): { result: unknown; found: string | undefined } {
    const outputs = this.run(inputs);
    const found = outputs.map((t) => new Remembered(t, this.backend.isUsingGpuDevice));
    // Before the other way is gone: a training step's gradients would be in memory twice.
    tf.dispose(outputs);
    const result = eagerly();
    const tensors: tf.Tensor[] = [];
    takeApart(result, this.name, tensors, []);
    const wanted = [...tensors, ...this.targets.map((t) => this.variable(t, inputs))];
    if (wanted.length !== found.length) return { result, found: `it returns ${tensors.length} tensors in place of ${this.results}` };
    for (let i = 0; i < found.length; i++) {
      const difference = found[i].differsFrom(wanted[i]);
      if (difference) return { result, found: `${this.names[i]} ${difference}` };
    }
    this.checkedOnce = true;
    this.trusted = this.recordedSizes === undefined || this.recordedSizes !== sizes(inputs);
    return { result, found: undefined };
  }

  dispose(): void {
    this.backend.binding.removeFunction(this.functionName);
  }

  private variable(target: Target, inputs: Inputs): tf.Variable {
    return 'variable' in target ? target.variable : (inputs.tensors[target.argument] as tf.Variable);
  }

  private run(inputs: Inputs): tf.Tensor[] {
    const { binding } = this.backend;
    const ids = Int32Array.from(this.feeds, (feed) => {
      if ('argument' in feed) return this.id(inputs.tensors[feed.argument].dataId, `argument ${feed.argument + 1}`);
      if ('variable' in feed) return this.id(feed.variable.dataId, `the variable ${feed.variable.name}`);
      return this.id(feed.dataId, `a tensor ${feed.what} from outside of it`);
    });
    let infos: OutputInfo[];
    try {
      infos = binding.callFunction(this.functionName, ids, this.results + this.targets.length, CONFIG);
    } catch (e) {
      throw this.explain(e as Error);
    }
    return infos.map((info) => this.backend.createOutputTensor(info));
  }

  private id(dataId: object, what: string): number {
    const info = this.backend.tensorMap.has(dataId) ? this.backend.tensorMap.get(dataId) : undefined;
    if (!info) throw new UserError(`${this.name}: it reads ${what}, which was disposed of.`);
    if (hasValues(info)) {
      info.id = this.backend.binding.createTensor(info.shape, info.dtype, info.values);
      info.values = null;
    }
    return info.id;
  }

  /** TensorFlow's message with the operation in it. */
  private explain(error: Error): Error {
    const node = /\{\{node (?:[^}]*\/)?(\w+?)_(\d+)\}\}/.exec(error.message);
    return new Error(`${this.name}: ${node ? `the operation ${node[1]} (number ${node[2]}) failed: ` : ''}${error.message}`, { cause: error });
  }
}

/** Up to so many numbers of a tensor are remembered as they are, of larger ones a sum of their bits. */
const REMEMBERED = 1 << 16;

/** What a tensor held. */
class Remembered {
  private readonly kind: string;
  private readonly values?: ArrayLike<number>;
  private readonly bits?: string;

  constructor(
    t: tf.Tensor,
    private readonly onGpu: boolean,
  ) {
    this.kind = kindOf(t);
    // On a GPU bits differ, and how much has to be known.
    if (onGpu || t.dtype !== 'float32' || t.size <= REMEMBERED) this.values = t.dataSync();
    else this.bits = sumOfBits(t);
  }

  /** In words how a tensor differs from it; undefined where it does not. */
  differsFrom(wanted: tf.Tensor): string | undefined {
    if (this.kind !== kindOf(wanted)) return `is ${this.kind} in place of ${kindOf(wanted)}`;
    if (!this.values) return this.bits === sumOfBits(wanted) ? undefined : 'has other bits';
    const [a, b] = [this.values, wanted.dataSync() as ArrayLike<number>];
    if (wanted.dtype !== 'float32') return Array.from(a).every((v, i) => v === b[i]) ? undefined : 'has other values';
    let largest = 0;
    let difference = 0;
    for (let i = 0; i < a.length; i++) {
      if (Number.isFinite(b[i])) largest = Math.max(largest, Math.abs(b[i]));
      if (!Object.is(a[i], b[i])) difference = Math.max(difference, Number.isNaN(a[i] - b[i]) ? Infinity : Math.abs(a[i] - b[i]));
    }
    // 0 has two bit patterns.
    if (difference === 0 || (this.onGpu && difference <= 1e-3 * largest)) return undefined;
    return `differs by up to ${difference.toPrecision(3)}, values up to ${largest.toPrecision(3)}`;
  }
}

const kindOf = (t: tf.Tensor) => `${t.dtype} [${t.shape}]`;

/** Of a tensor's bits, as whole numbers that overflow, their sum and that of their squares: the same in any order. */
const sumOfBits = (t: tf.Tensor): string =>
  tf.tidy(() => {
    const bits = tf.runKernel('Bitcast', { T: 'float32', type: 'int32' }, [t])[0];
    return `${tf.sum(bits).dataSync()[0]} ${tf.sum(tf.mul(bits, bits)).dataSync()[0]}`;
  });

/** What a kernel takes. */
interface Definition {
  /** By argument: whether it is a list, and by which attribute its length is told. */
  arguments: { list: boolean; number?: string }[];
  stateful: boolean;
}

const definitions = new Map<string, Definition>();

function definitionOf(binding: Binding, kernel: string): Definition {
  let known = definitions.get(kernel);
  if (!known) {
    // OpDef: 2 input_arg { 5 number_attr, 6 type_list_attr }, 17 is_stateful.
    const fields = protobuf(binding.operationDefinition(kernel));
    known = {
      arguments: fields
        .filter(([field]) => field === 2)
        .map(([, bytes]) => {
          const argument = protobuf(bytes as Uint8Array);
          const number = argument.find(([field]) => field === 5)?.[1] as Uint8Array | undefined;
          return { list: argument.some(([field]) => field === 5 || field === 6), number: number && Buffer.from(number).toString() };
        }),
      stateful: fields.some(([field, value]) => field === 17 && value === 1),
    };
    definitions.set(kernel, known);
  }
  return known;
}

/** The fields of a message of protobuf: numbers, and bytes of what has a length. */
function protobuf(bytes: Uint8Array): [number, number | Uint8Array][] {
  const fields: [number, number | Uint8Array][] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, type] = [Math.floor(tag / 8), tag & 7];
    if (type === 0) fields.push([field, varint()]);
    else if (type === 2) {
      const length = varint();
      fields.push([field, bytes.subarray(at, at + length)]);
      at += length;
    } else at += type === 1 ? 8 : 4;
  }
  return fields;
}

/** For each argument of a kernel -1, or of how many of its inputs the list consists. */
function listLengths(definition: Definition, attributes: readonly KernelAttribute[], inputs: number): Int32Array {
  const single = definition.arguments.filter((a) => !a.list).length;
  const lists = definition.arguments.length - single;
  return Int32Array.from(definition.arguments, ({ list, number }) => {
    if (!list) return -1;
    if (lists === 1) return inputs - single;
    return Number(attributes.find((a) => a.name === number)?.value ?? 0);
  });
}
