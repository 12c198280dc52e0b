import assert from 'node:assert/strict';
import test from 'node:test';
import { Parameters } from '../layers/core/parameters';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { gradients } from './gradients';

test('gradients by name; what the function does not use, and what is not trained, is left out', async () => {
  const p = new Parameters();
  const a = p.scope('net').vector('a', 2, { kind: 'constant', value: 3 });
  p.vector('unused', 2);
  const state = p.state('state', 2, { kind: 'constant', value: 5 });
  const f = () => tf.sum(tf.mul(tf.square(a), state)) as tf.Scalar;
  const found = gradients(f, p);
  assert.deepEqual(Object.keys(found.gradients), ['net.a']);
  assertClose(found.value, 90, 0);
  assertClose(found.gradients['net.a'], [30, 30], 0);
  tf.dispose([found.value, found.gradients]);
  await assertNoLeak(() => {
    const { value, gradients: g } = gradients(f, p);
    tf.dispose([value, g]);
  });
  p.dispose();
});

test('the same gradients as TensorFlow.js computes, where tensors are used twice and gradients passed on; memory is freed on the way', () => {
  const p = new Parameters();
  const a = p.vector('a', 1 << 16, { kind: 'constant', value: 0.5 });
  const b = p.vector('b', 1 << 16, { kind: 'constant', value: -0.25 });
  const size = 4 * a.size;
  const peaks: number[] = [];
  const watched = tf.customGrad((x) => ({
    value: tf.clone(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => {
      peaks.push(tf.memory().numBytes);
      return dy;
    },
  }));
  const f = () => {
    let x: tf.Tensor = tf.mul(a, b);
    for (let i = 0; i < 20; i++) x = watched(tf.add(tf.add(x, tf.sin(tf.mul(x, x))), a));
    return tf.sum(x) as tf.Scalar;
  };
  const expected = tf.variableGrads(f, [a, b]);
  const [plain] = [Math.max(...peaks) - Math.min(...peaks), peaks.splice(0)];
  const before = tf.memory();
  const { value, gradients: found } = gradients(f, p);
  assertClose(value, expected.value, 0);
  assertClose(found.a, expected.grads[a.name], 0);
  assertClose(found.b, expected.grads[b.name], 0);
  assert.equal(tf.memory().numTensors, before.numTensors + 3);
  // TensorFlow.js by itself piles up; here the level falls from each of the 20 rounds to the next.
  assert.ok(plain > 20 * size, `${plain}`);
  for (let i = 1; i < peaks.length; i++) assert.ok(peaks[i] < peaks[i - 1], `${peaks}`);
  tf.dispose([value, found, expected.value, expected.grads]);
  p.dispose();
});
