import assert from 'node:assert/strict';
import test from 'node:test';
import { LGGAN } from '../models/lggan/lggan';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { labelMap } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { Random } from '../common/random';
import { NoiseInput, drawNoise, seededNoise } from './noise';
import { Parameters } from './core/parameters';

const [H, W, C] = [40, 60, 3];

test('noise of a seed is standard normal, the same for each image and each call, in proportion to a factor a channel', () => {
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
    const other = tf.sub(noise.apply(x, seededNoise([[H, W]], 7)), x);
    assert.ok(tf.mean(tf.abs(tf.sub(other, added))).dataSync()[0] > 0.5);
    assertClose(tf.sub(noise.apply(x, seededNoise([[H, W]], 7)), x), other, 1e-7);
    assertClose(tf.sub(noise.apply(x, seededNoise([[H, W]], 0)), x), added, 1e-7);
    // d(sum) / d(scale) is the sum of the noise over the batch.
    const { grads } = tf.variableGrads(() => tf.sum(noise.apply(x)) as tf.Scalar);
    assertClose(grads[variable.name], tf.fill([C], tf.sum(first).dataSync()[0]), 1e-4);
  });
  p.dispose();
});

test('noise that is drawn is standard normal, another pattern for each image and size, the same for the same numbers', async () => {
  const sizes = [
    [H, W],
    [20, 30],
  ] as const;
  const randoms = () => [1, 2].map((seed) => new Random([seed]));
  await assertNoLeak(() => tf.dispose(drawNoise(sizes, randoms())));
  tf.tidy(() => {
    const drawn = drawNoise(sizes, randoms());
    assert.deepEqual(Object.keys(drawn), ['40x60', '20x30']);
    const [first, second] = tf.unstack(drawn['40x60']!);
    const { mean, variance } = tf.moments(first);
    assert.ok(Math.abs(mean.dataSync()[0]) < 3 / Math.sqrt(H * W));
    assert.ok(Math.abs(variance.dataSync()[0] - 1) < 3 * Math.sqrt(2 / (H * W)));
    assert.ok(tf.mean(tf.abs(tf.sub(first, second))).dataSync()[0] > 0.5);
    assertClose(drawNoise(sizes, randoms())['20x30']!, drawn['20x30']!, 0);
    const p = new Parameters();
    const noise = new NoiseInput(p, C);
    const x = tf.zeros([2, H, W, C]) as tf.Tensor4D;
    // Its factors start at 0.1.
    assertClose(noise.apply(x, drawn), tf.tile(tf.mul(0.1, drawn['40x60']!), [1, 1, 1, C]), 1e-6);
    assert.throws(() => noise.apply(tf.zeros([2, 10, 15, C]), drawn), /no noise of 10x15 was drawn/);
    p.dispose();
  });
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
