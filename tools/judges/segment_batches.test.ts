import assert from 'node:assert/strict';
import test from 'node:test';
import { memoryPairs } from '../../src/data/dataset';
import { SegmentBatches } from './segment_batches';
import { IGNORE, type Pair } from '../../src/data/types';

/** Red says the column, green the row; the classes are quarters, the last row has none. */
function chart(n: number, height = 32, width = 48): Pair {
  const data = new Uint8Array(height * width * 3);
  const labels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set([5 * x, 7 * y, 10 * n], (y * width + x) * 3);
      labels[y * width + x] = y === height - 1 ? IGNORE : (y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1);
    }
  }
  return { name: `chart${n}`, image: { data, height, width }, labels: { data: labels, height, width } };
}
const set = memoryPairs(
  [0, 1, 2, 3, 4].map((n) => chart(n)),
  'charts',
);

test('a whole picture in its own light is the picture, mirrored or not, with the class in the middle of each block', async () => {
  const batches = new SegmentBatches(set, { window: [32, 48], block: 2, batchSize: 1, smallest: 1, jitter: 0 });
  const seen = new Set<boolean>();
  for (let i = 0; i < 20; i++) {
    const { images, labels } = await batches.next();
    const mirrored = images[0] > images[47 * 3];
    seen.add(mirrored);
    const column = (x: number) => (mirrored ? 47 - x : x);
    const n = Math.round((images[2] + 1) * 12.75);
    const { image, labels: map } = chart(n);
    for (let y = 0; y < 32; y++) {
      for (let x = 0; x < 48; x++) {
        const at = (y * 48 + column(x)) * 3;
        for (let k = 0; k < 3; k++) assert.ok(Math.abs(images[(y * 48 + x) * 3 + k] - (image.data[at + k] / 127.5 - 1)) < 1e-6);
      }
    }
    // The pixel after the middle of each block of two.
    for (let y = 0; y < 16; y++) for (let x = 0; x < 24; x++) assert.equal(labels[y * 24 + x], map.data[(2 * y + 1) * 48 + 2 * (mirrored ? 23 - x : x) + 1]);
  }
  assert.equal(seen.size, 2);
});

test('a window is a linear piece of a linear picture, and its labels lie where its colours say', async () => {
  const batches = new SegmentBatches(set, { window: [8, 16], block: 2, batchSize: 1, smallest: 0.3, jitter: 0 });
  const scales: number[] = [];
  for (let i = 0; i < 30; i++) {
    const { images, labels } = await batches.next();
    const place = (y: number, x: number) => {
      const [red, green] = [0, 1].map((k) => (images[(y * 16 + x) * 3 + k] + 1) * 127.5);
      return { x: red / 5, y: green / 7 };
    };
    const scale = Math.abs(place(4, 12).x - place(4, 4).x) / 8;
    scales.push(scale);
    assert.ok(Math.abs(place(6, 8).y - place(2, 8).y - 4 * scale) < 1e-3, 'as high as it is wide');
    for (const [y, x] of [
      [2, 4],
      [1, 6],
      [2, 2],
    ]) {
      const [a, b] = [place(2 * y, 2 * x), place(2 * y + 1, 2 * x + 1)];
      const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
      // Centres of pixels lie at halves in label maps, at whole numbers in what a linear picture tells.
      const [row, column] = [Math.floor(middle.y + 0.5), Math.floor(middle.x + 0.5)];
      if ([row + 1, column + 1].some((v) => Math.abs(v - (v > 17 ? 24 : 16)) < 2)) continue;
      assert.equal(labels[y * 8 + x], row === 31 ? IGNORE : (row < 16 ? 0 : 2) + (column < 24 ? 0 : 1));
    }
  }
  // 48 / 16 = 3 source pixels at most, 0.3 of it at least.
  assert.ok(Math.min(...scales) >= 0.89 && Math.max(...scales) <= 3.01 && Math.max(...scales) > 2 && Math.min(...scales) < 1.5, scales.join(' '));
});

test('light changes colours and leaves the classes', async () => {
  const options = { window: [32, 48] as const, block: 4, batchSize: 5, smallest: 1 };
  const [plain, lit] = [await new SegmentBatches(set, { ...options, jitter: 0 }).next(), await new SegmentBatches(set, { ...options, jitter: 1 }).next()];
  assert.deepEqual(lit.labels, plain.labels);
  const difference = lit.images.reduce((s, v, i) => s + Math.abs(v - plain.images[i]), 0) / lit.images.length;
  assert.ok(difference > 0.05 && lit.images.every((v) => Math.abs(v) < 3), `${difference}`);
});

test('a sequence that is taken up goes on as it would have; other settings are refused', async () => {
  const options = { window: [16, 16] as const, block: 2, batchSize: 2 };
  const whole = new SegmentBatches(set, options);
  for (let i = 0; i < 3; i++) await whole.next();
  const state = whole.state();
  const resumed = new SegmentBatches(set, options);
  resumed.restore(JSON.parse(JSON.stringify(state)));
  for (let i = 0; i < 4; i++) assert.deepEqual(await resumed.next(), await whole.next());
  assert.throws(() => new SegmentBatches(set, { ...options, window: [15, 16] }), /15x16 has to be multiples of 2/);
  assert.throws(() => new SegmentBatches(set, { ...options, smallest: 0 }), /smallest: expected more than 0/);
  assert.throws(() => new SegmentBatches(set, { ...options, jitter: 3 }), /jitter: expected 0 to 2/);
});
