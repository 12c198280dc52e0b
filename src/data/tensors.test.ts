import assert from 'node:assert/strict';
import test from 'node:test';
import { assertNoLeak } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { imageFromTensor, imagesFromTensor, mapsFromTensor } from './tensors';

test('-1 to 1 becomes 0 to 255, rounded and clamped', async () => {
  const t = tf.tensor4d([-1, 1, 0, -2, 2, 0.5, -0.999, 0.996, NaN, 0.2, 0.2, 0.2], [2, 2, 1, 3]);
  const [a, b] = await imagesFromTensor(t);
  // (0 + 1) * 127.5 = 127.5 rounds up; 191.25 down; 0.1275 down; 254.49 down.
  assert.deepEqual([...a.data], [0, 255, 128, 0, 255, 191]);
  assert.deepEqual([...b.data], [255, 0, 255, 153, 153, 153]);
  assert.deepEqual([a.height, a.width], [2, 1]);
  assert.deepEqual([...(await imageFromTensor(tf.zeros([1, 2, 3]))).data], [128, 128, 128, 128, 128, 128]);
  await assert.rejects(imagesFromTensor(tf.zeros([2, 2, 1])), /expected a tensor \[B, H, W, 3\] or \[H, W, 3\], got \[2,2,1\]/);
  t.dispose();
});

test('channels become maps of their own', async () => {
  const t = tf.tensor4d(
    Array.from({ length: 24 }, (_, i) => i),
    [2, 2, 3, 2],
  );
  const maps = await mapsFromTensor(t);
  assert.deepEqual([...maps[1][0].data], [12, 14, 16, 18, 20, 22]);
  assert.deepEqual([maps[0][1].height, maps[0][1].width], [2, 3]);
  await assertNoLeak(() => mapsFromTensor(t));
  t.dispose();
});
