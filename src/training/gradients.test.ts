import assert from 'node:assert/strict';
import test from 'node:test';
import { Parameters } from '../layers/parameters';
import { assertClose, assertNoLeak } from '../testing/close';
import * as tf from '../tf';
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
  tf.dispose([found.value, found.gradients] as unknown as tf.TensorContainer);
  await assertNoLeak(() => {
    const { value, gradients: g } = gradients(f, p);
    tf.dispose([value, g] as unknown as tf.TensorContainer);
  });
  p.dispose();
});
