import assert from 'node:assert/strict';
import test from 'node:test';
import { behaviour } from '../common/config';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { labelMap, normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { LabelPyramid } from './neighbourhoods/label_pyramid';
import { standardiseAsWritten } from './core/normalisation';
import { Parameters } from './core/parameters';
import { SpadeBlock } from './spade_block';

const CLASSES = 3;
const scene = labelMap(6, 8, (y, x) => (y < 3 ? 0 : x < 4 ? 1 : 2));

function toy(cin: number, cout: number, choice: 'paper' | 'original') {
  const p = new Parameters();
  const block = new SpadeBlock(p, cin, cout, CLASSES, 4, behaviour(choice));
  scatter(p.trainable, 31);
  const pyramid = new LabelPyramid([scene], CLASSES);
  const find = (name: string) => p.entries().find((e) => e.name === name)!.variable;
  const dispose = () => {
    p.dispose();
    pyramid.dispose();
  };
  return { p, block, labels: pyramid.at(6, 8), find, dispose };
}

test('names and shapes: a shortcut only where the width changes, the middle as wide as the narrower end', () => {
  const wide = toy(4, 4, 'original');
  assert.ok(!wide.p.entries().some((e) => e.name.includes('_s.')));
  wide.dispose();
  const { p, block, labels, find, dispose } = toy(6, 2, 'paper');
  assert.deepEqual(find('conv_0.weight_orig').shape, [3, 3, 6, 2]);
  assert.deepEqual(find('conv_1.weight_orig').shape, [3, 3, 2, 2]);
  assert.deepEqual(find('conv_s.weight_orig').shape, [1, 1, 6, 2]);
  assert.deepEqual(find('conv_0.weight_u').shape, [2]);
  assert.deepEqual(find('conv_0.weight_v').shape, [54]);
  assert.ok(!p.entries().some((e) => e.name === 'conv_s.bias'));
  tf.tidy(() => assert.deepEqual(block.apply(normalTensor([1, 6, 8, 6], 1), labels, true).shape, [1, 6, 8, 2]));
  dispose();
});

test('with kernels of zero the block is its shortcut plus the last bias', () => {
  const { block, labels, find, dispose } = toy(2, 2, 'original');
  tf.tidy(() => {
    for (const name of ['conv_0.weight_orig', 'conv_1.weight_orig']) find(name).assign(tf.zeros([3, 3, 2, 2]));
    find('conv_1.bias').assign(tf.tensor1d([10, 20]));
    const x = normalTensor([1, 6, 8, 2], 1);
    assertClose(block.apply(x, labels, false), tf.add(x, tf.tensor1d([10, 20])), 1e-6);
  });
  dispose();
});

test('without modulation the block is plain: leaky relu before the 3x3 convolutions, none on the shortcut', () => {
  const { p, block, labels, find, dispose } = toy(3, 2, 'original');
  tf.tidy(() => {
    for (const e of p.trainable.filter((t) => t.name.includes('mlp_'))) e.variable.assign(tf.zerosLike(e.variable));
    const x = normalTensor([1, 6, 8, 3], 1);
    const conv = (y: tf.Tensor, suffix: string) => tf.conv2d(y as tf.Tensor4D, find(`conv_${suffix}.weight_orig`) as tf.Tensor4D, 1, 'same');
    const stage = (y: tf.Tensor4D, suffix: string) =>
      tf.add(conv(tf.leakyRelu(standardiseAsWritten(y), 0.2), suffix), find(`conv_${suffix}.bias`)) as tf.Tensor4D;
    const expected = tf.add(conv(standardiseAsWritten(x), 's'), stage(stage(x, '0'), '1'));
    assertClose(block.apply(x, labels, true), expected, 1e-5);
  });
  dispose();
});

test("under spectral norm the scale of a kernel does not matter; in the original's way it does", () => {
  for (const choice of ['paper', 'original'] as const) {
    const { block, labels, find, dispose } = toy(2, 2, choice);
    tf.tidy(() => {
      const x = normalTensor([1, 6, 8, 2], 1);
      const kernel = find('conv_1.weight_orig');
      // So many iterations that u and v stand still.
      for (let i = 0; i < 60; i++) block.apply(x, labels, true);
      const before = block.apply(x, labels, true);
      kernel.assign(tf.mul(kernel, 2));
      const after = block.apply(x, labels, true);
      if (choice === 'paper') assertClose(after, before, 1e-5);
      else assert.throws(() => assertClose(after, before, 0.1));
    });
    dispose();
  }
});

test('gradients agree with finite differences', () => {
  const { p, block, labels, find, dispose } = toy(3, 2, 'paper');
  const x = normalTensor([1, 6, 8, 3], 1);
  tf.tidy(() => {
    // u and v belong to the kernels; evaluation mode below keeps them.
    block.apply(x, labels, true);
    for (const e of p.entries()) {
      if (e.name.endsWith('running_mean')) e.variable.assign(tf.zerosLike(e.variable));
      if (e.name.endsWith('running_var')) e.variable.assign(tf.onesLike(e.variable));
    }
  });
  const variables = ['conv_0.weight_orig', 'conv_0.bias', 'conv_1.weight_orig', 'conv_s.weight_orig', 'norm_0.mlp_gamma.weight', 'norm_s.mlp_beta.bias'];
  // Small steps for the kinks of the leaky relu, which the rounding of float32 pays for.
  checkGradient((a) => block.apply(a as tf.Tensor4D, labels, false), [x, ...variables.map(find)], { eps: 0.004, tolerance: 1e-2 });
  x.dispose();
  dispose();
});

test('no tensor is left', async () => {
  const { p, block, labels, dispose } = toy(3, 2, 'paper');
  const x = normalTensor([1, 6, 8, 3], 1);
  await assertNoLeak(() => {
    const { value, grads } = tf.variableGrads(
      () => tf.sum(block.apply(x, labels, true)) as tf.Scalar,
      p.trainable.map((e) => e.variable),
    );
    tf.dispose([value, grads]);
  });
  x.dispose();
  dispose();
});
