import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelTiles } from '../../proof/testing/fixtures';
import { memoryPairs } from './dataset';
import { datasetStatistics } from './statistics';
import { IGNORE } from './types';

test('shares, presence and mean colour by hand', async () => {
  const data = memoryPairs(
    [
      { name: 'a', labels: { data: Uint8Array.of(1, 1, 0, IGNORE), height: 2, width: 2 }, image: { data: new Uint8Array(12).fill(255), height: 2, width: 2 } },
      { name: 'b', labels: { data: Uint8Array.of(1, 28), height: 1, width: 2 }, image: { data: Uint8Array.of(0, 51, 102, 0, 51, 102), height: 1, width: 2 } },
    ],
    'two pictures',
  );
  const seen: number[] = [];
  const s = await datasetStatistics(data, { onProgress: (done, total) => seen.push(done, total) });
  assert.deepEqual([s.source, s.images, s.pixels, s.ignored], ['two pictures', 2, 5, 1]);
  assert.deepEqual(s.classes[1], { index: 1, name: 'sky', pixels: 3, share: 3 / 5, images: 2, presence: 1 });
  assert.deepEqual(s.classes[0], { index: 0, name: 'mountain', pixels: 1, share: 1 / 5, images: 1, presence: 0.5 });
  assert.deepEqual(s.classes[28], { index: 28, name: 'other', pixels: 1, share: 1 / 5, images: 1, presence: 0.5 });
  assert.deepEqual(s.classes[2], { index: 2, name: 'water', pixels: 0, share: 0, images: 0, presence: 0 });
  // (4 * 255 + 2 * c) / 6 / 255
  assert.deepEqual(
    s.rgbMean,
    [1020, 1122, 1224].map((v) => v / 6 / 255),
  );
  assert.deepEqual(seen, [1, 2, 2, 2]);
});

test('label maps alone have no colour; labels that are no class are an error', async () => {
  const only = (labels: Uint8Array) => ({ source: 's', length: 1, at: async () => ({ labels: { data: labels, height: 1, width: labels.length } }) });
  assert.equal((await datasetStatistics(only(labelTiles(4, 3).data))).rgbMean, undefined);
  await assert.rejects(datasetStatistics(only(Uint8Array.of(29))), /holds the label 29/);
  assert.equal((await datasetStatistics({ ...only(new Uint8Array(0)), length: 0 })).pixels, 0);
});
