import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { normalTensor } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { generatedEntropy, labelEntropy } from './segmentation';

/** Labels 0 1 1 and one pixel without a class, of three classes. */
const oneHot = () =>
  tf.tensor4d(
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 0],
      [0, 0, 0],
    ].flat(),
    [1, 2, 2, 3],
  );

/** Probabilities of the three classes and of "generated"; their logarithms moved by constants, which softmax forgets. */
const SHARES = [
  [0.5, 0.2, 0.2, 0.1],
  [0.1, 0.6, 0.1, 0.2],
  [0.3, 0.3, 0.1, 0.3],
  [0.9, 0.02, 0.04, 0.04],
];
const logits = (shares: number[][]) =>
  tf.tensor4d(
    shares.flatMap((row, i) => row.map((p) => Math.log(p) + i)),
    [shares.length / 4, 2, 2, 4],
  );
const log = Math.log;

test('by hand: each class that occurs counts the same, pixels without a class and absent classes nothing', () => {
  tf.tidy(() => {
    const real = -(log(0.5) + (log(0.6) + log(0.3)) / 2) / 2;
    assertClose(labelEntropy(logits(SHARES), oneHot()), real, 1e-6);
    const generated = -(log(0.1) + log(0.2) + log(0.3)) / 3;
    assertClose(generatedEntropy(logits(SHARES), oneHot()), generated, 1e-6);
    // Two images of one label map: the mean.
    const even = Array.from({ length: 4 }, () => [0.25, 0.25, 0.25, 0.25]);
    assertClose(labelEntropy(logits([...SHARES, ...even]), oneHot()), (real + log(4)) / 2, 1e-6);
    assertClose(generatedEntropy(logits([...even, ...SHARES]), oneHot()), (generated + log(4)) / 2, 1e-6);
  });
});

test('balance is that of the batch: a class counts the same however its pixels lie in the images', () => {
  tf.tidy(() => {
    // Class 0 on one pixel of the first image, class 1 on the other seven.
    const labels = tf.tensor4d([[1, 0], ...Array.from({ length: 7 }, () => [0, 1])].flat(), [2, 2, 2, 2]);
    const scores = normalTensor([2, 2, 2, 3], 1);
    const p = tf.softmax(scores).arraySync() as number[][][][];
    const pixels = p.flat(2);
    const expected = -(log(pixels[0][0]) + pixels.slice(1).reduce((s, q) => s + log(q[1]), 0) / 7) / 2;
    assertClose(labelEntropy(scores, labels), expected, 1e-6);
  });
});

test('without any class both are 0, and so is the gradient', () => {
  tf.tidy(() => {
    const none = tf.zeros([1, 2, 2, 3]) as tf.Tensor4D;
    for (const loss of [labelEntropy, generatedEntropy]) {
      assertClose(loss(logits(SHARES), none), 0, { absolute: 0 });
      assertClose(tf.grad((x) => loss(x as tf.Tensor4D, none))(logits(SHARES)), new Array(16).fill(0), { absolute: 0 });
    }
  });
});

test('gradients agree with finite differences; no tensor is left', async () => {
  const scores = normalTensor([2, 2, 2, 4], 1);
  const labels = tf.tidy(() => tf.clone(oneHot()));
  for (const loss of [labelEntropy, generatedEntropy]) {
    checkGradient((x) => loss(x as tf.Tensor4D, labels), [scores], { message: loss.name });
    await assertNoLeak(() => tf.tidy(() => void tf.grad((x) => loss(x as tf.Tensor4D, labels))(scores)));
  }
  tf.dispose([scores, labels]);
});
