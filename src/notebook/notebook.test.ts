import assert from 'node:assert/strict';
import test from 'node:test';
import { keep, tensorsLeft } from './notebook';
import * as tf from '../engine/tf';

test('what a cell makes again takes the place of what it made before; what nobody holds is counted', async () => {
  const start = tf.memory().numTensors;
  const make = () => ({ final: tf.ones([2]), attention: { local: [tf.ones([1]), tf.ones([1])] } });
  const output = await keep('output', make);
  const weights: tf.Tensor[] = [];
  await keep('generator', async () => {
    weights.push(tf.ones([3]));
    return { dispose: () => weights[0].dispose() };
  });
  assert.equal(tf.memory().numTensors - start, 4);
  assert.equal(tensorsLeft(), `${start} tensors are left, beside the 4 of output, generator`);

  await keep('output', make);
  assert.ok(output.final.isDisposed && output.attention.local[1].isDisposed);
  await assert.rejects(
    keep('generator', () => Promise.reject(new Error('no such checkpoint'))),
    /no such checkpoint/,
  );
  assert.ok(weights[0].isDisposed);
  const lost = tf.ones([1]);
  assert.equal(tensorsLeft(), `${start + 1} tensors are left, beside the 3 of output`);
  lost.dispose();
  await keep('output', () => ({}));
  assert.equal(tf.memory().numTensors, start);
});
