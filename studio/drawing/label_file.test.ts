import assert from 'node:assert/strict';
import test from 'node:test';
import sharp from 'sharp';
import { CLASSES } from '../../src/classes';
import { UserError } from '../../src/common/errors';
import { readLabelMap } from '../../src/data/label_map';
import { decode, encode } from 'fast-png';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLabelFile, writeLabelFile } from './label_file';
import { COLOURS } from './palette';

const [HEIGHT, WIDTH] = [5, 7];
const LABELS = Uint8Array.from({ length: HEIGHT * WIDTH }, (_, i) => i % CLASSES.length);
const MAP = { data: LABELS, height: HEIGHT, width: WIDTH };

const coloured = (change: (rgb: Uint8Array) => void = () => undefined, pixels = LABELS) => {
  const data = Uint8Array.from([...pixels].flatMap((c) => COLOURS[c]));
  change(data);
  return encode({ data, height: pixels.length / WIDTH, width: WIDTH, channels: 3, depth: 8 });
};
const refuses = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(
    () => readLabelFile(bytes, 'mine.png'),
    (e) => e instanceof UserError && message.test(e.message) && /^mine\.png: [^\n]+\.$/.test(e.message),
  );

test('what is written is read again, here and by the command that paints it', async (t) => {
  const bytes = writeLabelFile(MAP);
  assert.deepEqual(readLabelFile(bytes, 'x'), { labels: MAP, remarks: [] });
  const folder = await mkdtemp(join(tmpdir(), 'studio-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'map.png'), bytes);
  assert.deepEqual(await readLabelMap(join(folder, 'map.png')), MAP);
});

test('class numbers in a palette, in few bits, in 16 bits, interlaced or saved as colours', async () => {
  // Another library's files.
  const raw = { raw: { width: WIDTH, height: HEIGHT, channels: 1 as const } };
  const small = LABELS.map((c) => c % 4);
  const interlaced = await sharp(LABELS, raw).toColourspace('b-w').png({ progressive: true }).toBuffer();
  assert.deepEqual(readLabelFile(interlaced, 'x').labels, MAP);
  const palette = [
    [200, 10, 10],
    [10, 200, 10],
    [10, 10, 200],
    [0, 0, 0],
  ];
  const packed = indexed(small, palette, 2);
  assert.equal(decode(packed).depth, 2);
  assert.deepEqual(readLabelFile(packed, 'x').labels.data, small);
  const wide = encode({ data: Uint16Array.from(LABELS), height: HEIGHT, width: WIDTH, channels: 1, depth: 16 });
  assert.deepEqual(readLabelFile(wide, 'x').labels, MAP);
  const grey = encode({ data: Uint8Array.from([...LABELS].flatMap((c) => [c, c, c])), height: HEIGHT, width: WIDTH, channels: 3, depth: 8 });
  assert.deepEqual(readLabelFile(grey, 'x'), { labels: MAP, remarks: [] });
});

test('colours of the palette are their classes, others the nearest, and named', () => {
  assert.deepEqual(readLabelFile(coloured(), 'x'), { labels: MAP, remarks: [] });
  const ours = indexed(
    LABELS.map((c) => c % 3),
    [0, 1, 2].map((c) => [...COLOURS[c + 4]]),
    8,
  );
  assert.deepEqual(
    readLabelFile(ours, 'x').labels.data,
    LABELS.map((c) => 4 + (c % 3)),
  );
  const { labels, remarks } = readLabelFile(
    coloured((rgb) => {
      rgb[0]++;
      rgb.set([...COLOURS[3].slice(0, 2), COLOURS[3][2] + 2], 6);
      rgb.set([...COLOURS[3].slice(0, 2), COLOURS[3][2] + 2], 9);
    }),
    'x',
  );
  assert.deepEqual(
    labels.data,
    LABELS.map((c, i) => (i === 2 ? 3 : c)),
  );
  const hex = (c: number, add: readonly number[]) => `#${COLOURS[c].map((v, i) => (v + add[i]).toString(16).padStart(2, '0')).join('')}`;
  assert.deepEqual(remarks, [
    `Colours that are of no class were taken for the nearest: ${hex(3, [0, 0, 2])} as sea (2 pixels), ${hex(0, [1, 0, 0])} as mountain (1 pixel).`,
  ]);
});

test('pixels of no class become "other", and are counted', () => {
  const { labels, remarks } = readLabelFile(writeLabelFile({ ...MAP, data: LABELS.map((c) => (c === 3 ? 255 : c)) }), 'x');
  assert.deepEqual(
    labels.data,
    LABELS.map((c) => (c === 3 ? 28 : c)),
  );
  assert.deepEqual(remarks, ['2 pixels of no class (255) became other.']);
});

test('a wrong file is one sentence', async () => {
  refuses(new Uint8Array(0), /this is no PNG/);
  refuses(new TextEncoder().encode('%PDF-1.7 and more that is no picture at all'), /this is no PNG/);
  const bytes = writeLabelFile(MAP);
  refuses(bytes.slice(0, bytes.length - 20), /damaged or not complete/);
  const flipped = bytes.slice();
  flipped[45] ^= 0xff;
  refuses(flipped, /damaged or not complete/);
  // A header alone that says it has 400 million pixels.
  const huge = bytes.slice();
  new DataView(huge.buffer).setUint32(16, 20_000);
  new DataView(huge.buffer).setUint32(20, 20_000);
  refuses(huge, /20000 x 20000 pixels are too many for a sketch, the most are 16 million/);
  refuses(writeLabelFile({ ...MAP, data: LABELS.map((c, i) => (i === 9 ? 29 : c)) }), /the value 29 \(column 2, row 1\) is no class, the last is 28/);
  const photo = Uint8Array.from({ length: 3 * 10_000 }, (_, i) => (i * i * 7 + (i >> 3)) % 251);
  refuses(encode({ data: photo, height: 100, width: 100, channels: 3, depth: 8 }), /looks like a photo \(\d+ colours\)/);
});

/** A PNG with a palette, written by hand: chunks, samples packed into bytes, each row begun by its filter. */
function indexed(values: Uint8Array, palette: number[][], bits: number): Uint8Array {
  const { deflateSync, crc32 } = require('node:zlib') as typeof import('node:zlib') & { crc32(data: Uint8Array): number };
  const rows = Array.from({ length: HEIGHT }, (_, y) => {
    const row = new Uint8Array(1 + Math.ceil((WIDTH * bits) / 8));
    for (let x = 0; x < WIDTH; x++) row[1 + ((x * bits) >> 3)] |= values[y * WIDTH + x] << (8 - bits - ((x * bits) & 7));
    return row;
  });
  const chunk = (type: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(WIDTH, 0);
  header.writeUInt32BE(HEIGHT, 4);
  header.set([bits, 3, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('PLTE', Uint8Array.from(palette.flat())),
    chunk('IDAT', deflateSync(Buffer.concat(rows))),
    chunk('IEND', new Uint8Array(0)),
  ]);
}
