import assert from 'node:assert/strict';
import test from 'node:test';
import { IGNORE } from '../data/types';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { labelMap as map } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { boundaryPixels, kernelEntropy, kernelsOf, outsideShare, sameClassShare, TAPS, UNIFORM_BITS, uniformKernels, type Kernels } from './kernels';

/** Kernels that put everything on one tap. */
function oneHot(height: number, width: number, tap: number): Kernels {
  const weights = new Float32Array(height * width * TAPS);
  for (let i = tap; i < weights.length; i += TAPS) weights[i] = 1;
  return { weights, height, width };
}

test('uniform kernels: the share is the number of taps of the same class, by hand', () => {
  // Six columns, the left three of class 0, the right three of class 1.
  const labels = map(7, 6, (_, x) => (x < 3 ? 0 : 1));
  const { data } = sameClassShare(uniformKernels(7, 6), labels);
  // In row 3 no tap lies above or below the map. Column 0 has 3 columns of class 0 in its window, 1 has 3, 2 has 3; mirrored on the right.
  assertClose(
    data.slice(3 * 6, 4 * 6),
    [15, 15, 15, 15, 15, 15].map((n) => n / 25),
    1e-6,
  );
  // In row 0 three of five rows are on the map.
  assertClose(
    data.slice(0, 6),
    [9, 9, 9, 9, 9, 9].map((n) => n / 25),
    1e-6,
  );
  const outside = outsideShare(uniformKernels(7, 6)).data;
  assertClose([outside[0], outside[3 * 6], outside[3 * 6 + 2], outside[6 * 6 + 5]], [16 / 25, 10 / 25, 0, 16 / 25], 1e-6);
});

test('one class: what is not outside is its own', () => {
  const labels = map(6, 8, () => 4);
  const kernels = uniformKernels(6, 8);
  const own = sameClassShare(kernels, labels).data;
  assertClose(
    own.map((v, i) => v + outsideShare(kernels).data[i]),
    new Float32Array(48).fill(1),
    1e-6,
  );
});

test('one-hot kernels: the share is whether that tap has the class', () => {
  const labels = map(5, 5, (y, x) => (x === 2 && y === 2 ? 7 : 3));
  assert.ok(
    sameClassShare(oneHot(5, 5, 12), labels).data.every((v) => v === 1),
    'the centre is its own class',
  );
  // Tap 13 is the pixel to the right, tap 7 the one above.
  const right = sameClassShare(oneHot(5, 5, 13), labels).data;
  assert.deepEqual([...right.slice(10, 15)], [1, 0, 0, 1, 0]);
  const above = sameClassShare(oneHot(5, 5, 7), labels).data;
  assert.deepEqual(
    [2, 7, 12, 17, 22].map((i) => above[i]),
    [0, 1, 0, 0, 1],
  );
  assert.deepEqual([...outsideShare(oneHot(5, 5, 13)).data.slice(0, 5)], [0, 0, 0, 0, 1]);
});

test('entropy: 0 bits for one tap, 1 for two, log2 25 for all', () => {
  const two = oneHot(2, 2, 3);
  for (let i = 0; i < two.weights.length; i++) if (i % TAPS === 3 || i % TAPS === 20) two.weights[i] = 0.5;
  for (const [kernels, bits] of [
    [oneHot(2, 2, 9), 0],
    [two, 1],
    [uniformKernels(2, 2), UNIFORM_BITS],
  ] as const) {
    assertClose(kernelEntropy(kernels).data, new Float32Array(4).fill(bits), { relative: 1e-6 });
  }
  assertClose(UNIFORM_BITS, 4.643856, 1e-6);
});

test('boundary pixels are those within two pixels of another class', () => {
  const labels = map(3, 10, (_, x) => (x < 5 ? 0 : 1));
  assert.deepEqual([...boundaryPixels(labels).slice(10, 20)], [0, 0, 0, 1, 1, 1, 1, 0, 0, 0]);
  // Taps outside and pixels of no class are no second class.
  assert.ok(boundaryPixels(map(3, 3, (y) => (y === 1 ? IGNORE : 6))).every((v) => v === 0));
  assert.ok(boundaryPixels(map(3, 3, () => IGNORE)).every((v) => v === 0));
});

test("pixels of no class have no share, and are nobody's own class", () => {
  const labels = map(1, 6, (_, x) => (x === 3 ? IGNORE : 0));
  const { data } = sameClassShare(uniformKernels(1, 6), labels);
  assert.ok(Number.isNaN(data[3]));
  assertClose([data[0], data[1], data[5]], [3 / 25, 3 / 25, 2 / 25], 1e-6);
});

test('kernels are read from an attention, labels of the full size fitted to it', async () => {
  await assertNoLeak(async () => {
    const wrong = tf.zeros([1, 2, 3, 9]) as tf.Tensor4D;
    const attention = tf.tidy(() => tf.reshape(tf.range(0, 2 * 2 * 3 * 25), [2, 2, 3, 25])) as tf.Tensor4D;
    const second = await kernelsOf(attention, 1);
    assert.deepEqual([second.height, second.width, second.weights[0], second.weights[26]], [2, 3, 150, 176]);
    await assert.rejects(kernelsOf(attention, 2), /image 2 is not in a batch of 2/);
    await assert.rejects(kernelsOf(wrong), /expected an attention \[B, H, W, 25\], got \[1,2,3,9\]/);
    tf.dispose([attention, wrong]);
  });
  const full = map(4, 6, (y, x) => (x < 2 ? 0 : 1));
  assert.deepEqual([...sameClassShare(oneHot(2, 3, 12), full).data], [1, 1, 1, 1, 1, 1]);
  // At half the size column 0 is of class 0, so that its right neighbour is another.
  assert.deepEqual([...sameClassShare(oneHot(2, 3, 13), full).data], [0, 1, 0, 0, 1, 0]);
});
