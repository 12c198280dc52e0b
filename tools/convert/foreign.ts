import { createHash } from 'node:crypto';
import { DamagedFileError, UserError } from '../../src/common/errors';
import { BufferSource, FileSource } from '../../src/common/source';
import { NdArray, TorchTensor, decodeArray, decodeNumbers, gather, readPickle, type PickleValue } from './pickle';
import { listed, readTensors } from '../../src/checkpoints/safetensors';
import { ZipFile } from '../../src/common/zip';

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
  close(): void;
}

/** What Jittor appends to a pickle: 20 bytes SHA-1 of all before, and this. */
const JITTOR_END = Buffer.from('HCAJSLHD');
const JITTOR_TAIL = 20 + JITTOR_END.length;
/** Names under which programs keep the weights in a file that also holds the optimiser. */
const WEIGHTS = ['model', 'state_dict', 'model_state_dict', 'net', 'params_ema', 'params', 'generator', 'netG', 'G', 'netD'];
/** What wrappers put before every name: PyTorch's DataParallel, and programs that hold several networks. */
const PREFIXES = ['module.', 'netG.', 'generator.'];

/**
 * Opens a file of weights: Jittor's pickles of variables or numpy arrays (`jt.save`), plain pickles of numpy arrays,
 * PyTorch's zip archives (`torch.save`), or `.safetensors`; told apart by content, not by name. Jittor's checksum is
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
    const start = Buffer.alloc(Math.min(9, source.length));
    source.read(0, start);
    if (start[0] === 0x50 && start[1] === 0x4b) return openTorch(file, options);
    if (start.length === 9 && start[8] === 0x7b) return await openSafetensors(file);
    const checkpoint = openPickle(source, options);
    keepOpen = true;
    return checkpoint;
  } finally {
    if (!keepOpen) source.close();
  }
}

export interface OpenOptions {
  /**
   * The name under which the weights stand in a file that holds several dictionaries; looked for under the usual names
   * if not said.
   */
  key?: string;
}

function openPickle(source: FileSource, { key }: OpenOptions): ForeignCheckpoint {
  const { file, length } = source;
  const tail = Buffer.alloc(Math.min(JITTOR_TAIL, length));
  source.read(length - tail.length, tail);
  const jittor = tail.length === JITTOR_TAIL && tail.subarray(20).equals(JITTOR_END);
  const { value, end } = readPickle(source);
  if (typeof value === 'bigint' || typeof value === 'number') {
    throw new UserError(
      `${file} is of PyTorch's format before 1.6: load it with PyTorch and save it again with torch.save.`,
    );
  }
  if (jittor) {
    if (end !== length - JITTOR_TAIL)
      throw new DamagedFileError(file, 'is damaged: its checksum does not stand where its pickle ends');
    if (!sha1(source, end).equals(tail.subarray(0, 20)))
      throw new DamagedFileError(file, 'is damaged: its content does not match its checksum');
  } else if (end !== length) {
    throw new DamagedFileError(file, `is damaged or no file of weights: ${length - end} bytes follow its pickle`);
  }
  const { weights, values } = findWeights(file, value, key);
  const tensors = new Map<string, ForeignTensor>();
  for (const [name, array] of unwrapped(weights)) {
    if (!(array instanceof NdArray)) throw new UserError(`${file} holds '${name}', which is no array.`);
    tensors.set(name, { name, shape: array.shape, read: () => toFloat32(decodeArray(array, file), name, file) });
  }
  return { format: jittor ? 'jittor pickle' : 'pickle', tensors, values, close: () => source.close() };
}

function openTorch(file: string, { key }: OpenOptions): ForeignCheckpoint {
  const zip = new ZipFile(file);
  try {
    const pickle = [...zip.entries.keys()].find((name) => /(^|\/)data\.pkl$/.test(name));
    if (pickle === undefined)
      throw new UserError(`${file} is a zip archive, but not one that PyTorch saved: it has no data.pkl.`);
    const folder = pickle.slice(0, -'data.pkl'.length);
    if (zip.entries.has(`${folder}constants.pkl`))
      throw new UserError(`${file} is a TorchScript archive, not a file of weights: save its state_dict().`);
    if (zip.entries.has(`${folder}byteorder`) && zip.read(`${folder}byteorder`, 64).toString() !== 'little') {
      throw new UserError(`${file} holds big-endian numbers, which are not read.`);
    }
    const { value } = readPickle(new BufferSource(file, zip.read(pickle, 64 << 20)));
    const { weights, values } = findWeights(file, value, key);
    // Tensors that share a storage follow each other; one storage in memory is enough.
    let last: { id: string; values: ArrayLike<number | bigint> } | undefined;
    const storage = ({ key: id, code, length }: TorchTensor['storage']) => {
      if (last?.id !== id) {
        const name = `${folder}data/${id}`;
        const needed = length * Number(code.slice(-1));
        if (zip.entries.get(name)?.size !== needed)
          throw new DamagedFileError(file, `is damaged: '${name}' should hold ${needed} bytes`);
        last = { id, values: decodeNumbers(code, zip.read(name)) };
      }
      return last.values;
    };
    const tensors = new Map<string, ForeignTensor>();
    for (const [name, tensor] of unwrapped(weights)) {
      if (!(tensor instanceof TorchTensor)) throw new UserError(`${file} holds '${name}', which is no tensor.`);
      const { offset, shape, strides } = tensor;
      tensors.set(name, {
        name,
        shape,
        read: () => toFloat32(gather(storage(tensor.storage), offset, shape, strides), name, file),
      });
    }
    return { format: 'pytorch', tensors, values, close: () => zip.close() };
  } catch (e) {
    zip.close();
    throw e;
  }
}

async function openSafetensors(file: string): Promise<ForeignCheckpoint> {
  const { tensors: stored, metadata } = await readTensors(file);
  const tensors = new Map<string, ForeignTensor>();
  for (const [name, { shape, data }] of unwrapped(stored))
    tensors.set(name, { name, shape, read: () => toFloat32(data, name, file) });
  return { format: 'safetensors', tensors, values: metadata, close: () => undefined };
}

/** Names without the prefix that all of them share, one after the other: `module.netG.head` is `head`. */
function unwrapped<T>(weights: Map<string, T>): Map<string, T> {
  const prefix = PREFIXES.find((p) => weights.size && [...weights.keys()].every((name) => name.startsWith(p)));
  return prefix === undefined ? weights : unwrapped(new Map([...weights].map(([name, v]) => [name.slice(prefix.length), v])));
}

/** The dictionary of weights in what a file holds: the whole of it, or the one under a usual name. */
function findWeights(
  file: string,
  value: PickleValue,
  wanted?: string,
): { weights: Map<string, PickleValue>; values: Record<string, number | string> } {
  if (!(value instanceof Map)) throw new UserError(`${file} holds no dictionary of weights.`);
  const values: Record<string, number | string> = {};
  for (const [key, v] of value) {
    if (typeof key === 'string' && (typeof v === 'number' || typeof v === 'string') && key !== '__proto__')
      values[key] = v;
  }
  for (const candidate of wanted === undefined
    ? [value, ...WEIGHTS.map((name) => value.get(name))]
    : [value.get(wanted)]) {
    if (!(candidate instanceof Map)) continue;
    const arrays = [...candidate].filter(([key, v]) => typeof key === 'string' && isTensor(v)) as [
      string,
      PickleValue,
    ][];
    // Numbers may stand between the weights; another dictionary means that the weights are inside.
    if (arrays.length && ![...candidate.values()].some((v) => v instanceof Map))
      return { weights: new Map(arrays), values };
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
