/** The format of `.safetensors` files, apart from where their bytes come from: `safetensors.ts` reads files, the studio's page what it fetches. */
import { DamagedFileError, UserError, excerpt } from '../common/errors';
import { parseJson } from '../common/json';
import { bfloat16ToFloat, halfToFloat } from './half';

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

/** A file as it is read. */
export interface TensorFile {
  tensors: Map<string, StoredTensor>;
  /** Without our own `writer` and `sha256`. */
  metadata: Record<string, string>;
  /** The sum of the file, if it carries one; it has been checked. */
  sha256?: string;
}

/** Bytes of a number of each type. */
export const SIZES: Record<string, number> = {
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
/** What the checksum is taken with in its own place. */
export const NO_SUM = '0'.repeat(64);
/**
 * Marks our files, which always carry a checksum: without it, damage to the checksum's own name would switch the check
 * off.
 */
export const WRITER = 'lggan-sau 1';

/** A file's header, checked: `tensors` fill its data without a hole. */
export interface Header {
  head: Uint8Array;
  tensors: Info[];
  metadata: Record<string, string>;
  dataStart: number;
  dataLength: number;
}

export interface Info {
  name: string;
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

/** The length of the header, from the first eight bytes of a file of `size` bytes. */
export function headerLength(first: Uint8Array, size: number, file: string): number {
  const no = (what: string) => new DamagedFileError(file, what);
  if (size === 0) throw no('is empty (0 bytes)');
  if (size < 10) throw no(`is not a .safetensors file: it has ${size} bytes`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(HEADER_LIMIT)) throw no('is not a .safetensors file: its header would have more than 16 MB');
  if (Number(length) + 8 > size) throw no('is truncated: it ends inside its header');
  return Number(length);
}

/** The header of a file of `size` bytes. @throws DamagedFileError that names the file */
export function parseHeader(head: Uint8Array, size: number, file: string): Header {
  const no = (what: string) => new DamagedFileError(file, what);
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
    if (t.begin !== end) throw no(`is damaged: the data of '${t.name}' ${t.begin < end ? 'overlaps another tensor' : 'leaves a hole'}`);
    end = t.end;
  }
  if (end !== dataLength) throw no(`is damaged: ${dataLength - end} bytes at its end belong to no tensor`);
  return { head, tensors, metadata, dataStart, dataLength };
}

/** The checksum that a file carries, if it does, and the header that it is the sum of, together with the data. */
export function checksumOf({ head, metadata }: Header, file: string): { sha256: string; head: Uint8Array } | undefined {
  const { sha256, writer } = metadata;
  if (sha256 !== undefined) return { sha256, head: withoutSum(head, sha256, file) };
  if (writer === WRITER) throw new DamagedFileError(file, 'is damaged: its checksum is gone');
  return undefined;
}

/** The tensors and the metadata of a file whose data lie in `buffer`. F32 tensors are views into it. */
export function tensorFile({ tensors: infos, metadata }: Header, buffer: ArrayBuffer, file: string, requireFinite = false): TensorFile {
  const { sha256, writer, ...rest } = metadata;
  const tensors = new Map<string, StoredTensor>();
  for (const { name, dtype, shape, begin, end } of infos) tensors.set(name, { dtype, shape, data: decode(dtype, buffer, begin, end) });
  if (requireFinite) {
    const bad = [...tensors].filter(([, t]) => !isFiniteArray(t.data)).map(([name]) => name);
    if (bad.length) throw new UserError(`${file} holds NaN or infinity in ${listed(bad)}.`);
  }
  return { tensors, metadata: rest, sha256 };
}

/** `readTensors` for a file that is in memory. `sha256`: the sum of bytes, as 64 hexadecimal digits. */
export async function parseTensors(
  bytes: Uint8Array,
  file: string,
  sha256: (bytes: Uint8Array) => Promise<string>,
  requireFinite = false,
): Promise<TensorFile> {
  const length = headerLength(bytes, bytes.length, file);
  const header = parseHeader(bytes.subarray(8, 8 + length), bytes.length, file);
  const sum = checksumOf(header, file);
  if (sum) {
    const summed = bytes.slice(8);
    summed.set(sum.head);
    if ((await sha256(summed)) !== sum.sha256) throw new DamagedFileError(file, 'is damaged: its content does not match its checksum');
  }
  // A copy, so that the data begins at a multiple of 8.
  return tensorFile(header, bytes.slice(header.dataStart).buffer, file, requireFinite);
}

/** 'a, b, c and 7 more' */
export function listed(names: readonly string[], limit = 6): string {
  const shown = names
    .slice(0, limit)
    .map((name) => excerpt(name, 120))
    .join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}

function checkInfo(name: string, value: Record<string, unknown>, dataLength: number, no: (what: string) => DamagedFileError): Info {
  const { dtype, shape, data_offsets: offsets, ...others } = value;
  const where = `is damaged: '${name}' in its header`;
  if (Object.keys(others).length) throw no(`${where} has the unknown field '${Object.keys(others)[0]}'`);
  if (typeof dtype !== 'string' || !Object.hasOwn(SIZES, dtype)) throw no(`${where} is of the type '${String(dtype)}', which is not read`);
  if (!isCounts(shape)) throw no(`${where} has no valid shape`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) throw no(`${where} has no valid offsets`);
  const [begin, end] = offsets;
  const bytes = product(shape) * SIZES[dtype];
  if (!Number.isSafeInteger(bytes) || bytes !== end - begin) throw no(`${where} has ${end - begin} bytes, its shape [${shape}] of ${dtype} needs ${bytes}`);
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

function withoutSum(head: Uint8Array, sha256: string, file: string): Uint8Array {
  // One byte a letter: places in the text are places in the bytes.
  const text = new TextDecoder('latin1').decode(head);
  const at = /^[0-9a-f]{64}$/.test(sha256) ? text.indexOf(`"sha256":"${sha256}"`) : -1;
  if (at < 0) throw new DamagedFileError(file, 'is damaged: its checksum is not one');
  const copy = head.slice();
  copy.set(new TextEncoder().encode(NO_SUM), at + '"sha256":"'.length);
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

/** Whether no value is NaN or infinite. */
export function isFiniteArray(values: TensorData): boolean {
  if (!(values instanceof Float32Array || values instanceof Float64Array)) return true;
  // NaN and infinity alone do not give 0 here, and both stay through the sum: no branch for each value.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  return sum === 0;
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new DamagedFileError(file, 'is not a .safetensors file: its header is no text');
  }
}

export const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
const isCounts = (v: unknown): v is number[] => Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && n >= 0);
