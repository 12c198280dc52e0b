import assert from 'node:assert/strict';
import test from 'node:test';
import { renew, tensorsLeft } from './notebook';
import * as tf from '../engine/tf';

test('what a cell makes again takes the place of what it made before; what nobody holds is counted', async () => {
  const start = tf.memory().numTensors;
  const make = () => ({ final: tf.ones([2]), attention: { local: [tf.ones([1]), tf.ones([1])] } });
  const first = await renew('output', make);
  const weights: tf.Tensor[] = [];
  await renew('generator', async () => {
    weights.push(tf.ones([3]));
    return { dispose: () => weights[0].dispose() };
  });
  assert.equal(tf.memory().numTensors - start, 4);
  assert.equal(tensorsLeft(), `${start} tensors are left, beside the 4 of output, generator`);

  await renew('output', make);
  assert.ok(first.final.isDisposed && first.attention.local[1].isDisposed);
  await assert.rejects(renew('generator', () => Promise.reject(new Error('no such checkpoint'))), /no such checkpoint/);
  assert.ok(weights[0].isDisposed);
  const lost = tf.ones([1]);
  assert.equal(tensorsLeft(), `${start + 1} tensors are left, beside the 3 of output`);
  lost.dispose();
  await renew('output', () => ({}));
  assert.equal(tf.memory().numTensors, start);
});
