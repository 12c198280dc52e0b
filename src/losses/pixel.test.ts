import test from 'node:test';
import { assertClose, checkGradient } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { l1, totalVariation } from './pixel';

test('L1 is the mean absolute difference', () => {
  tf.tidy(() => {
    const [a, b] = [tf.tensor1d([1, -2, 3, 0]), tf.tensor1d([2, 2, 3, 1])];
    assertClose(l1(a, b), 1.5, 1e-7);
    // Two against one: 2, 0 and 1, 1.
    assertClose(l1(tf.tensor2d([[4], [2], [1], [3]]), tf.tensor2d([[2], [2]])), 1, 1e-7);
    assertClose(tf.grad((x) => l1(x, b))(a), [-0.25, -0.25, 0, -0.25], 0);
  });
});

test('total variation by hand', () => {
  tf.tidy(() => {
    // 1 2 4 / 0 5 5: squared vertical differences 1 9 1, horizontal 1 4 25 0.
    const x = tf.tensor4d([1, 2, 4, 0, 5, 5], [1, 2, 3, 1]);
    const expected = 2 * (11 / 3 + 30 / 4);
    assertClose(totalVariation(x), expected, 1e-6);
    // Equal channels leave it as it is, an even image beside halves it.
    assertClose(totalVariation(tf.concat([x, x], 3)), expected, 1e-6);
    assertClose(totalVariation(tf.concat([x, tf.fill([1, 2, 3, 1], 7)])), expected / 2, 1e-6);
  });
});

test('the gradient of total variation agrees with finite differences', () => {
  const x = normalTensor([2, 4, 3, 2], 1);
  checkGradient((a) => totalVariation(a as tf.Tensor4D), [x]);
  x.dispose();
});
