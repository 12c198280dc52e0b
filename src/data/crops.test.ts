import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CLASS_NAMES, NUM_CLASSES } from '../classes';
import { UserError } from '../common/errors';
import { CropBatches, centreCrops, heldOutCrops, partColumns, srCrops } from './crops';
import { memoryPairs, readAll } from './dataset';
import { photographs } from './carried';
import { SYNONYMS } from './synonyms';
import type { Pair, PairDataset, Size } from './types';

/** A picture whose red says the column, whose green the row; class 12 in the upper half, 8 below, a spot of 16. */
function chart(height = 60, width = 100): PairDataset {
  const image = { data: new Uint8Array(height * width * 3), height, width };
  const labels = { data: new Uint8Array(height * width), height, width };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      image.data.set([x * 2, y * 4, 7], (y * width + x) * 3);
      labels.data[y * width + x] = x < 2 && y < 2 ? 16 : y < height / 2 ? 12 : 8;
    }
  }
  const pair: Pair = { name: 'chart', image, labels };
  return memoryPairs([pair], 'a chart');
}

const bytes = (v: number) => Math.round((v / 2 + 0.5) * 255);

test('windows keep image and labels together, and never see the held-out strip', async () => {
  const size: Size = [12, 16];
  const batches = await CropBatches.of(chart(), { imageSize: size, batchSize: 8, seed: 5 });
  assert.equal(batches.batchesPerEpoch, 8);
  let [widest, mirrored] = [0, 0];
  for (let n = 0; n < 20; n++) {
    const { images, labels } = await batches.next();
    for (let b = 0; b < 8; b++) {
      const red = (y: number, x: number) => bytes(images[((b * size[0] + y) * size[1] + x) * 3]);
      const green = (y: number, x: number) => bytes(images[((b * size[0] + y) * size[1] + x) * 3 + 1]);
      const range = Math.abs(red(6, 15) - red(6, 0)) / 2;
      widest = Math.max(widest, range);
      if (red(6, 0) > red(6, 15)) mirrored++;
      for (let y = 0; y < size[0]; y++) {
        for (let x = 0; x < size[1]; x++) {
          // Bicubic overshoots at no ramp by more than a column; the strip begins at column 75.
          assert.ok(red(y, x) <= 150, `column ${red(y, x) / 2}`);
          const row = green(y, x) / 4;
          const label = labels[b].data[y * size[1] + x];
          // Two pixels of slack where the halves meet: nearest and bicubic place them apart by up to one.
          if (row < 27 && row > 4) assert.equal(label, 12);
          if (row > 33) assert.equal(label, 8);
        }
      }
    }
  }
  assert.ok(widest > 60, `the widest window spans ${widest} of 75 columns`);
  assert.ok(mirrored > 40 && mirrored < 120, `${mirrored} of 160 mirrored`);
});

test('rare classes are seen more often where balance asks for it; the same seed gives the same batches, also when taken up again', async () => {
  const seen = async (balance: number) => {
    const batches = await CropBatches.of(chart(), { imageSize: [12, 16], batchSize: 1, balance, minHeight: 0.2 });
    let count = 0;
    for (let n = 0; n < 100; n++) if ((await batches.next()).labels[0].data.includes(16)) count++;
    return count;
  };
  assert.ok((await seen(0.8)) > 2 * (await seen(0)) + 10);

  const a = await CropBatches.of(photographs(), { imageSize: [24, 32], seed: 4 });
  const b = await CropBatches.of(photographs(), { imageSize: [24, 32], seed: 4 });
  await a.next();
  b.restore(JSON.parse(JSON.stringify(a.state())));
  assert.deepEqual(await a.next(), await b.next());
});

test('synonyms rename a class in a whole window', async () => {
  const batches = await CropBatches.of(chart(), { imageSize: [12, 16], batchSize: 1, synonyms: SYNONYMS, minHeight: 0.9, balance: 0 });
  const found = new Set<string>();
  for (let n = 0; n < 60; n++) {
    const { labels } = await batches.next();
    const classes = [...new Set(labels[0].data)].map((c) => CLASS_NAMES[c]);
    const water = classes.filter((c) => SYNONYMS.river.includes(c));
    assert.equal(water.length, 1);
    water.forEach((c) => found.add(c));
    assert.ok(classes.every((c) => c === 'waterfall' || c === 'grass' || c === 'field' || SYNONYMS.river.includes(c)));
  }
  assert.deepEqual([...found].sort(), [...SYNONYMS.river].sort());
});

test('held-out windows and pictures for RCAN come from the two sides of one border', async () => {
  const crops = await heldOutCrops(chart(), [12, 16], { count: 3 });
  assert.deepEqual(crops.names, ['chart_1', 'chart_2', 'chart_3']);
  for (let i = 0; i < crops.length; i++) {
    const { image } = await crops.at(i);
    for (let p = 0; p < image.data.length; p += 3) assert.ok(image.data[p] >= 148);
  }
  assert.deepEqual(partColumns('train', 1024), [0, 768]);
  assert.deepEqual(partColumns('held-out', 1024), [768, 1024]);
  const train = await srCrops(chart(), 'train');
  assert.deepEqual(train.names, ['chart@1', 'chart@0.75', 'chart@0.5']);
  for (let i = 0; i < train.length; i++) {
    const { low, high } = await train.at(i);
    assert.deepEqual([high.height, high.width], [2 * low.height, 2 * low.width]);
    for (let p = 0; p < high.data.length; p += 3) assert.ok(high.data[p] <= 148);
  }
  const held = await (await srCrops(chart(), 'held-out')).at(0);
  assert.ok(held.high.data[0] === 150 && held.high.width === 24);
});

test('the photographs give windows of known classes; settings that cannot be are refused', async () => {
  const { labels } = await (await CropBatches.of(photographs(), { imageSize: [24, 32], batchSize: 4 })).next();
  assert.ok(labels.every((l) => l.data.every((c) => c < NUM_CLASSES)));
  await assert.rejects(CropBatches.of(chart(), { minHeight: 0 }), UserError);
  await assert.rejects(CropBatches.of(chart(), { balance: 2 }), /balance/);
  await assert.rejects(CropBatches.of(chart(), { synonyms: { grass: ['lawn'] } }), /no class 'lawn'/);
  await assert.rejects(heldOutCrops(chart(), [12, 16], { heldOut: 0 }), /no held-out part/);
});

test('the middle of a pair, in the shape asked for, without squeezing', async () => {
  // Columns are told by red, rows by green.
  const image = {
    height: 40,
    width: 40,
    data: Uint8Array.from({ length: 4800 }, (_, i) => (i % 3 === 0 ? Math.floor(i / 3) % 40 : i % 3 === 1 ? Math.floor(i / 120) : 0)),
  };
  const labels = { height: 40, width: 40, data: new Uint8Array(1600).fill(3) };
  const [pair] = await readAll(centreCrops(memoryPairs([{ name: 'a', image, labels }], 'test'), [30, 40]));
  assert.deepEqual([pair.image.height, pair.image.width, pair.labels.data.length], [30, 40, 1200]);
  assert.deepEqual([...pair.image.data.slice(0, 6)], [0, 5, 0, 1, 5, 0]);
  assert.deepEqual([...pair.image.data.slice(-3)], [39, 34, 0]);
});
