import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE, type LabelMap } from '../../data/types';
import { UserError } from '../../common/errors';
import { assertNoLeak, normals } from '../../../proof/testing/close';
import { labelMap } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { LabelPyramid } from './label_pyramid';
import { distinctWindows } from './label_windows';

const CLASSES = 29;
const noise = (height: number, width: number, kinds: number, seed: number) => {
  const next = normals(seed);
  return labelMap(height, width, () => {
    const v = Math.floor(Math.abs(next()) * 1e6) % (kinds + 1);
    return v === kinds ? IGNORE : v;
  });
};

test("levels take the original's source pixels", () => {
  // What Jittor's nearest interpolation picked: floor(i * in / out).
  for (const [from, factor, expected] of [
    [192, 32, [0, 32, 64, 96, 128, 160]],
    [192, 16, [0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176]],
    [64, 32, [0, 32]],
  ] as const) {
    for (const [height, width] of [
      [from, factor],
      [factor, from],
    ]) {
      const along = labelMap(height, width, (y, x) => (height === from ? y : x));
      const pyramid = new LabelPyramid([along], 192, { factors: [factor] });
      const labels = pyramid.at(height / factor, width / factor).oneHot.argMax(3);
      assert.deepEqual([...labels.dataSync()], [...expected], `${height}x${width}`);
      labels.dispose();
      pyramid.dispose();
    }
  }
});

test('levels: sizes, one-hot rows, ignored pixels as zeros, neighbourhoods only where they pay', () => {
  const scene = labelMap(64, 64, (y, x) => (y < 31 ? 1 : x < 21 ? IGNORE : 28));
  const pyramid = new LabelPyramid([scene, scene], CLASSES, { factors: [1, 2] });
  assert.deepEqual(pyramid.present, [1, 28]);
  assert.equal(pyramid.batch, 2);
  const full = pyramid.at(64, 64);
  assert.deepEqual(full.oneHot.shape, [2, 64, 64, 29]);
  const oneHot = full.oneHot.dataSync() as Float32Array;
  scene.data.forEach((label, i) => {
    const row = oneHot.subarray((4096 + i) * 29, (4096 + i + 1) * 29);
    assert.equal(
      row.reduce((a, b) => a + b),
      label === IGNORE ? 0 : 1,
    );
    if (label !== IGNORE) assert.equal(row[label], 1);
  });
  // Pixel (y, x) at half the size is (2y, 2x): rows 0..15 lie above 31, columns 0..10 left of 21.
  const half = tf.tidy(() => tf.matMul(tf.reshape(pyramid.at(32, 32).oneHot, [-1, 29]), tf.range(0, 29).reshape([29, 1])).dataSync());
  const expected = labelMap(32, 32, (y, x) => (y < 16 ? 1 : x < 11 ? 0 : 28));
  assert.deepEqual([...half], [...expected.data, ...expected.data]);
  const { neighbourhoods } = full;
  const [wide, windows] = [5, 3].map((size) => distinctWindows([scene, scene], CLASSES, size, 'outside'));
  assert.equal(neighbourhoods?.count, wide.count);
  // Two classes stand in the maps: two columns a position.
  assert.deepEqual(neighbourhoods!.windows.oneHot.shape, [windows.count, 9 * 2]);
  assert.deepEqual([...neighbourhoods!.windows.columns.dataSync()].slice(0, 3), [1, 28, 29 + 1]);
  // The windows in a neighbourhood are those around its inner pixels; outside stands for one more.
  const inner = neighbourhoods!.inner.dataSync();
  for (const [y, x] of [
    [0, 0],
    [31, 20],
    [63, 5],
  ]) {
    for (let k = 0; k < 9; k++) {
      const [v, u] = [y + Math.floor(k / 3) - 1, x + (k % 3) - 1];
      const within = v >= 0 && v < 64 && u >= 0;
      assert.equal(inner[wide.index[y * 64 + x] * 9 + k], within ? windows.index[v * 64 + u] : windows.count);
    }
  }
  assert.throws(() => pyramid.at(16, 16), /no level of 16x16/);
  pyramid.dispose();
  // Of 2x2 pixels every one has another border around it.
  const tiny = new LabelPyramid([labelMap(2, 2, () => 1)], CLASSES);
  assert.equal(tiny.at(2, 2).neighbourhoods, undefined);
  tiny.dispose();
});

test('wrong label maps are named', () => {
  const make =
    (...maps: LabelMap[]) =>
    () =>
      new LabelPyramid(maps, CLASSES);
  const throwsUserError = (f: () => unknown, message: RegExp) => assert.throws(f, (e) => e instanceof UserError && message.test(e.message));
  throwsUserError(make(labelMap(4, 4, (y, x) => (y === 2 && x === 3 ? 29 : 0))), /value 29; the classes go from 0 to 28/);
  throwsUserError(make(labelMap(4, 4, () => 254)), /value 254/);
  throwsUserError(
    make(
      labelMap(4, 4, () => 0),
      labelMap(4, 5, () => 0),
    ),
    /differ in size/,
  );
  throwsUserError(make(), /no label map/);
});

test('dispose frees everything', async () => {
  await assertNoLeak(() => new LabelPyramid([noise(32, 32, 3, 1)], CLASSES, { factors: [1, 2, 4] }).dispose());
  await assertNoLeak(() => new LabelPyramid([labelMap(32, 32, () => 3)], CLASSES, { factors: [1, 2, 4], entryKernel: 7 }).dispose());
});
