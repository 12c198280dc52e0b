import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../../proof/testing/close';
import { normalTensor } from '../../../proof/testing/toy';
import * as tf from '../../engine/tf';
import { blocksToSpace, upsampleNearest2 } from './upsample';

test('nearest upsampling repeats each pixel in a 2x2 block', () => {
  tf.tidy(() => {
    // Jittor's Upsample(2) of [[0,1,2],[3,4,5]].
    const expected = [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 3, 3, 4, 4, 5, 5];
    assertClose(upsampleNearest2(tf.tensor4d([0, 1, 2, 3, 4, 5], [1, 2, 3, 1])), expected, 0);
  });
});

test('its gradient is the sum over the block', () => {
  tf.tidy(() => {
    const dy = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 4, 1]);
    const gradient = tf.grad((x) => upsampleNearest2(x as tf.Tensor4D))(tf.zeros([1, 1, 2, 1]), dy);
    assertClose(gradient, [1 + 2 + 5 + 6, 3 + 4 + 7 + 8], 0);
    checkGradient((x) => upsampleNearest2(x as tf.Tensor4D), [normalTensor([2, 3, 2, 3], 1)]);
  });
});

test('blocks of channels go to their place in space', () => {
  tf.tidy(() => {
    // Two pixels of four blocks of two channels; a value's hundreds are its pixel, tens its block dy*2+dx, ones its channel.
    const x = tf.tensor4d([0, 1, 10, 11, 20, 21, 30, 31, 100, 101, 110, 111, 120, 121, 130, 131], [1, 1, 2, 8]);
    const rows = [
      [0, 1, 10, 11, 100, 101, 110, 111],
      [20, 21, 30, 31, 120, 121, 130, 131],
    ];
    assertClose(blocksToSpace(x), rows.flat(), 0);
    checkGradient((a) => blocksToSpace(a as tf.Tensor4D), [normalTensor([2, 2, 3, 8], 1)]);
  });
});

test('no tensor is left', async () => {
  const x = normalTensor([1, 2, 2, 4], 1);
  await assertNoLeak(() => tf.dispose([upsampleNearest2(x), tf.grad((a) => upsampleNearest2(a as tf.Tensor4D))(x)]));
  x.dispose();
});
