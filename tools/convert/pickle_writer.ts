import { createHash } from 'node:crypto';
import { replaceFile } from '../../src/common/atomic';
import type { TensorEntry } from '../../src/checkpoints/safetensors';

export interface PickleOptions {
  /** Put the weights into a dictionary under this name, as the original's RCAN reads them ('model'). */
  under?: string;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Writes weights as the original loads them: a pickle (protocol 4) of a dictionary from names to numpy float32 arrays,
 * followed by SHA-1 and mark as `jt.save` appends them. Python without Jittor reads it with `pickle.load`; `jt.load`
 * checks the sum. All or nothing.
 */
export async function savePickle(file: string, entries: Iterable<TensorEntry>, { under, onProgress }: PickleOptions = {}): Promise<void> {
  const all = [...entries];
  const total = all.reduce((sum, e) => sum + e.shape.reduce((a, b) => a * b, 4), 0);
  await replaceFile(file, async (handle) => {
    const hash = createHash('sha1');
    let done = 0;
    const write = async (bytes: Uint8Array) => {
      hash.update(bytes);
      await handle.writeFile(bytes);
    };
    const open = Buffer.from([EMPTY_DICT, MARK]);
    await write(Buffer.concat([Buffer.from([PROTO, 4]), PREFACE, ...(under === undefined ? [] : [open, text(under)]), open]));
    for (const { name, shape, dtype = 'float32', data } of all) {
      const values = typeof data === 'function' ? await data() : data;
      if (dtype !== 'float32' || !(values instanceof Float32Array)) throw new Error(`${name} is not of float32`);
      await write(Buffer.concat([text(name), EMPTY_ARRAY, arrayState(shape, values.byteLength)]));
      await write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      await write(Buffer.from([TUPLE, BUILD]));
      done += values.byteLength;
      onProgress?.(done, total);
    }
    await write(Buffer.from([SETITEMS, ...(under === undefined ? [] : [SETITEMS]), STOP]));
    const sum = hash.digest();
    await handle.writeFile(Buffer.concat([sum, Buffer.from('HCAJSLHD')]));
  });
}

const PROTO = 0x80;
const EMPTY_DICT = 0x7d;
const MARK = 0x28;
const TUPLE = 0x74;
const TUPLE1 = 0x85;
const TUPLE3 = 0x87;
const REDUCE = 0x52;
const BUILD = 0x62;
const SETITEMS = 0x75;
const STOP = 0x2e;
const STACK_GLOBAL = 0x93;
const MEMOIZE = 0x94;
const BINGET = 0x68;
const BININT1 = 0x4b;
const NONE = 0x4e;
const TRUE = 0x88;
const FALSE = 0x89;
const POP = 0x30;

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.from([0x58, 0, 0, 0, 0]); // BINUNICODE
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function integer(value: number): Buffer {
  const bytes = Buffer.from([0x4a, 0, 0, 0, 0]); // BININT
  bytes.writeInt32LE(value, 1);
  return bytes;
}

const global = (module: string, name: string) => Buffer.concat([text(module), text(name), Buffer.from([STACK_GLOBAL, MEMOIZE])]);

/**
 * What stands before the arrays and is taken off the stack again: it remembers 0 the function, 1 the class, 3 the type
 * of the arrays.
 */
const PREFACE = Buffer.concat([
  global('numpy.core.multiarray', '_reconstruct'),
  Buffer.from([POP]),
  global('numpy', 'ndarray'),
  Buffer.from([POP]),
  // numpy.dtype('f4', False, True), then its state: version 3, little-endian, no fields.
  global('numpy', 'dtype'),
  text('f4'),
  Buffer.from([FALSE, TRUE, TUPLE3, REDUCE, MEMOIZE]),
  Buffer.concat([
    Buffer.from([MARK, BININT1, 3]),
    text('<'),
    Buffer.from([NONE, NONE, NONE]),
    integer(-1),
    integer(-1),
    Buffer.from([BININT1, 0, TUPLE, BUILD]),
  ]),
  Buffer.from([POP]),
]);
/** numpy.core.multiarray._reconstruct(numpy.ndarray, (0,), b'b'): an empty array, which its state fills. */
const EMPTY_ARRAY = Buffer.from([BINGET, 0, BINGET, 1, BININT1, 0, TUPLE1, 0x43, 1, 0x62, TUPLE3, REDUCE]);

/** The array's state up to its bytes: (1, shape, type, not in Fortran order, bytes. */
function arrayState(shape: readonly number[], bytes: number): Buffer {
  const head = Buffer.from([0x42, 0, 0, 0, 0]); // BINBYTES
  head.writeUInt32LE(bytes, 1);
  return Buffer.concat([Buffer.from([MARK, BININT1, 1, MARK]), ...shape.map(integer), Buffer.from([TUPLE, BINGET, 3, FALSE]), head]);
}
