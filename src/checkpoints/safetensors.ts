import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { DamagedFileError, UserError } from '../common/errors';
import { replaceFile, writeSynced } from '../common/atomic';
import { STAND_IN_BYTES, refuseStandIn, refuseText } from '../common/stand_in';
import { floatToHalf } from './half';
import {
  NO_SUM,
  SIZES,
  WRITER,
  checksumOf,
  headerLength,
  isFiniteArray,
  parseHeader,
  product,
  tensorFile,
  type Header,
  type TensorFile,
} from './safetensors_format';

export { isFiniteArray, listed, type StoredTensor, type TensorData, type TensorFile } from './safetensors_format';

/**
 * A tensor to be written; `data` may be a function, called when its turn comes, so that not all need to be in memory at
 * once.
 */
export interface TensorEntry {
  name: string;
  shape: readonly number[];
  /** The type of the numbers `data` gives; float32 if not said. */
  dtype?: 'float32' | 'int32';
  data: Float32Array | Int32Array | (() => Float32Array | Int32Array | Promise<Float32Array | Int32Array>);
}

const CHUNK = 16 << 20;

export interface SaveOptions {
  /**
   * Store matrices and kernels as F16 (vectors stay F32): half the size, 3 digits; for small checkpoints that are
   * shipped.
   */
  half?: boolean;
  /** Refuse NaN and infinity with a UserError that names the tensor. */
  requireFinite?: boolean;
  /** Synced but not renamed: for a file of a folder that is not in its place yet. */
  plainly?: boolean;
  /** Called with the bytes written so far and all. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Writes tensors and metadata to a `.safetensors` file, all or nothing. The metadata gets `writer` and `sha256`: of the
 * whole file from its ninth byte on, with the sum itself taken as 64 zeros; `readTensors` checks it. Returns the sum.
 */
export async function saveTensors(
  file: string,
  entries: Iterable<TensorEntry>,
  metadata: Record<string, string> = {},
  options: SaveOptions = {},
): Promise<string> {
  let sum = '';
  await (options.plainly ? writeSynced : replaceFile)(file, async (handle) => {
    sum = await writeTensors(handle, file, [...entries], metadata, options);
  });
  return sum;
}

async function writeTensors(
  handle: FileHandle,
  file: string,
  entries: TensorEntry[],
  metadata: Record<string, string>,
  { half = false, requireFinite = false, onProgress }: SaveOptions,
): Promise<string> {
  // Without a prototype, so that any name is a plain key.
  const header: Record<string, unknown> = Object.create(null);
  header.__metadata__ = { ...metadata, writer: WRITER, sha256: NO_SUM };
  let total = 0;
  const types = entries.map(({ name, shape, dtype = 'float32' }) => {
    if (name in header) throw new Error(`two tensors named ${name}`);
    const type = dtype === 'int32' ? 'I32' : half && shape.length > 1 ? 'F16' : 'F32';
    const bytes = product(shape) * SIZES[type];
    header[name] = { dtype: type, shape, data_offsets: [total, total + bytes] };
    total += bytes;
    return type;
  });
  const text = JSON.stringify(header);
  // Spaces fill the header up so that the data begins at a multiple of 8, as the format recommends.
  const length = Math.ceil(Buffer.byteLength(text) / 8) * 8;
  const head = Buffer.alloc(8 + length, ' ');
  head.writeBigUInt64LE(BigInt(length));
  head.write(text, 8);
  const hash = createHash('sha256').update(head.subarray(8));
  await writeAll(handle, head, 0);
  let position = head.length;
  for (let i = 0; i < entries.length; i++) {
    const { name, shape, data } = entries[i];
    const values = typeof data === 'function' ? await data() : data;
    if (values instanceof Int32Array !== (types[i] === 'I32')) throw new Error(`${name} is not of the type it was announced as`);
    if (values.length !== product(shape)) throw new Error(`${name} has ${values.length} values, its shape [${shape}] needs ${product(shape)}`);
    if (requireFinite && !isFiniteArray(values)) throw new UserError(`${file} was not written: ${name} holds NaN or infinity.`);
    const stored = types[i] === 'F16' ? toHalf(values as Float32Array, name, file) : values;
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    hash.update(bytes);
    await writeAll(handle, bytes, position);
    position += bytes.length;
    onProgress?.(position - head.length, total);
  }
  const sum = hash.digest('hex');
  const at = head.indexOf(`"sha256":"${NO_SUM}"`) + '"sha256":"'.length;
  await writeAll(handle, Buffer.from(sum), at);
  return sum;
}

export interface TensorReadOptions {
  /** Refuse NaN and infinity with a UserError that names the tensors. */
  requireFinite?: boolean;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Reads a `.safetensors` file. Everything is validated before it is returned: the header's size, its JSON, names,
 * types, shapes, offsets (no overlap, no hole, no byte left over) and, if there is one, the checksum. Throws a
 * DamagedFileError that names the file. F32 tensors are views into one buffer of the file's size, so 440 MB take about
 * 440 MB.
 */
export async function readTensors(file: string, options: TensorReadOptions = {}): Promise<TensorFile> {
  const handle = await openForReading(file);
  try {
    const header = await readHead(handle, file);
    const { dataStart, dataLength } = header;
    const sum = checksumOf(header, file);
    const hash = sum && createHash('sha256').update(sum.head);
    const buffer = new ArrayBuffer(dataLength);
    for (let done = 0; done < dataLength; ) {
      const chunk = new Uint8Array(buffer, done, Math.min(CHUNK, dataLength - done));
      await readExactly(handle, chunk, dataStart + done, file);
      hash?.update(chunk);
      done += chunk.length;
      options.onProgress?.(done, dataLength);
    }
    if (hash && hash.digest('hex') !== sum?.sha256) throw new DamagedFileError(file, 'is damaged: its content does not match its checksum');
    return tensorFile(header, buffer, file, options.requireFinite);
  } finally {
    await handle.close();
  }
}

/** Names, types, shapes and metadata of a `.safetensors` file, without reading its data. */
export async function readTensorsHeader(file: string): Promise<{ tensors: Map<string, { dtype: string; shape: number[] }>; metadata: Record<string, string> }> {
  const handle = await openForReading(file);
  try {
    const { tensors, metadata } = await readHead(handle, file);
    return { tensors: new Map(tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }])), metadata };
  } finally {
    await handle.close();
  }
}

async function readHead(handle: FileHandle, file: string): Promise<Header> {
  const { size } = await handle.stat();
  const first = new Uint8Array(Math.min(size, STAND_IN_BYTES));
  await readExactly(handle, first, 0, file);
  refuseStandIn(first, file);
  refuseText(first, file);
  const head = new Uint8Array(headerLength(first, size, file));
  await readExactly(handle, head, 8, file);
  return parseHeader(head, size, file);
}

function toHalf(values: Float32Array, name: string, file: string): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = floatToHalf(values[i]);
    if ((out[i] & 0x7fff) === 0x7c00 && Number.isFinite(values[i])) {
      throw new UserError(`${file} was not written: ${name} holds ${values[i]}, which half precision cannot; save it in full.`);
    }
  }
  return out;
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new UserError(`There is no file ${file}.`, { cause: e });
    if (code === 'EACCES' || code === 'EPERM') throw new UserError(`${file} may not be read: change its permissions.`, { cause: e });
    throw e;
  }
}

async function readExactly(handle: FileHandle, target: Uint8Array, position: number, file: string): Promise<void> {
  for (let done = 0; done < target.length; ) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(target, done, target.length - done, position + done));
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'EISDIR') throw new UserError(`${file} is a folder, not a file.`, { cause: e });
      throw e;
    }
    if (bytesRead === 0) throw new DamagedFileError(file, 'is truncated');
    done += bytesRead;
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(CHUNK, bytes.length - done), position + done);
    done += bytesWritten;
  }
}
