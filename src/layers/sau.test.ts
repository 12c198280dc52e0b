import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { applyFormula, goldenIndex, goldenUpsampler } from '../../proof/testing/golden';
import { withMaterial } from '../../proof/testing/material';
import { assertSame, normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { Parameters } from './core/parameters';
import { Sau } from './sau';

function toy(channels: number, compressed: number) {
  const p = new Parameters();
  const sau = new Sau(p, channels, compressed);
  scatter(p.entries(), 11);
  return { p, sau, variables: p.entries().map((e) => e.variable) };
}

test('folding the 25 weights into 9 a parity changes nothing: value and every gradient', (t) => {
  const { p, sau, variables } = toy(6, 5);
  for (const shape of [
    [2, 4, 5, 6],
    [1, 1, 1, 6],
    [1, 2, 1, 6],
  ]) {
    tf.tidy(() => {
      const x = normalTensor(shape, 1);
      // A gradient here sums some 1000 products of both signs.
      const found = assertSame(
        () => sau.apply(x),
        () => sau.asWritten(x),
        [x, ...variables],
        { value: 2e-6, gradient: 1e-5 },
      );
      t.diagnostic(`${shape}: value ${found.value.toExponential(1)}, gradient ${found.gradient.toExponential(1)}`);
    });
  }
  p.dispose();
});

test('gradients agree with finite differences', () => {
  const { p, sau, variables } = toy(4, 3);
  const x = normalTensor([1, 3, 4, 4], 2);
  checkGradient((a) => sau.apply(a as tf.Tensor4D), [x, ...variables]);
  x.dispose();
  p.dispose();
});

/** The upper left corner of a map, of every k-th channel: what the trimmed golden files hold. */
const cornerOf = (x: tf.Tensor, [n, h, w, c]: number[]) => tf.stridedSlice(x, [0, 0, 0, 0], [n, h, w, x.shape[3]!], [1, 1, 1, x.shape[3]! / c]);

test('the four upsamplers of the original: weights over the window and output', (t) => {
  if (!withMaterial(t, 'golden/golden_small.npz')) return;
  for (const [name, channels] of [
    ['deconv3_local', 256],
    ['deconv4_local', 128],
    ['deconv3_attention', 256],
    ['deconv4_attention', 128],
  ] as const) {
    const p = new Parameters();
    const sau = new Sau(p.scope(name), channels, 64);
    applyFormula(p, goldenIndex('G'));
    tf.tidy(() => {
      const { input, weight, out } = goldenUpsampler(name);
      const x = tf.tensor4d(input.data as Float32Array, input.shape as [number, number, number, number]);
      const weights = sau.attention(x);
      const w = assertClose(cornerOf(weights, weight.shape), weight, 1e-5, `${name} weights`);
      const y = assertClose(cornerOf(sau.apply(x), out.shape), out, 1e-5, `${name} output`);
      t.diagnostic(`${name}: weights ${w.relative.toExponential(1)}, output ${y.relative.toExponential(1)}`);
      // 25 roundings of float32.
      assertClose(tf.sum(weights, 3), tf.ones(weights.shape.slice(0, 3)), 1e-6, 'sum over the window');
    });
    p.dispose();
  }
});

test('one weight of 1 moves the picture by its tap', () => {
  const p = new Parameters();
  const sau = new Sau(p, 2, 1);
  const [, , , generate, downsample] = p.entries().map((e) => e.variable);
  tf.tidy(() => {
    // Tap (ky, kx) = (2, 4) of every parity: the pixel two to the right on the upsampled map, one on the source.
    const bias = new Float32Array(100).fill(-1e4);
    bias.fill(0, 14 * 4, 15 * 4);
    generate.assign(tf.tensor1d(bias));
    downsample.assign(tf.tensor4d([1, 100], [1, 1, 2, 1]));
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 1, 3, 2]);
    // Outside the map nothing is added.
    const row = [403, 403, 605, 605, 0, 0];
    assertClose(sau.apply(x), [...row, ...row], 1e-6);
    assertClose(sau.asWritten(x), [...row, ...row], 1e-6);
    assert.deepEqual(sau.attention(x).shape, [1, 2, 6, 25]);
  });
  p.dispose();
});

test('no tensor is left', async () => {
  const { p, sau } = toy(4, 3);
  const x = normalTensor([1, 2, 3, 4], 2);
  await assertNoLeak(() => tf.tidy(() => void sau.apply(x)));
  await assertNoLeak(() =>
    tf
      .grad((a) => sau.apply(a as tf.Tensor4D))(x)
      .dispose(),
  );
  await assertNoLeak(() => sau.attention(x).dispose());
  x.dispose();
  p.dispose();
});
