import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { DamagedFileError, UserError, excerpt } from '../common/errors';
import { parseJson } from '../common/json';
import { replaceFile, writeSynced } from '../common/atomic';
import { bfloat16ToFloat, floatToHalf, halfToFloat } from './half';

/*
 * The format (huggingface/safetensors): 8 bytes length of the header, little-endian; the header, a JSON object of name
 * -> { dtype, shape, data_offsets: [begin, end] } with an optional `__metadata__` of strings; then the data, C order,
 * without holes. Python reads it with `from safetensors.numpy import load_file; load_file(path)`.
 */

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor as it lies in a file. F16 and BF16 come as float32; `dtype` keeps the file's type. */
export interface StoredTensor {
  dtype: string;
  shape: number[];
  data: TensorData;
}

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

const SIZES: Record<string, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};
/** The format allows 100 MB; the full generator's has 70 kB. */
const HEADER_LIMIT = 16_000_000;
const CHUNK = 16 << 20;
const NO_SUM = '0'.repeat(64);
/**
 * Marks our files, which always carry a checksum: without it, damage to the checksum's own name would switch the check
 * off.
 */
const WRITER = 'lggan-sau 1';

export interface SaveOptions {
  /**
   * Store matrices and kernels as F16 (vectors stay F32): half the size, 3 digits; for small checkpoints that are
   * shipped.
   */
  half?: boolean;
  /** Refuse NaN and infinity with a UserError that names the tensor. */
  requireFinite?: boolean;
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
  await replaceFile(file, async (handle) => {
    sum = await writeTensors(handle, file, [...entries], metadata, options);
  });
  return sum;
}

/** `saveTensors` into a folder that is not in its place yet: synced, without renaming. */
export async function saveTensorsPlainly(
  file: string,
  entries: Iterable<TensorEntry>,
  metadata: Record<string, string> = {},
  options: SaveOptions = {},
): Promise<string> {
  let sum = '';
  await writeSynced(file, async (handle) => {
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
    if (values instanceof Int32Array !== (types[i] === 'I32'))
      throw new Error(`${name} is not of the type it was announced as`);
    if (values.length !== product(shape))
      throw new Error(`${name} has ${values.length} values, its shape [${shape}] needs ${product(shape)}`);
    if (requireFinite && !isFiniteArray(values))
      throw new UserError(`${file} was not written: ${name} holds NaN or infinity.`);
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

export interface TensorFile {
  tensors: Map<string, StoredTensor>;
  /** Without our own `writer` and `sha256`. */
  metadata: Record<string, string>;
  /** The sum of the file, if it carries one; it has been checked. */
  sha256?: string;
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
    const { head, tensors: infos, metadata, dataStart, dataLength } = await readHead(handle, file);
    const { sha256, writer, ...rest } = metadata;
    if (writer === WRITER && sha256 === undefined) throw new DamagedFileError(file, 'is damaged: its checksum is gone');
    const hash = sha256 === undefined ? undefined : createHash('sha256').update(withoutSum(head, sha256, file));
    const buffer = new ArrayBuffer(dataLength);
    for (let done = 0; done < dataLength; ) {
      const chunk = new Uint8Array(buffer, done, Math.min(CHUNK, dataLength - done));
      await readExactly(handle, chunk, dataStart + done, file);
      hash?.update(chunk);
      done += chunk.length;
      options.onProgress?.(done, dataLength);
    }
    if (hash && hash.digest('hex') !== sha256)
      throw new DamagedFileError(file, 'is damaged: its content does not match its checksum');
    const tensors = new Map<string, StoredTensor>();
    for (const { name, dtype, shape, begin, end } of infos)
      tensors.set(name, { dtype, shape, data: decode(dtype, buffer, begin, end) });
    if (options.requireFinite) {
      const bad = [...tensors].filter(([, t]) => !isFiniteArray(t.data)).map(([name]) => name);
      if (bad.length) throw new UserError(`${file} holds NaN or infinity in ${listed(bad)}.`);
    }
    return { tensors, metadata: rest, sha256 };
  } finally {
    await handle.close();
  }
}

/** Names, types, shapes and metadata of a `.safetensors` file, without reading its data. */
export async function readTensorsHeader(
  file: string,
): Promise<{ tensors: Map<string, { dtype: string; shape: number[] }>; metadata: Record<string, string> }> {
  const handle = await openForReading(file);
  try {
    const { tensors, metadata } = await readHead(handle, file);
    return { tensors: new Map(tensors.map(({ name, dtype, shape }) => [name, { dtype, shape }])), metadata };
  } finally {
    await handle.close();
  }
}

/** 'a, b, c and 7 more' */
export function listed(names: readonly string[], limit = 6): string {
  const shown = names.slice(0, limit).map((name) => excerpt(name, 120)).join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}

interface Info {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

async function readHead(handle: FileHandle, file: string) {
  const { size } = await handle.stat();
  const no = (what: string) => new DamagedFileError(file, what);
  if (size === 0) throw no('is empty (0 bytes)');
  if (size < 10) throw no(`is not a .safetensors file: it has ${size} bytes`);
  const lengthBytes = Buffer.alloc(8);
  await readExactly(handle, lengthBytes, 0, file);
  const length = lengthBytes.readBigUInt64LE();
  if (length > BigInt(HEADER_LIMIT)) throw no('is not a .safetensors file: its header would have more than 16 MB');
  if (Number(length) + 8 > size) throw no('is truncated: it ends inside its header');
  const head = Buffer.alloc(Number(length));
  await readExactly(handle, head, 8, file);
  const text = decodeUtf8(head, file);
  if (!text.startsWith('{')) throw no('is not a .safetensors file: its header is no JSON object');
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch {
    throw no('is damaged: its header is not valid JSON');
  }
  const dataStart = 8 + head.length;
  const dataLength = size - dataStart;
  const twice = duplicateKey(text);
  if (twice !== undefined) throw no(`is damaged: its header names '${twice}' twice`);
  const metadata: Record<string, string> = {};
  const tensors: Info[] = [];
  for (const [name, value] of Object.entries(parsed as object)) {
    if (!isObject(value)) throw no(`is damaged: the entry '${name}' of its header is no object`);
    if (name === '__metadata__') {
      for (const [key, v] of Object.entries(value)) {
        if (typeof v !== 'string') throw no(`is damaged: its metadata '${key}' is no string`);
        // Not an assignment: a key named __proto__ has to stay a key.
        Object.defineProperty(metadata, key, { value: v, enumerable: true, writable: true, configurable: true });
      }
    } else tensors.push(checkInfo(name, value, dataLength, no));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const t of tensors) {
    if (t.begin !== end)
      throw no(`is damaged: the data of '${t.name}' ${t.begin < end ? 'overlaps another tensor' : 'leaves a hole'}`);
    end = t.end;
  }
  if (end !== dataLength) throw no(`is damaged: ${dataLength - end} bytes at its end belong to no tensor`);
  return { head, tensors, metadata, dataStart, dataLength };
}

function checkInfo(
  name: string,
  value: Record<string, unknown>,
  dataLength: number,
  no: (what: string) => DamagedFileError,
): Info {
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  const where = `is damaged: '${name}' in its header`;
  if (Object.keys(others).length) throw no(`${where} has the unknown field '${Object.keys(others)[0]}'`);
  if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype))
    throw no(`${where} is of the type '${String(dtype)}', which is not read`);
  if (!isCounts(shape)) throw no(`${where} has no valid shape`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) throw no(`${where} has no valid offsets`);
  const [begin, end] = offsets;
  const bytes = product(shape) * SIZES[dtype];
  if (!Number.isSafeInteger(bytes) || bytes !== end - begin)
    throw no(`${where} has ${end - begin} bytes, its shape [${shape}] of ${dtype} needs ${bytes}`);
  if (end > dataLength) throw no(`is truncated: '${name}' ends ${end - dataLength} bytes behind the end of the file`);
  return { name, dtype, shape, begin, end };
}

/**
 * The first name that a JSON object holds twice at its top level; JSON.parse keeps the last of them silently. `text` is
 * valid JSON.
 */
function duplicateKey(text: string): string | undefined {
  const seen = new Set<string>();
  const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/gy;
  const gap = /[^"{}[\]:,]+/gy;
  let depth = 0;
  let key: string | undefined;
  for (let at = 0; at < text.length; ) {
    gap.lastIndex = at;
    if (gap.test(text)) at = gap.lastIndex;
    token.lastIndex = at;
    const match = token.exec(text);
    if (!match) break;
    at = token.lastIndex;
    const t = match[0];
    if (t === '{' || t === '[') depth++;
    else if (t === '}' || t === ']') depth--;
    else if (t === ':' && depth === 1 && key !== undefined) {
      if (seen.has(key)) return key;
      seen.add(key);
    }
    key = t[0] === '"' ? (JSON.parse(t) as string) : undefined;
  }
  return undefined;
}

function withoutSum(head: Buffer, sha256: string, file: string): Buffer {
  const at = /^[0-9a-f]{64}$/.test(sha256) ? head.indexOf(`"sha256":"${sha256}"`) : -1;
  if (at < 0) throw new DamagedFileError(file, 'is damaged: its checksum is not one');
  const copy = Buffer.from(head);
  copy.write(NO_SUM, at + '"sha256":"'.length);
  return copy;
}

function decode(dtype: string, buffer: ArrayBuffer, begin: number, end: number): TensorData {
  const count = (end - begin) / SIZES[dtype];
  // A view needs its start at a multiple of the element's size; other writers need not care.
  const aligned = begin % SIZES[dtype] === 0;
  const b = aligned ? buffer : buffer.slice(begin, end);
  const at = aligned ? begin : 0;
  switch (dtype) {
    case 'F64':
      return new Float64Array(b, at, count);
    case 'F32':
      return new Float32Array(b, at, count);
    case 'F16':
      return Float32Array.from(new Uint16Array(b, at, count), halfToFloat);
    case 'BF16':
      return Float32Array.from(new Uint16Array(b, at, count), bfloat16ToFloat);
    case 'I64':
      return new BigInt64Array(b, at, count);
    case 'I32':
      return new Int32Array(b, at, count);
    case 'I16':
      return new Int16Array(b, at, count);
    case 'I8':
      return new Int8Array(b, at, count);
    case 'U64':
      return new BigUint64Array(b, at, count);
    case 'U32':
      return new Uint32Array(b, at, count);
    case 'U16':
      return new Uint16Array(b, at, count);
    default:
      return new Uint8Array(b, at, count);
  }
}

function toHalf(values: Float32Array, name: string, file: string): Uint16Array {
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = floatToHalf(values[i]);
    if ((out[i] & 0x7fff) === 0x7c00 && Number.isFinite(values[i])) {
      throw new UserError(
        `${file} was not written: ${name} holds ${values[i]}, which half precision cannot; save it in full.`,
      );
    }
  }
  return out;
}

/** Whether no value is NaN or infinite. */
export function isFiniteArray(values: TensorData): boolean {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return true;
  // NaN and infinity alone do not give 0 here, and both stay through the sum: no branch for each value.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  return sum === 0;
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new UserError(`There is no file ${file}.`, { cause: e });
    if (code === 'EACCES' || code === 'EPERM')
      throw new UserError(`${file} may not be read: change its permissions.`, { cause: e });
    throw e;
  }
}

async function readExactly(handle: FileHandle, target: Uint8Array, position: number, file: string): Promise<void> {
  for (let done = 0; done < target.length; ) {
    let bytesRead: number;
    try {
      ({ bytesRead } = await handle.read(target, done, target.length - done, position + done));
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'EISDIR')
        throw new UserError(`${file} is a folder, not a file.`, { cause: e });
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

function decodeUtf8(bytes: Buffer, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DamagedFileError(file, 'is not a .safetensors file: its header is no text');
  }
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isCounts = (v: unknown): v is number[] => Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);
