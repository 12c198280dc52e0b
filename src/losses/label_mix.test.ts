import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, checkGradient } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import { Random } from '../common/random';
import * as tf from '../engine/tf';
import { drawSides, labelMix, mixConsistency, mixMask } from './label_mix';
import { pixelShares } from './segmentation';

/** Labels 0 1 and 1 2, and a pixel without a class. */
const oneHot = () =>
  tf.tensor4d(
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 0],
      [0, 0, 1],
      [0, 0, 0],
      [1, 0, 0],
    ].flat(),
    [2, 1, 3, 3],
  );

test('the pixels of a class come all from the photos or all from the paintings, those without a class from the paintings', () => {
  tf.tidy(() => {
    const mask = mixMask(oneHot(), tf.tensor1d([1, 0, 1]));
    assertClose(mask, [1, 0, 0, 1, 0, 1], 0);
    const photos = normalTensor([2, 1, 3, 4], 1);
    const paintings = normalTensor([2, 1, 3, 4], 2);
    const [a, b, mixed] = [photos, paintings, labelMix(photos, paintings, mask)].map((t) => t.arraySync() as number[][][][]);
    [1, 0, 0, 1, 0, 1].forEach((side, i) => {
      const [image, x] = [Math.floor(i / 3), i % 3];
      const from = side ? a : b;
      assertClose(tf.tensor1d(mixed[image][0][x]), from[image][0][x], 1e-6);
    });
  });
});

test('by hand: the mean square of the difference, none where the logits mix as the images do', () => {
  tf.tidy(() => {
    const mask = tf.tensor4d([1, 0], [1, 1, 2, 1]);
    const photos = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
    const paintings = tf.tensor4d([5, 6, 7, 8], [1, 1, 2, 2]);
    const even = tf.fill([1, 1, 2, 1], 0.5) as tf.Tensor4D;
    assertClose(mixConsistency(tf.tensor4d([1, 2, 7, 8], [1, 1, 2, 2]), photos, paintings, mask, even), 0, 0);
    // Off by 2, 0, 0 and -4.
    const off = tf.tensor4d([3, 2, 7, 4], [1, 1, 2, 2]);
    assertClose(mixConsistency(off, photos, paintings, mask, even), 5, 1e-6);
    // A pixel without a class counts nothing.
    const first = pixelShares(tf.tensor4d([0, 1, 0, 0, 0, 0], [1, 1, 2, 3]));
    assertClose(first, [1, 0], 0);
    assertClose(mixConsistency(off, photos, paintings, mask, first), 2, 1e-6);
  });
});

test('the gradient goes to all three', () => {
  const mask = tf.tensor4d([1, 0, 0, 1], [1, 2, 2, 1]);
  const logits = [1, 2, 3].map((seed) => normalTensor([1, 2, 2, 3], seed));
  const shares = tf.fill([1, 2, 2, 1], 0.25) as tf.Tensor4D;
  checkGradient((a, b, c) => mixConsistency(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor4D, mask, shares), logits);
  tf.dispose([mask, shares, ...logits]);
});

test('sides are fair coins of a seed', () => {
  const sides = Array.from({ length: 200 }, (_, i) => tf.tidy(() => Array.from(drawSides(new Random(i), 29).dataSync())));
  assert.ok(sides.flat().every((s) => s === 0 || s === 1));
  const share = sides.flat().reduce((a, s) => a + s, 0) / (200 * 29);
  assert.ok(Math.abs(share - 0.5) < 0.03, String(share));
  assert.deepEqual(
    tf.tidy(() => Array.from(drawSides(new Random(7), 29).dataSync())),
    sides[7],
  );
});
