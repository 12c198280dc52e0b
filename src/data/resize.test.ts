import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withMaterial } from '../../proof/testing/material';
import { photo, picture, pillowReference } from '../../proof/testing/fixtures';
import { readImage, readLabelValues } from './image';
import { resizeBytes, resizeImage, resizeLabels, resizeLabelsCorner, type Filter } from './resize';

const reference = pillowReference();
const sha = (data: Uint8Array) => createHash('sha256').update(data).digest('hex').slice(0, 16);

test('equals Pillow to the last bit, up and down, odd sizes, 1 and 3 channels', () => {
  assert.equal(reference.resize.length, 18 * 2 * 3);
  for (const { from, to, channels, filter, sha: expected } of reference.resize) {
    const data = picture(from[0], from[1], channels);
    const out = resizeBytes(data, from[1], from[0], channels, to[1], to[0], filter);
    assert.equal(out.length, to[0] * to[1] * channels);
    assert.equal(sha(out), expected, `${filter}, ${channels} channels, ${from} to ${to}`);
  }
});

test("equals Pillow's pictures", async (t) => {
  const file = withMaterial(t, 'golden/resize/index.json');
  if (!file) return;
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: { id: string; filter: string; from: number[]; to: number[] }[] };
  for (const { id, filter, to } of cases) {
    const input = join(file, '..', `${id}_in.png`);
    const output = join(file, '..', `${id}_out.png`);
    const rgb = await readImage(input);
    const expected = await readImage(output);
    const size = [to[1], to[0]] as const;
    assert.deepEqual(resizeImage(rgb, size, filter.toLowerCase() as Filter), expected, `case ${id}`);
    const grey = await readLabelValues(input).catch(() => undefined);
    if (!grey) continue;
    const out = resizeBytes(grey.data as Uint8Array, grey.height, grey.width, 1, to[1], to[0], filter.toLowerCase() as Filter);
    assert.deepEqual(out, (await readLabelValues(output)).data, `case ${id}, one channel`);
  }
});

test('nearest: the pixel under the centre (Pillow), or under the corner (the network)', () => {
  const row = { data: Uint8Array.of(0, 1, 2, 3, 4, 5), height: 1, width: 6 };
  assert.deepEqual([...resizeLabels(row, [1, 3]).data], [1, 3, 5]);
  assert.deepEqual([...resizeLabelsCorner(row, [1, 3]).data], [0, 2, 4]);
  // By hand: floor((i + 0.5) * 6 / 4) and floor(i * 6 / 4).
  assert.deepEqual([...resizeLabels(row, [1, 4]).data], [0, 2, 3, 5]);
  assert.deepEqual([...resizeLabelsCorner(row, [1, 4]).data], [0, 1, 3, 4]);
  assert.deepEqual(resizeLabels(row, [2, 12]), resizeLabelsCorner(row, [2, 12]));
});

test('the input is never returned itself, and senseless sizes are errors', () => {
  const image = photo(8, 6);
  const same = resizeImage(image, [6, 8]);
  assert.deepEqual(same, image);
  assert.notEqual(same.data, image.data);
  assert.throws(() => resizeImage(image, [0, 8]), /8x6 to 8x0/);
  assert.throws(() => resizeImage({ ...image, width: 9 }, [3, 4]), /no image of 9x6/);
});

test('1024x768 to 512x384 stays below 100 ms', () => {
  const image = photo(1024, 768);
  const times = Array.from({ length: 7 }, () => {
    const start = performance.now();
    resizeImage(image, [384, 512]);
    return performance.now() - start;
  });
  assert.ok(Math.min(...times) < 100, `${Math.min(...times)} ms`);
});
