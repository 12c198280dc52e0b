import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertNoLeak, checkGradient } from '../../../proof/testing/close';
import * as tf from '../../engine/tf';
import { pixelShuffle } from './pixel_shuffle';

test('the channels (c, dy, dx) become pixels, as by hand', () => {
  // One row of two pixels with 8 channels: two colours of 2x2 each. Channel 4*c + 2*dy + dx of pixel x becomes row dy, column 2*x + dx, colour c.
  const x = tf.tensor4d([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33], [1, 1, 2, 8]);
  const y = pixelShuffle(x, 2);
  assert.deepEqual(y.shape, [1, 2, 4, 2]);
  const colour = (c: number) => tf.squeeze(tf.slice(y, [0, 0, 0, c], [1, 2, 4, 1])).arraySync();
  assert.deepEqual(colour(0), [
    [0, 1, 20, 21],
    [2, 3, 22, 23],
  ]);
  assert.deepEqual(colour(1), [
    [10, 11, 30, 31],
    [12, 13, 32, 33],
  ]);
});

test('a factor of 3 on a batch keeps images apart', () => {
  const x = tf.reshape(tf.range(0, 2 * 9), [2, 1, 1, 9]) as tf.Tensor4D;
  const y = pixelShuffle(x, 3);
  assert.deepEqual(y.shape, [2, 3, 3, 1]);
  assert.deepEqual(
    Array.from(y.dataSync()),
    Array.from({ length: 18 }, (_, i) => i),
  );
});

test('its gradient puts every number back where it came from', async () => {
  const x = tf.randomNormal([2, 3, 2, 12], 0, 1, 'float32', 3);
  checkGradient((t) => pixelShuffle(t as tf.Tensor4D, 2), [x]);
  await assertNoLeak(() => tf.dispose(tf.grad((t) => tf.sum(tf.square(pixelShuffle(t as tf.Tensor4D, 2))))(x)));
});

test('a channel count that does not fit is refused', () => {
  assert.throws(() => pixelShuffle(tf.zeros([1, 2, 2, 6]), 2), /6 channels are not a multiple of 4/);
});
