import { crc32 } from '../../../src/common/checksum';
import type { Random } from '../../../src/common/random';

/** Numbers that readers stumble over: sizes and counts in files are these as often as not when something is wrong. */
const EDGES = [0, 1, 2, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** A copy of `bytes` with random changes, mostly one, up to four: bits, bytes, numbers, cuts, repetitions, pieces of `other`. */
export function mutate(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let b = Buffer.from(bytes);
  const place = (room = 0) => random.randrange(Math.max(1, b.length - room));
  for (let n = Math.max(1, random.randrange(8) - 3); n > 0 && b.length; n--) {
    switch (random.randrange(9)) {
      case 0:
      case 1:
        b[place()] ^= 1 << random.randrange(8);
        break;
      case 2:
        b[place()] = random.randrange(256);
        break;
      case 3: {
        const width = [2, 4, 8][random.randrange(3)];
        if (b.length < width) break;
        const value = EDGES[random.randrange(EDGES.length)];
        const at = place(width);
        if (width === 2) b.writeUInt16LE(value & 0xffff, at);
        else if (width === 8) b.writeBigUInt64LE(BigInt(value) * (random.randrange(2) ? 1n : 0x100000001n), at);
        else if (random.randrange(2)) b.writeUInt32LE(value, at);
        else b.writeUInt32BE(value, at);
        break;
      }
      case 4:
        b = b.subarray(0, place());
        break;
      case 5: {
        const at = place();
        b = Buffer.concat([b.subarray(0, at), b.subarray(Math.min(b.length, at + 1 + random.randrange(40)))]);
        break;
      }
      case 6: {
        const at = place();
        const piece = b.subarray(at, at + 1 + random.randrange(64));
        b = Buffer.concat([b.subarray(0, at), ...Array.from({ length: 1 + random.randrange(8) }, () => piece), b.subarray(at)]);
        break;
      }
      case 7: {
        const at = place();
        b = Buffer.concat([b.subarray(0, at), Buffer.from(Array.from({ length: 1 + random.randrange(16) }, () => random.randrange(256))), b.subarray(at)]);
        break;
      }
      default: {
        const from = random.randrange(other.length + 1);
        const piece = other.subarray(from, from + random.randrange(128));
        const at = place();
        b = Buffer.concat([b.subarray(0, at), piece, b.subarray(Math.min(b.length, at + (random.randrange(2) ? piece.length : 0)))]);
      }
    }
  }
  return b;
}

/** Values for a field of a JSON file that nobody expects there. */
const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e9,
  1e308,
  -0,
  '',
  ' ',
  'x',
  '../../x',
  '__proto__',
  'a'.repeat(5000),
  '\0',
  '画',
  [],
  [[]],
  {},
  { length: 1e9 },
  [null],
  '1e999',
  4294967296,
];

/** A copy of parsed JSON with one to three fields changed, removed, renamed, or added. */
export function mutateJson(value: unknown, random: Random): unknown {
  const copy = JSON.parse(JSON.stringify(value)) as unknown;
  for (let n = Math.max(1, random.randrange(6) - 2); n > 0; n--) {
    const places: { parent: Record<string, unknown>; key: string }[] = [];
    const walk = (x: unknown) => {
      if (typeof x !== 'object' || x === null) return;
      for (const key of Object.keys(x)) {
        places.push({ parent: x as Record<string, unknown>, key });
        walk((x as Record<string, unknown>)[key]);
      }
    };
    walk(copy);
    if (!places.length) break;
    const { parent, key } = places[random.randrange(places.length)];
    // A copy: what is put into one file is changed further there.
    const odd = structuredClone(VALUES[random.randrange(VALUES.length)]);
    // Not an assignment, which would take '__proto__' for something else than a key.
    const put = (name: string, x: unknown) => Object.defineProperty(parent, name, { value: x, enumerable: true, writable: true, configurable: true });
    switch (random.randrange(4)) {
      case 0:
        delete parent[key];
        break;
      case 1:
        // An index of a thousand million would be a list of as many.
        if (!Array.isArray(parent)) put(String(VALUES[random.randrange(VALUES.length)]), parent[key]);
        break;
      default:
        put(key, odd);
    }
  }
  return copy;
}

/** Sets the checksums of a PNG's chunks right, so that what was changed inside them is read. */
export function repairPng(png: Buffer): Buffer {
  const b = Buffer.from(png);
  for (let at = 8; at + 12 <= b.length; ) {
    const end = at + 12 + b.readUInt32BE(at);
    if (end > b.length) break;
    b.writeUInt32BE(crc32(b.subarray(at + 4, end - 4)), end - 4);
    at = end;
  }
  return b;
}
