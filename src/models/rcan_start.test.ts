import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import * as tf from '../engine/tf';
import { RCAN } from './rcan';
import { startBilinear } from './rcan_start';

const picture = (h: number, w: number) =>
  tf.tidy(() => {
    const wave = (c: number) => tf.sin(tf.add(tf.mul(tf.range(0, w), 0.4 + 0.1 * c), tf.reshape(tf.mul(tf.range(0, h), 0.3), [h, 1])));
    return tf.expandDims(tf.add(tf.mul(tf.stack([wave(0), wave(1), wave(2)], 2), 80), 120), 0) as tf.Tensor4D;
  });
const inner = (t: tf.Tensor4D, border: number) => {
  const [b, h, w, c] = t.shape;
  return tf.slice(t, [0, border, border, 0], [b, h - 2 * border, w - 2 * border, c]);
};
const enlarged = (x: tf.Tensor4D, scale: number) => tf.image.resizeBilinear(x, [x.shape[1] * scale, x.shape[2] * scale], false, true);

for (const scale of [2, 3, 4]) {
  test(`what carries the picture enlarges it x${scale} as bilinear does`, () => {
    const rcan = new RCAN({ groups: 1, blocks: 1, features: 6, reduction: 2, scale });
    startBilinear(rcan);
    // Without what is only damped: the deep part, and what the tail takes from the other features.
    tf.tidy(() => {
      for (const { name, variable } of rcan.parameters.trainable) {
        if (name === 'body.1.weight') variable.assign(tf.zerosLike(variable));
        if (name === 'tail.1.weight') variable.assign(tf.mul(variable, tf.tensor4d([1, 1, 1, 0, 0, 0], [1, 1, 6, 1])));
      }
    });
    const x = picture(9, 11);
    // At the border the network pads with the mean colour, bilinear enlargement repeats the pixel (x4 is x2 twice there, too).
    const twice = scale === 4 ? enlarged(enlarged(x, 2), 2) : enlarged(x, scale);
    assertClose(inner(rcan.forward(x), 2 * scale), inner(twice, 2 * scale), 1e-6);
    rcan.dispose();
  });
}

test('the network starts near bilinear enlargement, from random weights it does not', async () => {
  const x = picture(16, 20);
  const distance = (rcan: RCAN) => tf.tidy(() => tf.mean(tf.abs(tf.sub(inner(rcan.forward(x), 4), inner(enlarged(x, 2), 4)))).dataSync()[0]);
  const rcan = new RCAN({ groups: 2, blocks: 2, features: 16, reduction: 4 });
  assert.ok(distance(rcan) > 30, `from random weights ${distance(rcan)}`);
  await assertNoLeak(() => startBilinear(rcan));
  assert.ok(distance(rcan) < 4, `from a bilinear start ${distance(rcan)}`);
  rcan.dispose();
});

test('two features cannot carry three colours', () => {
  const rcan = new RCAN({ groups: 1, blocks: 1, features: 2, reduction: 2 });
  assert.throws(() => startBilinear(rcan), /at least 3/);
  rcan.dispose();
});
