import assert from 'node:assert/strict';
import test from 'node:test';
import { originalShape } from '../checkpoints/layout';
import { UserError } from '../common/errors';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { goldenJson } from '../../proof/testing/golden';
import { withMaterial } from '../../proof/testing/material';
import { normalTensor, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { Discriminator, averageHalf } from './discriminator';

const toy = { classes: 3, ndf: 2 };

/** Label maps of 32x32 pixels with the classes 0, 1, 2 in turn. */
function oneHot(batch: number): tf.Tensor4D {
  const labels = tf.tensor(
    Array.from({ length: batch * 1024 }, (_, i) => i % 3),
    [batch, 32, 32],
    'int32',
  );
  return tf.oneHot(labels, 3, 1, 0, 'float32') as tf.Tensor4D;
}

test("names and shapes are the original's", (t) => {
  if (!withMaterial(t, 'golden/golden_small.json')) return;
  const d = new Discriminator();
  const ours = Object.fromEntries(d.parameters.entries().map((e) => [e.name, originalShape(e.kind, e.variable.shape)]));
  const theirs = goldenJson<Record<string, [string, number[]][]>>('golden_small.json').D_state_dict_all;
  assert.deepEqual(ours, Object.fromEntries(theirs));
  assert.equal(d.parameters.count, 5588866);
  d.dispose();
});

test("half the size by hand: padding is not counted in the papers' way, counted in the original's", () => {
  tf.tidy(() => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    const sums = [1 + 2 + 4 + 5, 2 + 3 + 5 + 6, 4 + 5 + 7 + 8, 5 + 6 + 8 + 9];
    assertClose(
      averageHalf(x, false),
      sums.map((s) => s / 4),
      1e-6,
    );
    assertClose(
      averageHalf(x, true),
      sums.map((s) => s / 9),
      1e-6,
    );
    // 4x4 pixels: windows of four, six and nine.
    assertClose(averageHalf(tf.ones([1, 4, 4, 1]), true), [4 / 9, 6 / 9, 6 / 9, 1], 1e-6);
    assertClose(averageHalf(tf.ones([1, 4, 4, 1]), false), [1, 1, 1, 1], 1e-6);
  });
});

test('several images of a label map are judged as each beside its own copy, instance by instance', () => {
  const d = new Discriminator(toy);
  scatter(d.parameters.trainable, 51);
  tf.tidy(() => {
    const labels = oneHot(2);
    const images = normalTensor([6, 32, 32, 3], 1);
    const together = d.forward(labels, images);
    assert.deepEqual(
      together.map((s) => s.length),
      [5, 5],
    );
    assert.deepEqual(
      together.map((s) => s[4].shape),
      [
        [6, 7, 7, 1],
        [6, 5, 5, 1],
      ],
    );
    for (let i = 0; i < 6; i++) {
      const alone = d.forward(tf.slice(labels, i % 2, 1), tf.slice(images, i, 1));
      together.forEach((layers, s) => layers.forEach((x, l) => assertClose(tf.slice(x, i, 1), alone[s][l], 1e-5, `image ${i}, scale ${s}, layer ${l}`)));
    }
  });
  d.dispose();
});

test('the first layer is one convolution on labels and image side by side', () => {
  const d = new Discriminator(toy);
  scatter(d.parameters.trainable, 51);
  tf.tidy(() => {
    const [labels, image] = [oneHot(1), normalTensor([1, 32, 32, 3], 1)];
    const find = (name: string) => d.parameters.entries().find((e) => e.name === `model.discriminator_0.model.model0.0.${name}`)!.variable;
    const input = tf.pad(tf.concat([labels, image], 3), [
      [0, 0],
      [2, 2],
      [2, 2],
      [0, 0],
    ]);
    const expected = tf.leakyRelu(tf.add(tf.conv2d(input, find('weight') as tf.Tensor4D, 2, 'valid'), find('bias')), 0.2);
    assertClose(d.forward(labels, image)[0][0], expected, 2e-6);
  });
  d.dispose();
});

test('training takes a power iteration, judging alone does not', () => {
  const d = new Discriminator(toy);
  tf.tidy(() => {
    const u = d.parameters.entries().find((e) => e.name.endsWith('model1.0.0.weight_u'))!.variable;
    const before = u.dataSync().slice();
    d.forward(oneHot(1), normalTensor([1, 32, 32, 3], 1));
    assert.deepEqual(u.dataSync(), before);
    d.forward(oneHot(1), normalTensor([1, 32, 32, 3], 1), true);
    assert.notDeepEqual(u.dataSync(), before);
  });
  d.dispose();
});

test('wrong fields are named', () => {
  const fault = (config: object, message: RegExp) =>
    assert.throws(
      () => new Discriminator(config),
      (e) => e instanceof UserError && message.test(e.message),
    );
  fault({ ngf: 64 }, /no field 'ngf'; did you mean 'ndf'/);
  fault({ scales: 0 }, /Discriminator\.scales/);
});

test('no tensor is left', async () => {
  const d = new Discriminator(toy);
  const [labels, images] = [tf.tidy(() => oneHot(1)), normalTensor([2, 32, 32, 3], 1)];
  await assertNoLeak(() => tf.tidy(() => void d.forward(labels, images, true)));
  tf.dispose([labels, images]);
  d.dispose();
});
