import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import { canCompile, compiled } from './compiled';
import {
  blend,
  hasOwnKernels,
  l1Gradient,
  l1Sum,
  maxPoolGradient,
  squares,
  winogradInputGradient,
  winogradKernel,
  winogradKernelGradient,
  winogradRelu,
  winogradReluGradient,
} from './own_kernels';
import * as tf from './tf';

const skip = hasOwnKernels() ? false : 'this engine has none of our own kernels';

/** Relative to the size of the numbers: float32 by way of transforms that multiply by up to 4 and take differences. */
const TOLERANCE = 2e-5;
const close = (actual: tf.Tensor, expected: tf.Tensor, message: string) => {
  assert.deepEqual(actual.shape, expected.shape, message);
  assertClose(actual, expected, { relative: 0, absolute: TOLERANCE * tf.max(tf.abs(expected)).dataSync()[0] }, message);
};

/** The definition, whose gradients are TensorFlow's own. */
function plainly(x: tf.Tensor4D, kernel: tf.Tensor4D, pad: number): tf.Tensor4D {
  const room = [[0, 0], [pad, pad], [pad, pad], [0, 0]] as [number, number][]; // prettier-ignore
  return tf.conv2d(tf.pad(x, room), kernel, 1, 'valid');
}

// Sizes that tiles of 4x4 do not divide, too.
for (const [b, h, w, cin, cout, pad] of [
  [1, 4, 4, 16, 16, 1],
  [2, 7, 9, 16, 32, 1],
  [2, 7, 9, 32, 16, 0],
  [3, 3, 5, 48, 16, 0],
  [1, 26, 34, 64, 64, 0],
]) {
  test(`both gradients of a convolution of ${b}x${h}x${w}x${cin} to ${cout} channels, padded by ${pad}`, { skip }, () => {
    tf.tidy(() => {
      const x = normalTensor([b, h, w, cin], 1, 1) as tf.Tensor4D;
      const kernel = normalTensor([3, 3, cin, cout], 2, 0.2) as tf.Tensor4D;
      const dy = normalTensor(plainly(x, kernel, pad).shape, 3, 1) as tf.Tensor4D;
      const [dx, dKernel] = tf.grads((a, k) => tf.sum(tf.mul(dy, plainly(a as tf.Tensor4D, k as tf.Tensor4D, pad))))([x, kernel]);
      close(winogradInputGradient(dy, x.shape, kernel, pad), dx, 'in x');
      close(winogradKernelGradient(dy, x, pad), dKernel, 'in the kernel');
    });
  });
}

test('with bias and rectifier, and its gradient', { skip }, () => {
  tf.tidy(() => {
    const x = normalTensor([2, 10, 6, 32], 4, 1) as tf.Tensor4D;
    const kernel = normalTensor([3, 3, 32, 16], 5, 0.2) as tf.Tensor4D;
    const bias = tf.reshape(normalTensor([16], 6, 1), [16]) as tf.Tensor1D;
    const tiles = winogradKernel(kernel);
    const plain = (a: tf.Tensor) => tf.relu(tf.add(plainly(a as tf.Tensor4D, kernel, 1), bias));
    const y = plain(x) as tf.Tensor4D;
    const dy = normalTensor(y.shape, 7, 1) as tf.Tensor4D;
    close(winogradRelu(x, tiles, bias), y, 'value');
    close(winogradReluGradient(dy, y, tiles), tf.grad((a) => tf.sum(tf.mul(dy, plain(a))))(x), 'gradient');
    // A fault is not hidden by the rectifier.
    const broken = winogradRelu(tf.fill(x.shape, NaN), tiles, bias);
    assert.ok(broken.dataSync().every(Number.isNaN));
  });
});

test("the gradient of a maximum over 2x2 is TensorFlow's, also where equals meet and rows are left over", { skip }, () => {
  tf.tidy(() => {
    for (const shape of [
      [2, 8, 6, 16],
      [1, 7, 9, 32],
    ]) {
      const x = tf.round(normalTensor(shape, 8, 1)) as tf.Tensor4D;
      const y = tf.maxPool(x, 2, 2, 'valid');
      const dy = normalTensor(y.shape, 9, 1) as tf.Tensor4D;
      const expected = tf.runKernel(
        'MaxPoolGrad',
        { T: 'float32', ksize: [1, 2, 2, 1], strides: [1, 2, 2, 1], padding: 'VALID', data_format: 'NHWC', explicit_paddings: [] },
        [x, y, dy],
      )[0];
      assert.deepEqual(maxPoolGradient(x, y, dy).dataSync(), expected.dataSync());
    }
  });
});

test('sums of squares and of differences, and what is not finite', { skip }, () => {
  tf.tidy(() => {
    const [a, b] = [normalTensor([7, 1000], 1, 1), normalTensor([1000], 2, 1)];
    const [one, other] = [Array.from(a.dataSync()), Array.from(b.dataSync())];
    const sum = (f: (v: number, i: number) => number) => one.reduce((s, v, i) => s + f(v, i), 0);
    const [first, second] = squares([a, tf.tensor1d([3, 4])]).dataSync();
    assertClose([first], [sum((v) => v * v)], 1e-6, 'squares');
    assert.equal(second, 25);
    assertClose(
      l1Sum(a, b),
      sum((v, i) => Math.abs(v - other[i % 1000])),
      1e-6,
      'differences',
    );
    assert.deepEqual(
      Array.from(l1Gradient(a, b, tf.scalar(0.5)).dataSync()),
      one.map((v, i) => 0.5 * Math.sign(Math.fround(v - other[i % 1000]))),
    );
    assert.deepEqual(Array.from(squares([tf.tensor1d([1e20]), tf.tensor1d([NaN, 1])]).dataSync()), [Infinity, NaN]);
    assert.ok(Number.isNaN(l1Sum(tf.tensor1d([NaN, 1]), tf.tensor1d([1])).dataSync()[0]));
    assert.throws(() => l1Sum(tf.tensor1d([1, 2, 3]), tf.tensor1d([1, 2])), /a multiple/);
  });
});

test('the moving average has the bits of what it is made of', { skip }, () => {
  tf.tidy(() => {
    const [a, b] = [normalTensor([7, 1003], 1, 1), normalTensor([7, 1003], 2, 1)];
    const [old, now] = [tf.scalar(0.9), tf.scalar(0.1)];
    const [y, z] = blend(old, now, [a, tf.scalar(3)], [b, tf.scalar(5)]);
    assert.deepEqual(y.dataSync(), tf.add(tf.mul(a, old), tf.mul(b, now)).dataSync());
    assertClose(z, 0.9 * 3 + 0.1 * 5, 1e-6);
    assert.throws(() => blend(old, now, [a], [tf.scalar(5)]), /another shape/);
  });
});

test('inside of a compiled function they give the same bits', { skip: skip || !canCompile() }, () => {
  tf.tidy(() => {
    const kernel = normalTensor([3, 3, 16, 16], 2, 0.2) as tf.Tensor4D;
    const f = compiled((x: tf.Tensor4D) => [winogradInputGradient(x, x.shape, kernel, 1), winogradKernelGradient(x, x, 1)], {
      name: 'winograd',
      onMismatch: 'throw',
    });
    for (let i = 0; i < 3; i++) f(normalTensor([1, 9, 9, 16], i, 1) as tf.Tensor4D);
    assert.equal(f.recordings, 1);
    f.dispose();
  });
});
