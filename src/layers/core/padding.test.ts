import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../../proof/testing/close';
import { normalTensor } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { pad2d } from './padding';

/** Jittor's ReflectionPad2d(3) of 0..4. */
const REFLECTED = [3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1];

test("reflection has the original's values along both axes", () => {
  tf.tidy(() => {
    const ramp = tf.range(0, 5);
    const columns = tf.tile(tf.reshape(ramp, [1, 1, 5, 1]), [1, 5, 1, 1]) as tf.Tensor4D;
    const rows = tf.tile(tf.reshape(ramp, [1, 5, 1, 1]), [1, 1, 5, 1]) as tf.Tensor4D;
    const expected = REFLECTED.flatMap((y) => REFLECTED.map((x) => [y, x])).flat();
    assertClose(pad2d(tf.concat([rows, columns], 3), 3, 'reflect'), expected, 0);
  });
});

test('the gradient of a sum counts how often reflection repeats each pixel', () => {
  tf.tidy(() => {
    const gradient = tf.grad((x) => tf.sum(pad2d(x as tf.Tensor4D, 1, 'reflect')))(tf.zeros([1, 3, 3, 1]));
    assertClose(gradient, [1, 3, 1, 3, 9, 3, 1, 3, 1], 0);
  });
});

test('gradients agree with finite differences, also where the padding is as wide as it can be', () => {
  const x = normalTensor([2, 4, 5, 3], 1);
  checkGradient((a) => pad2d(a as tf.Tensor4D, 3, 'reflect'), [x]);
  checkGradient((a) => pad2d(a as tf.Tensor4D, 2, 'zeros'), [x]);
  x.dispose();
});

test('zeros are added on every side', () => {
  tf.tidy(() => {
    const x = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);
    assertClose(pad2d(x, 1, 'zeros'), [0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0], 0);
    assertClose(pad2d(x, 0, 'reflect'), x, 0);
  });
});

test('no tensor is left', async () => {
  const x = normalTensor([1, 4, 4, 2], 1);
  await assertNoLeak(() => tf.dispose([pad2d(x, 3, 'reflect'), tf.grad((a) => tf.sum(pad2d(a as tf.Tensor4D, 3, 'reflect')))(x)]));
  x.dispose();
});
