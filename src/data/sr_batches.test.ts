import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UserError } from '../common/errors';
import { photo } from '../../proof/testing/fixtures';
import { SrPatches, writePatch, type SrBatch, type SrBatchOptions } from './sr_batches';
import { halve, type SrDataset } from './sr_pairs';
import type { RgbImage } from './types';

const take = async (source: SrPatches, n: number) => {
  const batches: SrBatch[] = [];
  for (let i = 0; i < n; i++) batches.push(await source.next());
  return batches;
};

const set = (n: number, width = 32, height = 24): SrDataset => ({
  source: 'memory',
  names: Array.from({ length: n }, (_, i) => `p${i}`),
  length: n,
  async at(i) {
    const high = photo(width, height, i);
    return { name: `p${i}`, low: halve(high), high };
  },
});

const options: SrBatchOptions = { patch: 12, batchSize: 3, seed: 5 };

test('the eight ways to turn a patch, by hand', () => {
  // Red counts the pixels of a 2x2 image: 1 2 / 3 4.
  const image: RgbImage = { data: Uint8Array.of(1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0), height: 2, width: 2 };
  const turned = (mirrorX: boolean, mirrorY: boolean, transpose: boolean) => {
    const out = new Float32Array(13);
    writePatch(image, 0, 0, 2, { mirrorX, mirrorY, transpose }, out, 1);
    return [1, 4, 7, 10].map((i) => out[i]).join('');
  };
  assert.equal(turned(false, false, false), '1234');
  assert.equal(turned(true, false, false), '2143');
  assert.equal(turned(false, true, false), '3412');
  assert.equal(turned(true, true, false), '4321');
  assert.equal(turned(false, false, true), '1324');
  assert.equal(turned(true, false, true), '3142');
  assert.equal(turned(false, true, true), '2413');
  assert.equal(turned(true, true, true), '4231');
});

test('low and high patches show the same place, turned the same way', async () => {
  // High: each pixel of low four times; then the patches must be so too, whatever the window and the turn.
  const low = photo(20, 16);
  const high = { data: new Uint8Array(40 * 32 * 3), height: 32, width: 40 };
  for (let y = 0; y < 32; y++) {
    for (let x = 0; x < 40; x++) for (let c = 0; c < 3; c++) high.data[(y * 40 + x) * 3 + c] = low.data[((y >> 1) * 20 + (x >> 1)) * 3 + c];
  }
  const data: SrDataset = { source: 'm', names: ['a'], length: 1, at: async () => ({ name: 'a', low, high }) };
  const seen = new Set<string>();
  for (const batch of await take(new SrPatches(data, { ...options, repeat: 3 }), 20)) {
    assert.equal(batch.low.length, 3 * 6 * 6 * 3);
    assert.equal(batch.high.length, 3 * 12 * 12 * 3);
    for (let b = 0; b < 3; b++) {
      for (let y = 0; y < 12; y++) {
        for (let x = 0; x < 12; x++) {
          const fine = batch.high[((b * 12 + y) * 12 + x) * 3];
          assert.equal(fine, batch.low[((b * 6 + (y >> 1)) * 6 + (x >> 1)) * 3]);
          assert.ok(Number.isInteger(fine) && fine >= 0 && fine <= 255);
        }
      }
      seen.add(String(batch.low.subarray(b * 108, (b + 1) * 108)));
    }
  }
  // 15 * 11 places in 8 ways: 60 patches are almost all different.
  assert.ok(seen.size > 50, `${seen.size}`);
});

test('defaults: 32 patches of 96 and 48', async () => {
  const { low, high, patch, names } = await new SrPatches(set(32, 96, 98)).next();
  assert.equal(patch, 96);
  assert.equal(low.length, 32 * 48 * 48 * 3);
  assert.equal(high.length, 32 * 96 * 96 * 3);
  assert.equal(new Set(names).size, 32);
});

test('without augmentation a patch is a plain window', async () => {
  const data = set(3, 12, 12);
  const { high, names } = await new SrPatches(data, { ...options, augment: false }).next();
  for (let b = 0; b < 3; b++) {
    const expected = (await data.at(Number(names[b].slice(1)))).high.data;
    assert.deepEqual(Uint8Array.from(high.subarray(b * 432, (b + 1) * 432)), expected);
  }
});

test('the same seed gives the same patches, also after restoring', async () => {
  const expected = await take(new SrPatches(set(7), options), 6);
  const source = new SrPatches(set(7), options);
  await take(source, 3);
  const resumed = new SrPatches(set(7), options);
  resumed.restore(JSON.parse(JSON.stringify(source.state())));
  assert.deepEqual(await take(resumed, 3), expected.slice(3));
  assert.notDeepEqual(await take(new SrPatches(set(7), { ...options, seed: 6 }), 1), expected.slice(0, 1));
});

test('pictures smaller than a patch, odd patches', async () => {
  await assert.rejects(new SrPatches(set(3, 10, 24), options).next(), /p\d is 10x24, smaller than a patch of 12/);
  assert.throws(() => new SrPatches(set(3), { ...options, patch: 11 }), UserError);
  assert.throws(() => new SrPatches(set(2), options), /do not fill a batch of 3/);
});
