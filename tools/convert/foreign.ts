import { createHash } from 'node:crypto';
import { DamagedFileError, UserError } from '../../src/common/errors';
import { STAND_IN_BYTES, refuseStandIn, refuseText } from '../../src/common/stand_in';
import { BufferSource, FileSource } from '../../src/common/source';
import { NdArray, TorchTensor, decodeArray, decodeNumbers, elementSize, gather, readPickle, type PickleValue, type TorchStorage } from './pickle';
import { listed, readTensors } from '../../src/checkpoints/safetensors';
import { ZipFile } from '../download/zip';

/** A tensor in a file of another program; its numbers are read when they are asked for. */
export interface ForeignTensor {
  name: string;
  /** The original's layout. */
  shape: number[];
  /** Reads the numbers, in C order, as float32. */
  read(): Float32Array;
}

/** A file of weights as another program saved it. */
export interface ForeignCheckpoint {
  format: 'jittor pickle' | 'pickle' | 'pytorch' | 'safetensors';
  tensors: Map<string, ForeignTensor>;
  /** The plain numbers and texts that stood beside the weights (epoch, step, psnr). */
  values: Record<string, number | string>;
  /** Sentences on what was taken where the file holds several networks. */
  notes: string[];
  close(): void;
}

/** What Jittor appends to a pickle: 20 bytes SHA-1 of all before, and this. */
const JITTOR_END = Buffer.from('HCAJSLHD');
const JITTOR_TAIL = 20 + JITTOR_END.length;
/** How PyTorch's files before 1.6 begin, as a pickle of their own; the version of the format follows. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;
/** Names under which programs keep the weights in a file that also holds the optimiser; averaged ones come first. */
const WEIGHTS = [
  ...['params_ema', 'state_dict_ema', 'ema_state_dict', 'model_ema', 'ema_model', 'generator_ema', 'netG_ema', 'G_ema', 'g_ema', 'ema'],
  ...['params', 'state_dict', 'model_state_dict', 'model', 'network', 'net', 'weights'],
  ...['generator', 'generator_state_dict', 'netG', 'netG_state_dict', 'net_g', 'G', 'G_state_dict', 'g'],
  ...['discriminator', 'discriminator_state_dict', 'netD', 'netD_state_dict', 'net_d', 'D', 'D_state_dict', 'd'],
];
/** What wrappers put before every name: PyTorch's DataParallel and compile, and programs that hold several networks. */
const PREFIXES = ['module.', '_orig_mod.', 'netG.', 'net_g.', 'generator.', 'G.', 'netD.', 'net_d.', 'discriminator.', 'D.', 'net.', 'model.'];

/**
 * Opens a file of weights: Jittor's pickles of variables or numpy arrays (`jt.save`), plain pickles of numpy arrays,
 * PyTorch's zip archives (`torch.save`) and its format before 1.6, or `.safetensors`; told apart by content, not by name. Jittor's checksum is
 * checked. Weights stay in the file until they are read, so 440 MB open in the time the checksum takes and read tensor
 * by tensor.
 * Throws a UserError that names the file where it is damaged, of no such kind, or asks for anything but data. Nothing
 * in it is executed.
 */
export async function openForeign(file: string, options: OpenOptions = {}): Promise<ForeignCheckpoint> {
  const source = new FileSource(file);
  let keepOpen = false;
  try {
    if (source.length === 0) throw new DamagedFileError(file, 'is empty (0 bytes)');
    const start = Buffer.alloc(Math.min(STAND_IN_BYTES, source.length));
    source.read(0, start);
    refuseStandIn(start, file);
    if (start[0] === 0x50 && start[1] === 0x4b) return openTorch(file, options);
    if (start[8] === 0x7b) return await openSafetensors(file, options);
    refuseText(start, file);
    const checkpoint = openPickle(source, options);
    keepOpen = true;
    return checkpoint;
  } finally {
    if (!keepOpen) source.close();
  }
}

export interface OpenOptions {
  /**
   * The name under which the weights stand in a file that holds several dictionaries, or that stands before their
   * names (`netG` of `netG.conv1.weight`); looked for under the usual names if not said.
   */
  key?: string;
}

function openPickle(source: FileSource, { key }: OpenOptions): ForeignCheckpoint {
  const { file, length } = source;
  const tail = Buffer.alloc(Math.min(JITTOR_TAIL, length));
  source.read(length - tail.length, tail);
  const jittor = tail.length === JITTOR_TAIL && tail.subarray(20).equals(JITTOR_END);
  const { value, end } = readPickle(source);
  if (value === LEGACY_MAGIC) return openLegacyTorch(source, end, key);
  if (jittor) {
    if (end !== length - JITTOR_TAIL) throw new DamagedFileError(file, 'is damaged: its checksum does not stand where its pickle ends');
    if (!sha1(source, end).equals(tail.subarray(0, 20))) throw new DamagedFileError(file, 'is damaged: its content does not match its checksum');
  } else if (end !== length) {
    throw new DamagedFileError(file, `is damaged or no file of weights: ${length - end} bytes follow its pickle`);
  }
  const { weights, ...beside } = findWeights(file, value, key);
  const tensors = new Map<string, ForeignTensor>();
  for (const [name, array] of weights) {
    if (!(array instanceof NdArray)) throw new UserError(`${file} holds '${name}', which is no array.`);
    tensors.set(name, { name, shape: array.shape, read: () => toFloat32(decodeArray(array, file), name, file) });
  }
  return { format: jittor ? 'jittor pickle' : 'pickle', tensors, ...beside, close: () => source.close() };
}

/**
 * PyTorch's format before 1.6, also that of `_use_new_zipfile_serialization=False`, after its magic number: pickles of
 * the version, of the machine, of the object and of the storages' keys, then each storage as a count and its numbers.
 */
function openLegacyTorch(source: FileSource, magicEnd: number, key: string | undefined): ForeignCheckpoint {
  const { file, length } = source;
  const version = readPickle(source, magicEnd);
  if (version.value !== LEGACY_VERSION) throw new UserError(`${file} is of a version of PyTorch's old format that is not read: save it again with torch.save.`);
  const machine = readPickle(source, version.end);
  if (machine.value instanceof Map && machine.value.get('little_endian') === false)
    throw new UserError(`${file} holds big-endian numbers, which are not read.`);
  const { value, end, storages } = readPickle(source, machine.end);
  const keys = readPickle(source, end);
  if (!Array.isArray(keys.value)) throw new DamagedFileError(file, 'is damaged: it does not list its storages');
  const places = new Map<string, number>();
  let position = keys.end;
  for (const id of keys.value) {
    const storage = typeof id === 'string' ? storages.get(id) : undefined;
    if (!storage || places.has(storage.key)) throw new DamagedFileError(file, 'is damaged: its list of storages is not that of its tensors');
    const count = Buffer.alloc(8);
    source.read(position, count);
    const bytes = storage.length * elementSize(storage.code);
    if (count.readBigInt64LE() !== BigInt(storage.length))
      throw new DamagedFileError(file, `is damaged: the storage '${storage.key}' should hold ${storage.length} numbers`);
    places.set(storage.key, position + 8);
    position += 8 + bytes;
    if (position > length) throw new DamagedFileError(file, 'is truncated');
  }
  if (places.size !== storages.size) throw new DamagedFileError(file, 'is damaged: its list of storages is not that of its tensors');
  if (position !== length) throw new DamagedFileError(file, `is damaged: ${length - position} bytes follow its weights`);
  return torchTensors(
    file,
    value,
    key,
    () => source.close(),
    ({ key: id, code, length: n }) => {
      const bytes = new Uint8Array(n * elementSize(code));
      source.read(places.get(id)!, bytes);
      return decodeNumbers(code, bytes);
    },
  );
}

function openTorch(file: string, { key }: OpenOptions): ForeignCheckpoint {
  const zip = new ZipFile(file);
  try {
    const pickle = [...zip.entries.keys()].find((name) => /(^|\/)data\.pkl$/.test(name));
    if (pickle === undefined) throw new UserError(`${file} is a zip archive, but not one that PyTorch saved: it has no data.pkl.`);
    const folder = pickle.slice(0, -'data.pkl'.length);
    if (zip.entries.has(`${folder}constants.pkl`)) throw new UserError(`${file} is a TorchScript archive, not a file of weights: save its state_dict().`);
    if (zip.entries.has(`${folder}byteorder`) && zip.read(`${folder}byteorder`, 64).toString() !== 'little') {
      throw new UserError(`${file} holds big-endian numbers, which are not read.`);
    }
    const { value } = readPickle(new BufferSource(file, zip.read(pickle, 64 << 20)));
    return torchTensors(
      file,
      value,
      key,
      () => zip.close(),
      ({ key: id, code, length }) => {
        const name = `${folder}data/${id}`;
        const needed = length * elementSize(code);
        if (zip.entries.get(name)?.size !== needed) throw new DamagedFileError(file, `is damaged: '${name}' should hold ${needed} bytes`);
        return decodeNumbers(code, zip.read(name));
      },
    );
  } catch (e) {
    zip.close();
    throw e;
  }
}

/** The weights in what PyTorch saved, whose storages `read` fetches. */
function torchTensors(
  file: string,
  value: PickleValue,
  key: string | undefined,
  close: () => void,
  read: (storage: TorchStorage) => ArrayLike<number | bigint>,
): ForeignCheckpoint {
  const { weights, ...beside } = findWeights(file, value, key);
  // Tensors that share a storage follow each other; one storage in memory is enough.
  let last: { id: string; values: ArrayLike<number | bigint> } | undefined;
  const numbers = (storage: TorchStorage) => {
    if (last?.id !== storage.key) last = { id: storage.key, values: read(storage) };
    return last.values;
  };
  const tensors = new Map<string, ForeignTensor>();
  for (const [name, tensor] of weights) {
    if (!(tensor instanceof TorchTensor)) throw new UserError(`${file} holds '${name}', which is no tensor.`);
    const { storage, offset, shape, strides } = tensor;
    tensors.set(name, { name, shape, read: () => toFloat32(gather(numbers(storage), offset, shape, strides), name, file) });
  }
  return { format: 'pytorch', tensors, ...beside, close };
}

async function openSafetensors(file: string, { key }: OpenOptions): Promise<ForeignCheckpoint> {
  const { tensors: stored, metadata } = await readTensors(file);
  const { weights, notes, ofKey } = unwrapped(stored, key);
  if (key !== undefined && !ofKey) throw new UserError(`${file} holds no weights under '${key}'; it holds ${listed([...stored.keys()], 3)}.`);
  const tensors = new Map<string, ForeignTensor>();
  for (const [name, { shape, data }] of weights) tensors.set(name, { name, shape, read: () => toFloat32(data, name, file) });
  return { format: 'safetensors', tensors, values: metadata, notes, close: () => undefined };
}

/**
 * The weights of one network, without the prefix that all their names share: `module.netG.head` is `head`. Of several
 * networks beside each other it is that of `key`, or the generator, and a note says so.
 */
function unwrapped<T>(weights: Map<string, T>, key?: string): { weights: Map<string, T>; notes: string[]; ofKey: boolean } {
  let names: [string, T][] = [...weights];
  const notes: string[] = [];
  let ofKey = false;
  for (;;) {
    const under = (prefix: string) => names.filter(([name]) => name.startsWith(prefix));
    // Our discriminator's own names begin so.
    const shared = PREFIXES.find((p) => names.length && under(p).length === names.length && !(p === 'model.' && under('model.discriminator_').length));
    const asked = key !== undefined && under(`${key}.`).length ? `${key}.` : undefined;
    const chosen = asked ?? shared ?? ['netG.', 'net_g.', 'generator.', 'G.'].find((p) => under(p).length);
    if (chosen === undefined) return { weights: new Map(names), notes, ofKey };
    if (asked) ofKey = true;
    const taken = under(chosen);
    if (taken.length < names.length && !asked) {
      const others = new Set(names.filter(([name]) => !name.startsWith(chosen)).map(([name]) => name.split('.')[0]));
      notes.push(`the weights under '${chosen.slice(0, -1)}' were taken; beside them it holds ${listed([...others])} (--key takes another)`);
    }
    names = taken.map(([name, value]) => [name.slice(chosen.length), value]);
  }
}

/** Narrower than a map, so that what is not weights can still be one. */
type Weights = Map<PickleValue, PickleValue> & { readonly weights?: never };

/** A dictionary that holds tensors and no dictionary: weights. */
function isWeights(value: PickleValue | undefined): value is Weights {
  if (!(value instanceof Map)) return false;
  const inside = [...value.values()];
  return inside.some(isTensor) && !inside.some((v) => v instanceof Map);
}

/** The dictionary of weights in what a file holds: the whole of it, or the one under a usual name, up to three deep. */
function findWeights(
  file: string,
  whole: PickleValue,
  wanted?: string,
): { weights: Map<string, PickleValue>; values: Record<string, number | string>; notes: string[] } {
  // `torch.save((weights, step), ...)`
  const value = Array.isArray(whole) ? whole.find((item) => item instanceof Map) : whole;
  if (!(value instanceof Map)) throw new UserError(`${file} holds no dictionary of weights.`);
  const values: Record<string, number | string> = {};
  for (const [key, v] of value) {
    if (typeof key === 'string' && (typeof v === 'number' || typeof v === 'string') && key !== '__proto__') values[key] = v;
  }
  const notes: string[] = [];
  const search = (inside: PickleValue | undefined, depth: number): Weights | undefined => {
    if (isWeights(inside)) return inside;
    if (!(inside instanceof Map)) return undefined;
    for (const name of depth ? WEIGHTS : []) {
      const found = search(inside.get(name), depth - 1);
      if (!found) continue;
      const others = [...inside].flatMap(([key, v]) => (typeof key === 'string' && key !== name && isWeights(v) ? [key] : []));
      if (others.length) notes.push(`the weights under '${name}' were taken; beside them it holds ${listed(others)} (--key takes another)`);
      return found;
    }
    return undefined;
  };
  const ofName = wanted !== undefined && value.has(wanted);
  const found = search(ofName ? value.get(wanted) : value, 3);
  if (found) {
    const arrays = [...found].filter((entry): entry is [string, PickleValue] => typeof entry[0] === 'string' && isTensor(entry[1]));
    const { weights, notes: more, ofKey } = unwrapped(new Map(arrays), ofName ? undefined : wanted);
    if (wanted === undefined || ofName || ofKey) return { weights, values, notes: [...notes, ...more] };
  }
  const keys = [...value.keys()].filter((k): k is string => typeof k === 'string');
  throw new UserError(
    `${file} holds no dictionary of weights${wanted === undefined ? '' : ` under '${wanted}'`}; it holds ${keys.length ? listed(keys) : 'nothing'}.`,
  );
}

const isTensor = (v: PickleValue) => v instanceof NdArray || v instanceof TorchTensor;

function toFloat32(values: ArrayLike<number | bigint>, name: string, file: string): Float32Array {
  if (values instanceof Float32Array) return values;
  if (values instanceof Float64Array) return Float32Array.from(values);
  throw new UserError(`${file} holds '${name}' as whole numbers, not as floats.`);
}

function sha1(source: FileSource, end: number): Buffer {
  const hash = createHash('sha1');
  const chunk = Buffer.alloc(Math.min(8 << 20, end));
  for (let at = 0; at < end; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, end - at));
    source.read(at, part);
    hash.update(part);
  }
  return hash.digest();
}
