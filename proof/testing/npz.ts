import { halfToFloat } from '../../src/checkpoints/half';
import { ZipFile } from '../../tools/download/zip';
import { UserError } from '../../src/common/errors';

export type NpyData = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

/** An array as numpy saved it, in C order. */
export interface NpyArray {
  shape: number[];
  /** numpy's name: 'float32', 'float64', 'uint8' ... */
  dtype: string;
  /** 64-bit integers become float64 (an error above 2^53), float16 becomes float32, booleans uint8. */
  data: NpyData;
  /** Of an array of the given shape `data` holds every stride-th element only, in C order, beginning with `first`. */
  sampled?: { stride: number; first: number };
}

/** Reads all arrays of a `.npz` file by name (without the `.npy` they are stored under). `KEY|STRIDE|FIRST|AxBxC` is a sampled array. */
export function readNpz(file: string): Map<string, NpyArray> {
  const zip = new ZipFile(file);
  try {
    const arrays = new Map<string, NpyArray>();
    for (const name of zip.entries.keys()) {
      const [key, stride, first, shape] = name.replace(/\.npy$/, '').split('|');
      const array = parseNpy(zip.read(name), `${file}: ${name}`);
      arrays.set(key, shape ? { ...array, shape: shape.split('x').map(Number), sampled: { stride: Number(stride), first: Number(first) } } : array);
    }
    return arrays;
  } finally {
    zip.close();
  }
}

/** The bytes of a `.npy` file; `where` names them in errors. */
export function parseNpy(bytes: Buffer, where: string): NpyArray {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 6) !== '\x93NUMPY') throw new UserError(`${where} is not a .npy file.`);
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  const end = start + (wide ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString('latin1', start, end);
  const descr = /'descr':\s*'([<>|=])(\w+)'/.exec(header);
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header);
  const fortran = /'fortran_order':\s*(True|False)/.exec(header);
  if (!descr || !shapeText || !fortran || end > bytes.length) {
    throw new UserError(`${where} has a .npy header that is not understood (arrays of objects and records are not read).`);
  }
  const [, order, code] = descr;
  if (order === '>') throw new UserError(`${where} is big-endian, which is not read.`);
  const shape = shapeText[1]
    .split(',')
    .map((s) => s.trim())
    .filter(Boolean)
    .map(Number);
  const length = shape.reduce((a, b) => a * b, 1);
  const size = Number(/\d+$/.exec(code)?.[0]);
  if (bytes.length - end !== length * size) throw new UserError(`${where} holds ${bytes.length - end} bytes, its shape needs ${length * size}.`);
  const { dtype, data } = decode(bytes.subarray(end), code, where);
  return { shape, dtype, data: fortran[1] === 'True' ? toCOrder(data, shape) : data };
}

function decode(raw: Buffer, code: string, where: string): { dtype: string; data: NpyData } {
  // A copy, since the bytes need not lie at a multiple of the element's size.
  const b = new Uint8Array(raw).buffer;
  switch (code) {
    case 'f4':
      return { dtype: 'float32', data: new Float32Array(b) };
    case 'f8':
      return { dtype: 'float64', data: new Float64Array(b) };
    case 'f2':
      return { dtype: 'float16', data: Float32Array.from(new Uint16Array(b), halfToFloat) };
    case 'i1':
      return { dtype: 'int8', data: new Int8Array(b) };
    case 'u1':
      return { dtype: 'uint8', data: new Uint8Array(b) };
    case 'b1':
      return { dtype: 'bool', data: new Uint8Array(b) };
    case 'i2':
      return { dtype: 'int16', data: new Int16Array(b) };
    case 'u2':
      return { dtype: 'uint16', data: new Uint16Array(b) };
    case 'i4':
      return { dtype: 'int32', data: new Int32Array(b) };
    case 'u4':
      return { dtype: 'uint32', data: new Uint32Array(b) };
    case 'i8':
      return { dtype: 'int64', data: exact(new BigInt64Array(b), where) };
    case 'u8':
      return { dtype: 'uint64', data: exact(new BigUint64Array(b), where) };
    default:
      throw new UserError(`${where} has elements of type '${code}', which is not read.`);
  }
}

function exact(values: BigInt64Array | BigUint64Array, where: string): Float64Array {
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i++) {
    out[i] = Number(values[i]);
    if (!Number.isSafeInteger(out[i])) throw new UserError(`${where} holds the integer ${values[i]}, which a double cannot hold.`);
  }
  return out;
}

function toCOrder(data: NpyData, shape: number[]): NpyData {
  const out = data.slice();
  const strides: number[] = [];
  shape.reduce((s, n) => (strides.push(s), s * n), 1);
  const index = shape.map(() => 0);
  for (let i = 0; i < out.length; i++) {
    out[i] = data[index.reduce((s, v, d) => s + v * strides[d], 0)];
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
  return out;
}
