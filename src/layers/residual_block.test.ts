import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { instanceNorm } from './core/normalisation';
import { Parameters } from './core/parameters';
import { ResidualBlock } from './residual_block';

function toy(channels: number) {
  const p = new Parameters();
  const block = new ResidualBlock(p, channels);
  scatter(p.entries(), 7);
  return { p, block, variables: p.entries().map((e) => e.variable) };
}

test('with kernels that pass their input on, the block is x + IN(relu(IN(x))), whatever the biases', () => {
  const { p, block, variables } = toy(2);
  assert.deepEqual(
    p.entries().map((e) => e.name),
    ['conv1.weight', 'conv1.bias', 'conv2.weight', 'conv2.bias'],
  );
  tf.tidy(() => {
    const identity = tf.pad(tf.reshape(tf.eye(2), [1, 1, 2, 2]), [
      [1, 1],
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
    variables[0].assign(identity);
    variables[2].assign(identity);
    const x = normalTensor([2, 4, 5, 2], 1);
    assertClose(block.apply(x), tf.add(x, instanceNorm(tf.relu(instanceNorm(x)))), 2e-6);
  });
  p.dispose();
});

test('a kernel that sums its window sees the reflected border', () => {
  const { p, block, variables } = toy(1);
  tf.tidy(() => {
    variables[0].assign(tf.ones([3, 3, 1, 1]));
    variables[2].assign(
      tf.pad(tf.ones([1, 1, 1, 1]), [
        [1, 1],
        [1, 1],
        [0, 0],
        [0, 0],
      ]),
    );
    // Window sums of 1..9 with reflection: 33 36 39 / 42 45 48 / 51 54 57.
    const sums = tf.tensor4d([33, 36, 39, 42, 45, 48, 51, 54, 57], [1, 3, 3, 1]);
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    assertClose(block.apply(x), tf.add(x, instanceNorm(tf.relu(instanceNorm(sums)))), 1e-6);
  });
  p.dispose();
});

test('gradients agree with finite differences', () => {
  const { p, block, variables } = toy(2);
  const x = normalTensor([1, 5, 4, 2], 1);
  // A bias before an instance norm has the gradient 0, so only the kernels. Small steps for the kinks of the relu, which the
  // rounding of float32 pays for.
  checkGradient((a) => block.apply(a as tf.Tensor4D), [x, variables[0], variables[2]], { eps: 0.004, tolerance: 1e-2 });
  x.dispose();
  p.dispose();
});

test('no tensor is left', async () => {
  const { p, block } = toy(2);
  const x = normalTensor([2, 4, 4, 2], 1);
  await assertNoLeak(() => tf.tidy(() => void block.apply(x)));
  await assertNoLeak(() =>
    tf
      .grad((a) => block.apply(a as tf.Tensor4D))(x)
      .dispose(),
  );
  x.dispose();
  p.dispose();
});
