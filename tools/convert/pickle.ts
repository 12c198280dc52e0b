import { DamagedFileError, UserError, excerpt } from '../../src/common/errors';
import { bfloat16ToFloat, halfToFloat } from '../../src/checkpoints/half';
import type { ByteSource } from '../../src/common/source';

/*
 * A reader of Python's pickles for the few things a file of weights is made of: numbers, texts, tuples, lists,
 * dictionaries, numpy arrays, Jittor's variables around them, PyTorch's tensors. A pickle is a program for a stack
 * machine that can name any function of Python and call it; this reader knows no functions. The names in GLOBALS are
 * marks that say how to read what follows. An object of any other class is read over where the pickle only makes it, without
 * a call (the options of a run, as its program keeps them); any other name ends the reading.
 */

/** Bytes of the source that have not been read. */
export class ByteSlice {
  constructor(
    readonly source: ByteSource,
    readonly position: number,
    readonly length: number,
  ) {}

  read(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    this.source.read(this.position, bytes);
    return bytes;
  }
}

/** A numpy array; its bytes stay in the file until they are asked for. */
export class NdArray {
  shape: number[] = [];
  /** 'f4', 'i8', ... */
  code = '';
  fortran = false;
  data: Uint8Array | ByteSlice = new Uint8Array(0);
}

/** A tensor of PyTorch: a window on one of the archive's storages. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}
}

export class TorchStorage {
  constructor(
    readonly code: string,
    readonly key: string,
    readonly length: number,
    /** Where its first number stands: PyTorch before 0.4 saved windows on a storage as storages. */
    readonly start = 0,
  ) {}
}

/** Something beside the weights that is no data of ours, such as the options of a run: read over, never made. */
export class Opaque {}

/** What a pickle can hold. Tuples and lists are arrays, dictionaries are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | ByteSlice
  | NdArray
  | TorchTensor
  | TorchStorage
  | Opaque
  | Dtype
  | Global
  | PickleValue[]
  | Map<PickleValue, PickleValue>;

class Dtype {
  constructor(readonly code: string) {}
}

type Meaning =
  | 'var'
  | 'reconstruct'
  | 'frombuffer'
  | 'scalar'
  | 'ndarray'
  | 'dtype'
  | 'dict'
  | 'encode'
  | 'tensor'
  | 'parameter'
  | 'opaque'
  | { storage: string };

class Global {
  constructor(
    readonly meaning: Meaning,
    /** Of a class that is not known: its name. */
    readonly stranger?: string,
  ) {}
}

/** What people leave beside the weights: options of the run, states of schedulers. Python 2 had `__builtin__`. */
const BESIDE = [
  'argparse.Namespace',
  'types.SimpleNamespace',
  'torch.Size',
  'torch.device',
  ...['float16', 'float32', 'float64', 'bfloat16', 'uint8', 'int32', 'int64', 'bool'].map((type) => `torch.${type}`),
  ...['pathlib', 'pathlib._local'].flatMap((module) =>
    ['Path', 'PosixPath', 'WindowsPath', 'PurePosixPath', 'PureWindowsPath'].map((type) => `${module}.${type}`),
  ),
  ...['datetime', 'date', 'time', 'timedelta', 'timezone'].map((type) => `datetime.${type}`),
  'decimal.Decimal',
  'uuid.UUID',
  ...['__builtin__', 'builtins'].flatMap((module) =>
    ['list', 'tuple', 'dict', 'set', 'frozenset', 'int', 'float', 'complex', 'bool', 'str', 'bytearray', 'range', 'xrange', 'slice', 'object'].map(
      (name) => `${module}.${name}`,
    ),
  ),
];

/** The only names that may stand in a pickle. numpy 2 renamed `core` to `_core`. */
const GLOBALS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ['jittor.jittor_core.Var', 'var'],
  ['jittor_core.Var', 'var'],
  ['numpy.core.multiarray._reconstruct', 'reconstruct'],
  ['numpy._core.multiarray._reconstruct', 'reconstruct'],
  ['numpy.core.multiarray.scalar', 'scalar'],
  ['numpy._core.multiarray.scalar', 'scalar'],
  ['numpy.core.numeric._frombuffer', 'frombuffer'],
  ['numpy._core.numeric._frombuffer', 'frombuffer'],
  ['numpy.ndarray', 'ndarray'],
  ['numpy.dtype', 'dtype'],
  ['collections.OrderedDict', 'dict'],
  ['collections.defaultdict', 'dict'],
  ['collections.Counter', 'dict'],
  ['easydict.EasyDict', 'dict'],
  ['_codecs.encode', 'encode'],
  ['torch._utils._rebuild_tensor', 'tensor'],
  ['torch._utils._rebuild_tensor_v2', 'tensor'],
  ['torch._utils._rebuild_parameter', 'parameter'],
  ...BESIDE.map((name): [string, Meaning] => [name, 'opaque']),
  ...Object.entries({
    Float: 'f4',
    Double: 'f8',
    Half: 'f2',
    BFloat16: 'bf2',
    Long: 'i8',
    Int: 'i4',
    Short: 'i2',
    Char: 'i1',
    Byte: 'u1',
    Bool: 'b1',
  }).map(([name, code]): [string, Meaning] => [`torch.${name}Storage`, { storage: code }]),
]);

/** Far above any network's file (the full generator's has 11 000), far below what would fill the memory. */
const MAX_OPCODES = 2_000_000;
const MAX_TEXT = 1 << 20;
/** Longer strings of bytes stay in the file. */
const LAZY = 1024;

/**
 * Reads one pickle of `source`, from byte `start` on, of any protocol up to 5. Returns its value and where it ends. Nothing is
 * executed.
 * Throws a DamagedFileError where it is not a complete pickle, and a UserError that names what it asks for where it
 * asks for anything but plain data, numpy arrays and tensors.
 */
export function readPickle(source: ByteSource, start = 0): ReadPickle {
  return new Unpickler(source, start).run();
}

export interface ReadPickle {
  value: PickleValue;
  /** Where it ends in the source. */
  end: number;
  /** All of PyTorch's storages that it names, those beside the weights too. */
  storages: ReadonlyMap<string, TorchStorage>;
}

class Unpickler {
  private readonly storages = new Map<string, TorchStorage>();
  private stack: PickleValue[] = [];
  private readonly marks: PickleValue[][] = [];
  private readonly memo = new Map<number, PickleValue>();
  private readonly window = Buffer.alloc(1 << 16);
  private windowStart = 0;
  private windowLength = 0;
  constructor(
    private readonly source: ByteSource,
    private position: number,
  ) {}

  run(): ReadPickle {
    for (let count = 0; ; count++) {
      if (count > MAX_OPCODES) throw this.fault(`has more than ${MAX_OPCODES} instructions, far more than a network's file`);
      const opcode = this.u8();
      if (opcode === 0x2e) {
        if (this.marks.length || this.stack.length !== 1) throw this.damaged();
        return { value: this.stack[0], end: this.position, storages: this.storages };
      }
      this.step(opcode);
    }
  }

  private step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        if (this.u8() > 5) throw this.fault('is a pickle of a protocol above 5');
        return;
      case 0x95: // FRAME: only tells how much could be read ahead
        this.length(8);
        return;
      case 0x28: // MARK
        this.marks.push(this.stack);
        this.stack = [];
        return;
      case 0x30: // POP
        if (this.stack.length) this.stack.pop();
        else this.toMark();
        return;
      case 0x31: // POP_MARK
        this.toMark();
        return;

      case 0x4e:
        return this.push(null);
      case 0x88:
        return this.push(true);
      case 0x89:
        return this.push(false);
      case 0x4a:
        return this.push(this.take(4).readInt32LE()); // BININT
      case 0x4b:
        return this.push(this.u8()); // BININT1
      case 0x4d:
        return this.push(this.take(2).readUInt16LE()); // BININT2
      case 0x8a:
        return this.push(this.long(this.u8())); // LONG1
      case 0x47:
        return this.push(this.take(8).readDoubleBE()); // BINFLOAT
      case 0x49:
        return this.push(this.integerText(this.line())); // INT
      case 0x4c:
        return this.push(this.integerText(this.line().replace(/L$/, ''))); // LONG
      case 0x46:
        return this.push(this.floatText(this.line())); // FLOAT

      case 0x8c:
        return this.push(this.text(this.u8())); // SHORT_BINUNICODE
      case 0x58:
        return this.push(this.text(this.length(4))); // BINUNICODE
      case 0x8d:
        return this.push(this.text(this.length(8))); // BINUNICODE8
      case 0x55:
        return this.push(this.take(this.u8()).toString('latin1')); // SHORT_BINSTRING (Python 2)
      case 0x54:
        return this.push(this.take(this.limited(this.length(4))).toString('latin1')); // BINSTRING
      case 0x43:
        return this.push(this.bytes(this.u8())); // SHORT_BINBYTES
      case 0x42:
        return this.push(this.bytes(this.length(4))); // BINBYTES
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.push(this.bytes(this.length(8)));

      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return this.push([]);
      case 0x74: // TUPLE
      case 0x6c: // LIST
        return this.push(this.toMark());
      case 0x85:
        return this.push(this.pop(1)); // TUPLE1
      case 0x86:
        return this.push(this.pop(2)); // TUPLE2
      case 0x87:
        return this.push(this.pop(3)); // TUPLE3
      case 0x61:
        return this.append(this.pop(1)); // APPEND
      case 0x65:
        return this.append(this.toMark()); // APPENDS
      case 0x7d:
        return this.push(new Map()); // EMPTY_DICT
      case 0x64: {
        // DICT
        const items = this.toMark();
        this.push(new Map());
        return this.set(items);
      }
      case 0x73:
        return this.set(this.pop(2)); // SETITEM
      case 0x75:
        return this.set(this.toMark()); // SETITEMS

      case 0x94:
        return this.remember(this.memo.size); // MEMOIZE
      case 0x71:
        return this.remember(this.u8()); // BINPUT
      case 0x72:
        return this.remember(this.length(4)); // LONG_BINPUT
      case 0x70:
        return this.remember(Number(this.integerText(this.line()))); // PUT
      case 0x68:
        return this.recall(this.u8()); // BINGET
      case 0x6a:
        return this.recall(this.length(4)); // LONG_BINGET
      case 0x67:
        return this.recall(Number(this.integerText(this.line()))); // GET

      case 0x63:
        return this.global(this.line(), this.line()); // GLOBAL
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.pop(2);
        if (typeof module !== 'string' || typeof name !== 'string') throw this.damaged();
        return this.global(module, name);
      }
      case 0x81: {
        // NEWOBJ: only what is read over, and dictionaries
        const [made, args] = this.pop(2);
        if (!(made instanceof Global) || !Array.isArray(args)) throw this.damaged();
        if (made.stranger) return this.push(new Opaque());
        if (made.meaning !== 'opaque' && made.meaning !== 'dict') throw this.damaged();
        return this.push(this.interpret(made.meaning, args));
      }
      case 0x52: {
        // REDUCE
        const [callee, args] = this.pop(2);
        if (!(callee instanceof Global) || !Array.isArray(args)) throw this.damaged();
        if (callee.stranger) throw this.refused(callee.stranger);
        return this.push(this.interpret(callee.meaning, args));
      }
      case 0x62: {
        // BUILD
        const [target, state] = this.pop(2);
        return this.push(this.build(target, state));
      }
      case 0x51: // BINPERSID: PyTorch's storages
        return this.push(this.storage(this.pop(1)[0]));
      default:
        throw this.fault(
          `is not a pickle of weights: it holds the instruction 0x${opcode.toString(16).padStart(2, '0')} at byte ${this.position - 1}, which this reader does not know`,
        );
    }
  }

  private global(module: string, name: string): void {
    const meaning = GLOBALS.get(`${module}.${name}`);
    if (!meaning) {
      const shown = `${module}.${name}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 80);
      if (/^(torch\.nn\.|__torch__)/.test(shown)) {
        throw new UserError(`${this.source.file} holds a whole module of PyTorch ('${shown}'), not its weights: save module.state_dict() instead.`);
      }
      // By custom classes begin with a capital. Nothing is called: an object that was only made is passed over.
      if (!/^\w+(\.\w+)*\.[A-Z]\w*$/.test(`${module}.${name}`)) throw this.refused(shown);
      return this.push(new Global('opaque', shown));
    }
    this.push(new Global(meaning));
  }

  private refused(name: string): UserError {
    return new UserError(`${this.source.file} asks for '${name}', which a file of weights has no use for: it may be malicious, and nothing of it was used.`);
  }

  /** What a pickle would call a function for. */
  private interpret(meaning: Meaning, args: PickleValue[]): PickleValue {
    if (typeof meaning === 'object') throw this.damaged();
    switch (meaning) {
      case 'var':
        if (args[0] instanceof NdArray) return args[0];
        throw this.damaged();
      case 'reconstruct':
        if (args[0] instanceof Global && args[0].meaning === 'ndarray') return new NdArray();
        throw this.damaged();
      case 'dtype':
        if (typeof args[0] === 'string') return this.dtype(args[0]);
        throw this.damaged();
      case 'frombuffer': {
        const [data, dtype, shape, order] = args;
        return this.array(new NdArray(), shape, dtype, order === 'F', data);
      }
      case 'scalar': {
        const array = this.array(new NdArray(), [], args[0], false, args[1]);
        return decodeArray(array, this.source.file)[0];
      }
      case 'dict': {
        const map = new Map<PickleValue, PickleValue>();
        for (const pair of args.length && Array.isArray(args[0]) ? args[0] : []) {
          if (!Array.isArray(pair) || pair.length !== 2) throw this.damaged();
          map.set(pair[0], pair[1]);
        }
        return map;
      }
      case 'encode':
        if (typeof args[0] === 'string' && args[1] === 'latin1') return Buffer.from(args[0], 'latin1');
        throw this.damaged();
      case 'tensor': {
        const [storage, within, shape, strides] = args;
        if (!(storage instanceof TorchStorage) || !isCount(within) || !isCounts(shape) || !isCounts(strides) || shape.length !== strides.length)
          throw this.damaged();
        const offset = storage.start + within;
        const last = shape.reduce((at, n, d) => at + (n - 1) * strides[d], offset);
        if (shape.every((n) => n > 0) && last >= storage.length) throw this.fault('is damaged: a tensor reaches beyond its storage');
        // Strides of 0 could make a window of any size from one number.
        if (product(shape) > storage.length) throw this.fault('is damaged: a tensor is larger than its storage');
        return new TorchTensor(storage, offset, shape, strides);
      }
      case 'opaque':
        return new Opaque();
      case 'parameter':
        if (args[0] instanceof TorchTensor) return args[0];
        throw this.damaged();
      case 'ndarray':
        throw this.damaged();
    }
  }

  private build(target: PickleValue, state: PickleValue): PickleValue {
    if (target instanceof NdArray && Array.isArray(state) && state.length === 5) {
      return this.array(target, state[1], state[2], state[3] === true, state[4]);
    }
    if (target instanceof Dtype && Array.isArray(state)) {
      // (version, byte order, subtype, names, fields, ...)
      if (state[1] === '>' && !/1$/.test(target.code)) throw this.fault('holds big-endian numbers, which are not read');
      if (state[2] !== null || state[3] !== null) throw this.fault('holds an array of records, not of numbers');
      return target;
    }
    // PyTorch's state dicts carry a version number for each module as an attribute.
    if (target instanceof Map) return target;
    if (target instanceof Opaque) {
      if (state instanceof Map && state.has('_modules') && state.has('_parameters')) {
        throw new UserError(`${this.source.file} holds a whole module of PyTorch, not its weights: save module.state_dict() instead.`);
      }
      return target;
    }
    throw this.damaged();
  }

  private array(target: NdArray, shape: PickleValue, dtype: PickleValue, fortran: boolean, data: PickleValue): NdArray {
    if (!isCounts(shape) || !(dtype instanceof Dtype)) throw this.damaged();
    // A list stands for the elements only where they are Python's objects.
    if (!(data instanceof Uint8Array || data instanceof ByteSlice)) throw this.damaged();
    const needed = product(shape) * elementSize(dtype.code);
    if (data.length !== needed) throw this.fault(`is damaged: an array of [${shape}] ${dtype.code} holds ${data.length} bytes instead of ${needed}`);
    return Object.assign(target, { shape, code: dtype.code, fortran, data });
  }

  private dtype(text: string): Dtype {
    if (text.includes('O')) throw this.fault('holds an array of Python objects (dtype object), not of numbers');
    if (text.startsWith('>')) throw this.fault('holds big-endian numbers, which are not read');
    const code = text.replace(/^[<=|]/, '');
    if (!DECODERS.has(code)) throw this.fault(`holds an array of type '${code.slice(0, 20)}', which is not read`);
    return new Dtype(code);
  }

  private storage(id: PickleValue): TorchStorage {
    // ('storage', type, key, location, number of elements); before PyTorch 1.6 a view follows: (its key, start, length)
    if (!Array.isArray(id) || id[0] !== 'storage') throw this.damaged();
    const [, type, key, , length, view = null] = id;
    if (!(type instanceof Global) || typeof type.meaning !== 'object' || typeof key !== 'string' || !isCount(length)) throw this.damaged();
    const { storage: code } = type.meaning;
    const known = this.storages.get(key);
    if (known && (known.code !== code || known.length !== length)) throw this.fault(`is damaged: it describes the storage '${excerpt(key)}' in two ways`);
    const whole = known ?? new TorchStorage(code, key, length);
    this.storages.set(key, whole);
    if (view === null) return whole;
    if (!isCounts(Array.isArray(view) ? view.slice(1) : null)) throw this.damaged();
    const [, start, size] = view as [PickleValue, number, number];
    if (start + size > length) throw this.fault('is damaged: a view reaches beyond its storage');
    return new TorchStorage(code, key, length, start);
  }

  private push(value: PickleValue): void {
    this.stack.push(value);
  }

  private pop(n: number): PickleValue[] {
    if (this.stack.length < n) throw this.damaged();
    return this.stack.splice(this.stack.length - n, n);
  }

  private toMark(): PickleValue[] {
    const items = this.stack;
    const below = this.marks.pop();
    if (!below) throw this.damaged();
    this.stack = below;
    return items;
  }

  private append(items: PickleValue[]): void {
    const list = this.stack[this.stack.length - 1];
    if (list instanceof Opaque) return;
    if (!Array.isArray(list)) throw this.damaged();
    for (const item of items) list.push(item);
  }

  private set(items: PickleValue[]): void {
    const map = this.stack[this.stack.length - 1];
    if (map instanceof Opaque) return;
    if (!(map instanceof Map) || items.length % 2) throw this.damaged();
    for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  }

  private remember(index: number): void {
    if (!this.stack.length) throw this.damaged();
    this.memo.set(index, this.stack[this.stack.length - 1]);
  }

  private recall(index: number): void {
    if (!this.memo.has(index)) throw this.damaged();
    this.push(this.memo.get(index)!);
  }

  private integerText(text: string): number | bigint | boolean {
    if (text === '00') return false;
    if (text === '01') return true;
    if (!/^-?\d{1,40}$/.test(text)) throw this.damaged();
    return narrow(BigInt(text));
  }

  private floatText(text: string): number {
    const value = Number(text);
    if (Number.isNaN(value)) throw this.damaged();
    return value;
  }

  /** Little-endian two's complement. */
  private long(bytes: number): number | bigint {
    if (bytes > 16) throw this.fault('holds a number that is too large');
    let value = 0n;
    const b = this.take(bytes);
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(b[i]);
    return narrow(BigInt.asIntN(bytes * 8, value));
  }

  private text(length: number): string {
    return this.take(this.limited(length)).toString('utf8');
  }

  private bytes(length: number): Uint8Array | ByteSlice {
    if (length <= LAZY) return new Uint8Array(this.take(length));
    if (this.position + length > this.source.length) throw new DamagedFileError(this.source.file, 'is truncated');
    const slice = new ByteSlice(this.source, this.position, length);
    this.position += length;
    return slice;
  }

  private limited(length: number): number {
    if (length > MAX_TEXT) throw this.fault(`holds a text of ${length} bytes`);
    return length;
  }

  private length(bytes: 4 | 8): number {
    const b = this.take(bytes);
    const value = bytes === 4 ? b.readUInt32LE() : Number(b.readBigUInt64LE());
    if (!Number.isSafeInteger(value)) throw this.damaged();
    return value;
  }

  private line(): string {
    for (let length = 0; length < 4096; length++) {
      if (this.peek(length) !== 0x0a) continue;
      const text = this.take(length).toString('utf8');
      this.position++;
      return text;
    }
    throw this.damaged();
  }

  private u8(): number {
    const value = this.peek(0);
    this.position++;
    return value;
  }

  private peek(ahead: number): number {
    const at = this.position + ahead - this.windowStart;
    if (at >= 0 && at < this.windowLength) return this.window[at];
    this.fill(this.position + ahead);
    return this.window[0];
  }

  private take(length: number): Buffer {
    const at = this.position - this.windowStart;
    if (at >= 0 && at + length <= this.windowLength) {
      this.position += length;
      return this.window.subarray(at, at + length);
    }
    const bytes = Buffer.alloc(length);
    this.source.read(this.position, bytes);
    this.position += length;
    return bytes;
  }

  private fill(position: number): void {
    const length = Math.min(this.window.length, this.source.length - position);
    if (length <= 0) throw new DamagedFileError(this.source.file, 'is truncated: its pickle does not end');
    this.source.read(position, this.window.subarray(0, length));
    this.windowStart = position;
    this.windowLength = length;
  }

  private damaged(): DamagedFileError {
    return this.fault(`is not a valid pickle (at byte ${this.position})`);
  }

  private fault(what: string): DamagedFileError {
    return new DamagedFileError(this.source.file, what);
  }
}

type Decoder = (bytes: ArrayBuffer) => ArrayLike<number | bigint>;

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['f4', (b) => new Float32Array(b)],
  ['f8', (b) => new Float64Array(b)],
  ['f2', (b) => Float32Array.from(new Uint16Array(b), halfToFloat)],
  ['bf2', (b) => Float32Array.from(new Uint16Array(b), bfloat16ToFloat)],
  ['i8', (b) => new BigInt64Array(b)],
  ['u8', (b) => new BigUint64Array(b)],
  ['i4', (b) => new Int32Array(b)],
  ['u4', (b) => new Uint32Array(b)],
  ['i2', (b) => new Int16Array(b)],
  ['u2', (b) => new Uint16Array(b)],
  ['i1', (b) => new Int8Array(b)],
  ['u1', (b) => new Uint8Array(b)],
  ['b1', (b) => new Uint8Array(b)],
]);

/** Bytes of one element of a type code ('f4' 4, 'bf2' 2). */
export const elementSize = (code: string): number => Number(code.slice(-1));

/** Numbers of a type code from their bytes. */
export function decodeNumbers(code: string, bytes: Uint8Array): ArrayLike<number | bigint> {
  // A copy where the bytes do not fill their buffer: small Buffers share one (and slice() of a Buffer copies nothing).
  const alone = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  const own = alone ? (bytes.buffer as ArrayBuffer) : new Uint8Array(bytes).buffer;
  return DECODERS.get(code)!(own);
}

/** A numpy array's numbers in C order. */
export function decodeArray(array: NdArray, file: string): ArrayLike<number | bigint> {
  if (array.code === '') throw new DamagedFileError(file, 'is not a valid pickle: an array in it has no content');
  const bytes = array.data instanceof ByteSlice ? array.data.read() : array.data;
  const values = decodeNumbers(array.code, bytes);
  if (!array.fortran || array.shape.length < 2) return values;
  const strides: number[] = [];
  array.shape.reduce((s, n) => (strides.push(s), s * n), 1);
  return gather(values, 0, array.shape, strides);
}

/** The elements of a strided window in C order. */
export function gather(values: ArrayLike<number | bigint>, offset: number, shape: readonly number[], strides: readonly number[]): ArrayLike<number | bigint> {
  const inOrder = shape.every((n, d) => n === 1 || strides[d] === product(shape.slice(d + 1)));
  if (inOrder && 'subarray' in values) return (values as Float32Array).subarray(offset, offset + product(shape));
  const out = new (values.constructor as new (n: number) => { [i: number]: number | bigint; length: number })(product(shape));
  const index = shape.map(() => 0);
  for (let i = 0, at = offset; i < out.length; i++) {
    out[i] = values[at];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += strides[d];
      if (++index[d] < shape[d]) break;
      at -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
  return out;
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const narrow = (v: bigint) => (v >= BigInt(Number.MIN_SAFE_INTEGER) && v <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(v) : v);
const isCount = (v: PickleValue): v is number => Number.isSafeInteger(v) && (v as number) >= 0;
const isCounts = (v: PickleValue): v is number[] => Array.isArray(v) && v.every(isCount);
