import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE, type LabelMap } from '../data/types';
import { UserError } from '../errors';
import { assertNoLeak, normals } from '../testing/close';
import { labelMap } from '../testing/toy';
import * as tf from '../tf';
import { LabelPyramid, distinctNeighbourhoods } from './label_pyramid';

const CLASSES = 29;
const IGNORED = CLASSES;
const OUTSIDE = CLASSES + 1;

/** Every pixel's 5x5 window, by the definition. */
function windows(maps: readonly LabelMap[]): number[][] {
  return maps.flatMap(({ data, height, width }) =>
    Array.from(data, (_, i) => {
      const window: number[] = [];
      for (let dy = -2; dy <= 2; dy++) {
        for (let dx = -2; dx <= 2; dx++) {
          const [y, x] = [Math.floor(i / width) + dy, (i % width) + dx];
          const within = y >= 0 && y < height && x >= 0 && x < width;
          const label = within ? data[y * width + x] : OUTSIDE;
          window.push(label === IGNORE ? IGNORED : label);
        }
      }
      return window;
    }),
  );
}

const noise = (height: number, width: number, kinds: number, seed: number) => {
  const next = normals(seed);
  return labelMap(height, width, () => {
    const v = Math.floor(Math.abs(next()) * 1e6) % (kinds + 1);
    return v === kinds ? IGNORE : v;
  });
};

const MAPS: Record<string, LabelMap[]> = {
  'two regions': [labelMap(12, 17, (y, x) => (y > 4 + (x >> 2) ? 3 : 28))],
  'one class': [labelMap(9, 8, () => 5)],
  'noise of two classes and ignored pixels': [noise(16, 13, 2, 1)],
  'noise of all classes, two maps': [noise(10, 12, 29, 2), noise(10, 12, 29, 3)],
  'two maps that share windows': [labelMap(8, 9, (y) => (y < 4 ? 1 : 2)), labelMap(8, 9, (y) => (y < 3 ? 1 : 2))],
  'smaller than a window': [noise(2, 3, 3, 4), noise(2, 3, 1, 5)],
  'one pixel': [labelMap(1, 1, () => IGNORE)],
};

test('the distinct neighbourhoods are those that text keys count, and each pixel finds its own', () => {
  for (const [name, maps] of Object.entries(MAPS)) {
    const all = windows(maps);
    const found = distinctNeighbourhoods(maps, CLASSES);
    assert.equal(found.count, new Set(all.map((w) => w.join())).size, name);
    assert.equal(found.index.length, all.length);
    all.forEach((window, i) => {
      const u = found.index[i];
      assert.deepEqual([...found.codes.subarray(u * 25, u * 25 + 25)], window, `${name}, pixel ${i}`);
      const inner = [6, 7, 8, 11, 12, 13, 16, 17, 18].map((k) => (window[k] === OUTSIDE ? 0 : 1));
      assert.deepEqual([...found.inside.subarray(u * 9, u * 9 + 9)], inner, `${name}, pixel ${i}`);
    });
  }
  // One class alone: 5 rows by 5 columns of distances to the border.
  assert.equal(distinctNeighbourhoods(MAPS['one class'], CLASSES).count, 25);
});

test('levels take the original\'s source pixels', () => {
  // What Jittor's nearest interpolation picked: floor(i * in / out).
  for (const [from, factor, expected] of [
    [192, 32, [0, 32, 64, 96, 128, 160]],
    [192, 16, [0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176]],
    [64, 32, [0, 32]],
  ] as const) {
    for (const [height, width] of [[from, factor], [factor, from]]) {
      const along = labelMap(height, width, (y, x) => (height === from ? y : x));
      const pyramid = new LabelPyramid([along], 192, [factor]);
      const labels = pyramid.at(height / factor, width / factor).oneHot.argMax(3);
      assert.deepEqual([...labels.dataSync()], [...expected], `${height}x${width}`);
      labels.dispose();
      pyramid.dispose();
    }
  }
});

test('levels: sizes, one-hot rows, ignored pixels as zeros, neighbourhoods only where they pay', () => {
  const scene = labelMap(64, 64, (y, x) => (y < 31 ? 1 : x < 21 ? IGNORE : 28));
  const pyramid = new LabelPyramid([scene, scene], CLASSES, [1, 2]);
  assert.deepEqual(pyramid.present, [1, 28]);
  assert.equal(pyramid.batch, 2);
  const full = pyramid.at(64, 64);
  assert.deepEqual(full.oneHot.shape, [2, 64, 64, 29]);
  const oneHot = full.oneHot.dataSync() as Float32Array;
  scene.data.forEach((label, i) => {
    const row = oneHot.subarray((4096 + i) * 29, (4096 + i + 1) * 29);
    assert.equal(row.reduce((a, b) => a + b), label === IGNORE ? 0 : 1);
    if (label !== IGNORE) assert.equal(row[label], 1);
  });
  // Pixel (y, x) at half the size is (2y, 2x): rows 0..15 lie above 31, columns 0..10 left of 21.
  const half = tf.tidy(() => tf.matMul(tf.reshape(pyramid.at(32, 32).oneHot, [-1, 29]), tf.range(0, 29).reshape([29, 1])).dataSync());
  const expected = labelMap(32, 32, (y, x) => (y < 16 ? 1 : x < 11 ? 0 : 28));
  assert.deepEqual([...half], [...expected.data, ...expected.data]);
  const { neighbourhoods } = full;
  assert.equal(neighbourhoods?.count, distinctNeighbourhoods([scene, scene], CLASSES).count);
  assert.deepEqual(neighbourhoods!.oneHot.shape, [neighbourhoods!.count, 5, 5, 29]);
  assert.deepEqual(neighbourhoods!.inside.shape, [neighbourhoods!.count, 3, 3, 1]);
  assert.equal(neighbourhoods!.index.dtype, 'int32');
  assert.throws(() => pyramid.at(16, 16), /no level of 16x16/);
  pyramid.dispose();
  // Of 2x2 pixels every one has another border around it.
  const tiny = new LabelPyramid([labelMap(2, 2, () => 1)], CLASSES);
  assert.equal(tiny.at(2, 2).neighbourhoods, undefined);
  tiny.dispose();
});

test('wrong label maps are named', () => {
  const make = (...maps: LabelMap[]) => () => new LabelPyramid(maps, CLASSES);
  const throwsUserError = (f: () => unknown, message: RegExp) =>
    assert.throws(f, (e) => e instanceof UserError && message.test(e.message));
  throwsUserError(make(labelMap(4, 4, (y, x) => (y === 2 && x === 3 ? 29 : 0))), /value 29; the classes go from 0 to 28/);
  throwsUserError(make(labelMap(4, 4, () => 254)), /value 254/);
  throwsUserError(make(labelMap(4, 4, () => 0), labelMap(4, 5, () => 0)), /differ in size/);
  throwsUserError(make(), /no label map/);
});

test('dispose frees everything', async () => {
  await assertNoLeak(() => new LabelPyramid([noise(32, 32, 3, 1)], CLASSES, [1, 2, 4]).dispose());
  await assertNoLeak(() => new LabelPyramid([labelMap(32, 32, () => 3)], CLASSES, [1, 2, 4]).dispose());
});
