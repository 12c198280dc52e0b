/** Five hundred changed files; `npm run fuzz` reads twenty thousand. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { readImage, readLabelValues } from '../../../src/data/image';
import { Random } from '../../../src/common/random';
import { UserError } from '../../../src/common/errors';
import { parseJson } from '../../../src/common/json';
import { fuzz } from './fuzz';
import { crc32 } from '../../../src/common/checksum';
import { mutate } from './mutate';

test('500 changed files are read or refused with a sentence', { timeout: 300_000 }, async (t) => {
  const { targets, findings, largest } = await fuzz(1, 500);
  assert.deepEqual(findings, []);
  const total = Object.values(targets).reduce((sum, x) => ({ cases: sum.cases + x.cases, read: sum.read + x.read }), { cases: 0, read: 0 });
  assert.equal(total.cases, 500);
  // Some changes do no harm: if none were read, the files would not have been valid to begin with.
  assert.ok(total.read > 20 && total.read < 400, `${total.read} of 500 read`);
  t.diagnostic(`${total.read} of 500 read, largest piece of memory ${(largest / 2 ** 20).toFixed(1)} MiB`);
});

test('the same seed gives the same changes', () => {
  const seed = Buffer.from('a file of thirty-one characters');
  const make = (n: number) => mutate(seed, seed, new Random([5, n]));
  assert.deepEqual(make(3), make(3));
  assert.notDeepEqual(make(3), make(4));
});

/** A PNG of any size in its header, with `rows` rows of one black grey pixel row each as content. */
function png(width: number, height: number, rows: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const content = deflateSync(Buffer.alloc((width + 1) * rows));
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', content), chunk('IEND', Buffer.alloc(0))]);
}

test('pictures that would fill the memory are refused before they do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bomb-'));
  const refused = (e: unknown) => e instanceof UserError && /bomb\.png: the picture has more than 100 million pixels; scale it down/.test(e.message);
  try {
    const file = join(folder, 'bomb.png');
    // 2.5 thousand million pixels, of which 50 rows are there; and one that is whole, just above the limit.
    for (const bytes of [png(50_000, 50_000, 50), png(10_001, 10_000, 10_000)]) {
      writeFileSync(file, bytes);
      const before = process.resourceUsage().maxRSS;
      await assert.rejects(readImage(file), refused);
      await assert.rejects(readLabelValues(file), refused);
      assert.ok(process.resourceUsage().maxRSS - before < 50_000, 'memory (kB)');
    }
    // Not an image of ours, though the library would draw it.
    writeFileSync(file, '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>');
    await assert.rejects(readImage(file), /bomb\.png: this is not an image \(JPEG, PNG, WebP or TIFF\)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('nested JSON is refused before it is built', () => {
  assert.throws(() => parseJson('['.repeat(1e6)), /nested more than 64 deep/);
  assert.deepEqual(parseJson('{"a\\"[[": ["\\\\", {"b": [1]}]}'), { 'a"[[': ['\\', { b: [1] }] });
});
