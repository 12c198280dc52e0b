import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, checkGradient } from '../../../proof/testing/close';
import { normalTensor, scatter } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { Convolution, convolve } from './convolution';
import { pad2d } from './padding';
import { Parameters } from './parameters';

const square = (values: number[]) => tf.tensor4d(values, [1, Math.sqrt(values.length), Math.sqrt(values.length), 1]);
const kernel = (values: number[]) => tf.tensor4d(values, [Math.sqrt(values.length), Math.sqrt(values.length), 1, 1]);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

test('stride 2 with padding 1 starts at the first pixel, as in PyTorch (TensorFlow\'s "same" at the second)', () => {
  tf.tidy(() => {
    const x = square(range(0, 16));
    // At (0, 0): 5*0 + 6*1 + 8*4 + 9*5 = 83, where "same" would have the whole kernel on 0..10.
    assertClose(convolve(x, kernel(range(1, 10)), { stride: 2, padding: 1 }), [83, 178, 330, 528], 0);
    assertClose(convolve(x, kernel([0, 0, 0, 0, 1, 0, 0, 0, 0]), { stride: 2, padding: 1 }), [0, 2, 8, 10], 0);
  });
});

test('reflection of the border enters the sum', () => {
  tf.tidy(() => {
    // In the corner: 5 4 5, 2 1 2, 5 4 5.
    const y = convolve(square(range(1, 10)), kernel(Array(9).fill(1)), { padding: 1, paddingMode: 'reflect' });
    assertClose(y, [33, 36, 39, 42, 45, 48, 51, 54, 57], 0);
  });
});

test('zero padding by half a kernel is the same with and without the short way', () => {
  tf.tidy(() => {
    const [x, weight] = [normalTensor([2, 5, 6, 3], 1), normalTensor([3, 3, 3, 4], 2)];
    assertClose(convolve(x, weight, { padding: 1 }), tf.conv2d(pad2d(x, 1, 'zeros'), weight, 1, 'valid'), 1e-6);
  });
});

test("4x4 kernels with padding 2 make the discriminator's sizes", () => {
  tf.tidy(() => {
    const weight = tf.ones([4, 4, 1, 1]) as tf.Tensor4D;
    const sizes = (h: number, w: number, stride: number) => convolve(tf.ones([1, h, w, 1]), weight, { stride, padding: 2 }).shape.slice(1, 3);
    // The shapes of the original's features of a 64x96 image.
    assert.deepEqual(sizes(64, 96, 2), [33, 49]);
    assert.deepEqual(sizes(33, 49, 2), [17, 25]);
    assert.deepEqual(sizes(17, 25, 2), [9, 13]);
    assert.deepEqual(sizes(9, 13, 1), [10, 14]);
  });
});

test('a convolution mixes channels, adds its bias, and takes another kernel in place of its own', () => {
  const p = new Parameters();
  const conv = new Convolution(p.scope('a.b'), 2, 3, { kernel: 1, weightName: 'weight_orig' });
  assert.deepEqual(
    p.entries().map((e) => e.name),
    ['a.b.weight_orig', 'a.b.bias'],
  );
  tf.tidy(() => {
    conv.weight.assign(tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 1, 2, 3]));
    conv.bias!.assign(tf.tensor1d([10, 20, 30]));
    const x = tf.tensor4d([1, 10], [1, 1, 1, 2]);
    assertClose(conv.apply(x), [51, 72, 93], 0);
    assertClose(conv.apply(x, tf.zerosLike(conv.weight)), [10, 20, 30], 0);
  });
  p.dispose();
  const bare = new Parameters();
  assert.equal(new Convolution(bare, 2, 3, { kernel: 1, bias: false }).bias, undefined);
  assert.equal(bare.entries().length, 1);
  bare.dispose();
});

test('gradients of input, kernel and bias agree with finite differences', () => {
  const x = normalTensor([2, 6, 5, 2], 1);
  for (const options of [
    { kernel: 3, padding: 1 },
    { kernel: 3, stride: 2, padding: 1 },
    { kernel: 4, stride: 2, padding: 2 },
    { kernel: 7, padding: 3, paddingMode: 'reflect' as const },
  ]) {
    const p = new Parameters();
    const conv = new Convolution(p, 2, 3, options);
    scatter(p.entries(), 5);
    checkGradient((a) => conv.apply(a as tf.Tensor4D), [x, conv.weight, conv.bias!], { message: JSON.stringify(options) });
    p.dispose();
  }
  x.dispose();
});
