import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../../proof/testing/close';
import { assertSame, normalTensor } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { BatchNorm, instanceNorm, standardise, standardiseAsWritten } from './normalisation';
import { Parameters } from './parameters';

/** One channel, 1 2 3 4: mean 2.5, biased variance 1.25, unbiased 5/3. */
const quad = () => tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1]);

test('standardise divides by the root of the biased variance plus 1e-5', () => {
  tf.tidy(() => {
    const root = Math.sqrt(1.25 + 1e-5);
    for (const f of [standardise, standardiseAsWritten])
      assertClose(
        f(quad()),
        [-1.5, -0.5, 0.5, 1.5].map((v) => v / root),
        1e-6,
      );
    // A constant channel stays finite.
    assertClose(standardise(tf.fill([1, 2, 2, 1], 7)), [0, 0, 0, 0], 0);
  });
});

test('the native kernels and the definition have the same value, gradient and statistics', (t) => {
  tf.tidy(() => {
    const [deviations, means] = [tf.tensor1d([1, 2, 3, 0.1, 1, 1]), tf.tensor1d([0, 1, -5, 0, 2, 9])];
    const x = tf.add(tf.mul(normalTensor([2, 5, 7, 6], 1), deviations), means) as tf.Tensor4D;
    const largest = assertSame(
      () => standardise(x),
      () => standardiseAsWritten(x),
      [x],
      { value: 1e-5, gradient: 1e-5 },
    );
    t.diagnostic(`value ${largest.value.toExponential(1)}, gradient ${largest.gradient.toExponential(1)}`);
    const seen: tf.Tensor[][] = [];
    for (const f of [standardise, standardiseAsWritten]) {
      f(x, (mean, variance) => seen.push([tf.keep(tf.clone(mean)), tf.keep(tf.clone(variance))]));
    }
    assertClose(seen[0][0], seen[1][0], 1e-6, 'mean');
    assertClose(seen[0][1], seen[1][1], 1e-5, 'variance');
    tf.dispose(seen);
  });
});

test('gradients agree with finite differences', () => {
  const x = normalTensor([2, 3, 4, 3], 3);
  checkGradient((a) => standardise(a as tf.Tensor4D), [x]);
  checkGradient((a) => instanceNorm(a as tf.Tensor4D), [x]);
  x.dispose();
});

test('instance norm treats each image of a batch by itself', () => {
  tf.tidy(() => {
    const [a, b] = [normalTensor([1, 4, 4, 3], 1), tf.add(5, normalTensor([1, 4, 4, 3], 2, 9)) as tf.Tensor4D];
    assertClose(instanceNorm(tf.concat([a, b])), tf.concat([instanceNorm(a), instanceNorm(b)]), 1e-6);
    const { mean, variance } = tf.moments(instanceNorm(tf.concat([a, b])), [1, 2]);
    assertClose(mean, Array(6).fill(0), { absolute: 1e-6 });
    assertClose(variance, Array(6).fill(1), 1e-4);
  });
});

test("running statistics move by a tenth; their variance is unbiased in the papers' way, biased in the original's", () => {
  for (const [choice, variance] of [
    ['paper', 0.9 + 0.1 * (5 / 3)],
    ['original', 0.9 + 0.1 * 1.25],
  ] as const) {
    const p = new Parameters();
    const norm = new BatchNorm(p, 1, choice);
    const [mean, running] = p.entries().map((e) => e.variable);
    tf.tidy(() => {
      assertClose(norm.apply(quad(), true), standardiseAsWritten(quad()), 1e-6);
      assertClose(mean, [0.25], 1e-6);
      assertClose(running, [variance], 1e-6, choice);
      norm.apply(quad(), true);
      assertClose(mean, [0.9 * 0.25 + 0.25], 1e-6);
      // In evaluation they are used and stay.
      mean.assign(tf.tensor1d([2]));
      running.assign(tf.tensor1d([4]));
      assertClose(
        norm.apply(quad(), false),
        [-1, 0, 1, 2].map((v) => v / Math.sqrt(4 + 1e-5)),
        1e-6,
      );
      assertClose(mean, [2], 0);
      assertClose(running, [4], 0);
    });
    p.dispose();
  }
});

test('batch norm takes its statistics over the whole batch', () => {
  const p = new Parameters();
  const norm = new BatchNorm(p, 1, 'paper');
  tf.tidy(() => {
    const y = norm.apply(tf.tensor4d([1, 2, 3, 4], [2, 1, 2, 1]), true);
    assertClose(y, standardiseAsWritten(quad()).dataSync(), 1e-6);
  });
  p.dispose();
});

test('no tensor is left, in and outside of a gradient', async () => {
  const p = new Parameters();
  const norm = new BatchNorm(p, 3, 'paper');
  const x = normalTensor([2, 4, 4, 3], 1);
  const all = (a: tf.Tensor) => {
    const input = a as tf.Tensor4D;
    return tf.addN([norm.apply(input, true), norm.apply(input, false), instanceNorm(input)]);
  };
  await assertNoLeak(() => norm.apply(x, true).dispose());
  await assertNoLeak(() => tf.tidy(() => void all(x)));
  await assertNoLeak(() => tf.grad(all)(x).dispose());
  x.dispose();
  p.dispose();
});
