import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { discriminatorLosses, fakeHinge, featureMatching, generatorHinge, realHinge } from './adversarial';

const row = (...values: number[]) => tf.tensor4d(values, [1, 1, values.length, 1]);

test('hinge losses by hand: the mean over the patches of a scale, then over the scales; only the last layer counts', () => {
  tf.tidy(() => {
    // Scores 1 and -3, and 0.5; the features before them must not matter.
    const scales = [
      [row(100), row(1, -3)],
      [row(-100), row(0.5)],
    ];
    assertClose(generatorHinge(scales), (1 - 0.5) / 2, 1e-7);
    assertClose(fakeHinge(scales), ((2 + 0) / 2 + 1.5) / 2, 1e-7);
    assertClose(realHinge(scales), ((0 + 4) / 2 + 0.5) / 2, 1e-7);
  });
});

test('feature matching by hand: mean differences summed over the layers but the last, mean over the scales', () => {
  tf.tidy(() => {
    const fake = [
      [row(1, 2), row(3), row(9)],
      [row(0, 0, 3), row(4), row(9)],
    ];
    const real = [
      [row(2, 4), row(1), row(-9)],
      [row(0, 0, 0), row(4), row(-9)],
    ];
    assertClose(featureMatching(fake, real), (1.5 + 2 + 1 + 0) / 2, 1e-7);
  });
});

test('feature matching of two images against one photo; the photo carries no gradient', () => {
  tf.tidy(() => {
    const real = row(2, 4);
    const fake = tf.tensor4d([1, 5, 2, 7], [2, 1, 2, 1]);
    const match = (f: tf.Tensor, r: tf.Tensor) => featureMatching([[f as tf.Tensor4D, row(0)]], [[r as tf.Tensor4D, row(0)]]);
    assertClose(match(fake, real), (1 + 1 + 0 + 3) / 4, 0);
    assertClose(tf.grad((f) => match(f, real))(fake), [-0.25, 0.25, 0, 0.25], 0);
    assert.throws(() => tf.grad((r) => match(fake, r))(real), /Cannot compute gradient/);
  });
});

test('a second opinion adds its own hinge loss, mean over its sizes; of two images for a photo twice', () => {
  tf.tidy(() => {
    const oneHot = tf.ones([1, 1, 1, 1]) as tf.Tensor4D;
    const two = (a: number, b: number) => tf.tensor4d([a, b], [2, 1, 1, 1]);
    const fake = { said: [[two(1, 0)]], projected: [two(-2, 0), two(1, 2)] };
    const real = { said: [[row(0.5)]], projected: [row(3), row(-1)] };
    const [generated, natural] = discriminatorLosses(fake, real, oneHot);
    assertClose(generated, 2 * ((2 + 1) / 2 + ((0 + 1) / 2 + (2 + 3) / 2) / 2), 1e-7);
    assertClose(natural, 2 * (0.5 + (0 + 2) / 2), 1e-7);
  });
});

test('no tensor is left', async () => {
  await assertNoLeak(() => tf.tidy(() => void featureMatching([[row(1), row(2)]], [[row(2), row(2)]])));
});
