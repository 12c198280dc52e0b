import assert from 'node:assert/strict';
import test from 'node:test';
import { pretendWideVectors } from './conv2d_gradient';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import * as tf from './tf';

/** TensorFlow's own kernels, by name. */
function reference(x: tf.Tensor4D, filter: tf.Tensor4D, dy: tf.Tensor4D, stride: number, padding: 'same' | 'valid') {
  const attributes = {
    T: 'float32',
    strides: [1, stride, stride, 1],
    padding: padding.toUpperCase(),
    data_format: 'NHWC',
    use_cudnn_on_gpu: true,
    dilations: [1, 1, 1, 1],
    explicit_paddings: [],
  };
  const sizes = (t: tf.Tensor) => tf.tensor1d(t.shape, 'int32');
  return [
    tf.runKernel('Conv2DBackpropInput', attributes, [sizes(x), filter, dy])[0],
    tf.runKernel('Conv2DBackpropFilter', attributes, [x, sizes(filter), dy])[0],
  ];
}

// Batch, height, width, in, out, kernel, stride: odd and even sizes and kernels, channels that are no multiple of 16 (slices are
// copied then), maps smaller than their kernel (the matrix product).
const CASES: [number, number, number, number, number, number, number][] = [
  [2, 7, 9, 16, 32, 3, 1],
  [1, 8, 6, 5, 3, 3, 1],
  [3, 5, 4, 29, 7, 5, 1],
  [1, 12, 10, 3, 16, 7, 1],
  [2, 6, 5, 8, 8, 1, 1],
  [1, 3, 4, 48, 40, 3, 1],
  [2, 2, 2, 64, 16, 3, 1],
  [1, 9, 8, 6, 10, 4, 1],
  [2, 9, 8, 6, 10, 3, 2],
  [1, 10, 10, 16, 16, 4, 2],
  [2, 11, 9, 5, 6, 4, 2],
  [2, 7, 8, 3, 5, 2, 2],
];

for (const [padding, wideVectors] of [
  ['same', true],
  ['valid', true],
  ['same', false],
  ['valid', false],
] as const) {
  test(`gradients of a convolution equal TensorFlow's own kernels, padding ${padding}, as ${wideVectors ? 'with' : 'without'} AVX-512`, (t) => {
    if (!tf.hasOneDnnKernels()) return t.skip('oneDNN is not there: the gradients are the kernels themselves');
    t.after(pretendWideVectors(wideVectors));
    for (const [b, h, w, cin, cout, k, stride] of CASES) {
      if (padding === 'valid' && k > Math.min(h, w)) continue;
      tf.tidy(() => {
        const [x, filter] = [normalTensor([b, h, w, cin], 1), normalTensor([k, k, cin, cout], 2)];
        const dy = normalTensor(tf.conv2d(x, filter, stride, padding).shape, 3);
        const name = `${[b, h, w, cin, cout, k, stride]}`;
        const [dx, dw] = tf.grads((a, f) => tf.conv2d(a as tf.Tensor4D, f as tf.Tensor4D, stride, padding))([x, filter], dy);
        const [rx, rw] = reference(x, filter, dy, stride, padding);
        // Sums of at most a few thousand products in another order.
        assertClose(dx, rx, 2e-6, `${name} input`);
        assertClose(dw, rw, 2e-6, `${name} kernel`);
      });
    }
  });
}

test('a gradient that nobody asks for is not computed, and no tensor is left', async () => {
  await assertNoLeak(() =>
    tf.tidy(() => {
      const [x, filter] = [normalTensor([1, 6, 6, 4], 1), normalTensor([3, 3, 4, 4], 2)];
      const before = tf.memory().numTensors;
      const dx = tf.grad((a) => tf.conv2d(a as tf.Tensor4D, filter, 1, 'same').sum())(x);
      assert.deepEqual(dx.shape, x.shape);
      assert.equal(tf.memory().numTensors, before + 1);
    }),
  );
});
