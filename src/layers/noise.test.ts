import assert from 'node:assert/strict';
import test from 'node:test';
import { LGGAN } from '../models/lggan/lggan';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { labelMap } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { NoiseInput } from './noise';
import { Parameters } from './core/parameters';

const [H, W, C] = [40, 60, 3];

test('noise is standard normal, the same for each image and each call, in proportion to a factor a channel', () => {
  const p = new Parameters();
  const noise = new NoiseInput(p, C);
  const [{ variable, name }] = p.entries();
  assert.equal(name, 'noise.scale');
  tf.tidy(() => {
    variable.assign(tf.tensor1d([1, -2, 0]));
    const x = tf.fill([2, H, W, C], 5) as tf.Tensor4D;
    const added = tf.sub(noise.apply(x), x);
    const [first, second, third] = tf.unstack(added, 3);
    assertClose(second, tf.mul(first, -2), 1e-6);
    assert.equal(tf.sum(tf.abs(third)).dataSync()[0], 0);
    assertClose(tf.slice(first, [1, 0, 0], [1, H, W]), tf.slice(first, [0, 0, 0], [1, H, W]), 1e-7);
    assertClose(tf.sub(noise.apply(x), x), added, 1e-7);
    const { mean, variance } = tf.moments(first);
    // Of 2400 numbers: three standard errors.
    assert.ok(Math.abs(mean.dataSync()[0]) < 3 / Math.sqrt(H * W));
    assert.ok(Math.abs(variance.dataSync()[0] - 1) < 3 * Math.sqrt(2 / (H * W)));
    // Another seed, another pattern, the same at each call; 0 is the one without a seed.
    const other = tf.sub(noise.apply(x, 7), x);
    assert.ok(tf.mean(tf.abs(tf.sub(other, added))).dataSync()[0] > 0.5);
    assertClose(tf.sub(noise.apply(x, 7), x), other, 1e-7);
    assertClose(tf.sub(noise.apply(x, 0), x), added, 1e-7);
    // d(sum) / d(scale) is the sum of the noise over the batch.
    const { grads } = tf.variableGrads(() => tf.sum(noise.apply(x)) as tf.Scalar);
    assertClose(grads[variable.name], tf.fill([C], tf.sum(first).dataSync()[0]), 1e-4);
  });
  p.dispose();
});

test('with noise, neighbours inside of a uniform region differ; a factor a channel before each 3x3 convolution is all it costs', async () => {
  const config = { ngf: 4, spadeHidden: 4, residualBlocks: 1, sauCompressed: 4, classes: 3, imageSize: [96, 96] as const };
  const [plain, noisy] = [new LGGAN(config), new LGGAN({ ...config, noise: true })];
  // The widths that the seven blocks' convolutions see: 64 each twice, at last 64 32, 32 16, 16 8, 8 4.
  assert.equal(noisy.parameters.count - plain.parameters.count, 6 * 64 + (64 + 32) + (32 + 16) + (16 + 8) + (8 + 4));
  const uniform = labelMap(96, 96, () => 1);
  const roughness = (generator: LGGAN) => {
    const output = generator.generate(uniform);
    const rough = tf.tidy(() => {
      const part = (column: number) => tf.slice(output.global!, [0, 40, column, 0], [1, 16, 16, 3]);
      return tf.div(tf.mean(tf.abs(tf.sub(part(40), part(41)))), tf.mean(tf.abs(part(40)))).dataSync()[0];
    });
    tf.dispose(output);
    return rough;
  };
  const [flat, rough] = [plain, noisy].map(roughness);
  assert.ok(rough > 3 * flat, `${flat} and ${rough}`);
  await assertNoLeak(() => tf.dispose(noisy.generate(uniform)));
  plain.dispose();
  noisy.dispose();
});
