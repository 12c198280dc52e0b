import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLASS_NAMES, NUM_CLASSES } from '../classes';
import { UserError } from '../common/errors';
import { columnsOf, photoCrops, photographs } from './photos';

test('four photographs, credited, each with a label map of classes that are really there', async () => {
  const data = photographs();
  assert.deepEqual(data.names, ['aitzgorri', 'life', 'picosdeeuropa', 'sunset']);
  const expected: Record<string, string[]> = {
    aitzgorri: ['mountain', 'sky', 'tree', 'grass'],
    life: ['rock', 'tree', 'river', 'waterfall', 'plant', 'earth'],
    picosdeeuropa: ['mountain', 'sky', 'grass', 'path', 'rock', 'earth'],
    sunset: ['mountain', 'sky', 'hill', 'grass', 'other', 'rock'],
  };
  for (let i = 0; i < data.length; i++) {
    const { name, image, labels } = await data.at(i);
    assert.equal(`${image.width}x${image.height}`, '1024x768');
    const found = new Set([...labels.data].map((c) => CLASS_NAMES[c]));
    assert.deepEqual([...found].sort(), [...expected[name]].sort());
  }
  const root = join(__dirname, '..', '..', 'datasets', 'photos');
  assert.match(readFileSync(join(root, 'CREDITS.md'), 'utf8'), /Aitzol Berasategi[\s\S]*CC BY 4\.0/);
  const bytes = data.names.reduce(
    (sum, n) => sum + statSync(join(root, 'imgs', `${n}.jpg`)).size + statSync(join(root, 'labels', `${n}.png`)).size,
    0,
  );
  assert.ok(bytes < 2e6, `${bytes} bytes`);
});

test('the label maps fit the photographs: what a colour gives away is where the map says', async () => {
  const data = photographs();
  const share = async (
    name: string,
    kind: string,
    test: (r: number, g: number, b: number) => boolean,
  ): Promise<number> => {
    const { image, labels } = await data.at(data.names.indexOf(name));
    const c = CLASS_NAMES.indexOf(kind);
    let all = 0;
    let right = 0;
    for (let p = 0; p < labels.data.length; p++) {
      if (labels.data[p] !== c) continue;
      all++;
      if (test(image.data[p * 3], image.data[p * 3 + 1], image.data[p * 3 + 2])) right++;
    }
    return right / all;
  };
  assert.ok((await share('aitzgorri', 'grass', (r, g, b) => g > r && g > b)) > 0.95);
  assert.ok((await share('aitzgorri', 'sky', (r, g, b) => r > 150 && b > 180)) > 0.99);
  assert.ok((await share('aitzgorri', 'mountain', (r, g, b) => r < 190 && g < 190 && b < 200)) > 0.9);
  assert.ok((await share('picosdeeuropa', 'sky', (r, g, b) => b >= r)) > 0.97);
  assert.ok((await share('picosdeeuropa', 'path', (r, g, b) => r > g && g > b)) > 0.9);
  assert.ok((await share('sunset', 'grass', (r, g, b) => r + g + b < 600)) > 0.95);
});

test('crops: the same for a seed, of the size asked for, training and validation from different columns', async () => {
  const options = { seed: 3, count: 12, height: 48, width: 64 };
  const a = photoCrops(options);
  const b = photoCrops(options);
  assert.equal(a.length, 12);
  assert.equal(a.names[11], 'train_00012');
  for (let i = 0; i < 12; i++) {
    const pair = await a.at(i);
    assert.deepEqual(pair, await b.at(i));
    assert.equal(pair.image.data.length, 48 * 64 * 3);
    assert.equal(pair.labels.data.length, 48 * 64);
    assert.ok(pair.labels.data.every((c) => c < NUM_CLASSES));
  }
  assert.notDeepEqual((await a.at(0)).image, (await photoCrops({ ...options, seed: 4 }).at(0)).image);
  const [, trainEnd] = columnsOf('train', 1024);
  const [valStart, valEnd] = columnsOf('val', 1024);
  assert.ok(trainEnd <= valStart && valEnd === 1024);
  await assert.rejects(a.at(12), RangeError);
});

test('no pixel of the held-out third is in a training crop, nor the other way round', async () => {
  // At the widest scale the crop is the whole part: its columns are those of the photograph.
  const { image } = await photographs().at(0);
  for (const part of ['train', 'val'] as const) {
    const [from, to] = columnsOf(part, image.width);
    const crop = await photoCrops({ part, count: 1, height: 1, width: to - from, scales: [1] }).at(0);
    let rows = 0;
    for (let y = 0; y < image.height; y++) {
      const row = image.data.subarray((y * image.width + from) * 3, (y * image.width + to) * 3);
      if (Buffer.compare(row, crop.image.data) === 0) rows++;
    }
    assert.equal(rows, 1);
  }
});

test('settings that cannot be are refused in one sentence', () => {
  const base = { count: 1, height: 4, width: 4 };
  assert.throws(() => photoCrops({ ...base, count: 1.5 }), UserError);
  assert.throws(() => photoCrops({ ...base, scales: [] }), /scales/);
  assert.throws(() => photoCrops({ ...base, scales: [1.2] }), /scales/);
  assert.throws(() => photoCrops({ ...base, part: 'test' as 'val' }), /part/);
});
