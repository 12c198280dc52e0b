import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { normalTensor, randomVgg, scatter } from '../../proof/testing/toy';
import * as tf from '../engine/tf';
import { Parameters } from '../layers/core/parameters';
import { VGG19_CHANNELS } from '../judges/vgg19';
import { ProjectedHeads } from './projected_heads';

const CLASSES = 3;

/** The vectors of spectral norm follow the weights, which were scattered since they were drawn. */
function settle(projected: ProjectedHeads, labels: tf.Tensor4D): void {
  const [b, h, w] = labels.shape;
  for (let i = 0; i < 10; i++) tf.tidy(() => void projected.forward(labels, tf.zeros([b, h, w, 3]), true));
}

/** Label maps in stripes of 8 pixels, the second and third shifted by a class each. */
function stripes(maps: number, h: number, w: number): tf.Tensor4D {
  return tf.tidy(() => {
    const labels = Array.from({ length: maps * h * w }, (_, i) => (Math.floor((i % w) / 8) + Math.floor(i / (h * w))) % CLASSES);
    return tf.oneHot(tf.tensor4d(labels, [maps, h, w, 1], 'int32').reshape([maps, h, w]), CLASSES).toFloat() as tf.Tensor4D;
  });
}

function heads(seed = 5) {
  const vgg = randomVgg();
  const parameters = new Parameters();
  const projected = new ProjectedHeads(parameters.scope('projected'), CLASSES, vgg);
  scatter(parameters.trainable, seed, 0.3);
  return { vgg, parameters, projected, dispose: () => [vgg, parameters].forEach((x) => x.dispose()) };
}

test('four sizes are judged, from half of the image down; of VGG19 nothing is learnt', async () => {
  const { projected, parameters, dispose } = heads();
  const [labels, images] = [stripes(2, 32, 48), normalTensor([2, 32, 48, 3], 1)];
  const shapes = tf.tidy(() => projected.forward(labels, images).map((t) => t.shape));
  assert.deepEqual(shapes, [
    [2, 16, 24, 1],
    [2, 8, 12, 1],
    [2, 4, 6, 1],
    [2, 2, 3, 1],
  ]);
  // By hand: features, classes, 3x3 and score, each with its biases.
  const head = (channels: number) => 64 * (channels + 1) + 64 * (CLASSES + 1) + 64 * (9 * 64 + 1) + 65;
  assert.equal(parameters.count, head(128) + head(256) + 2 * head(512));
  assert.ok(parameters.entries().every(({ name }) => /^projected\.relu[2-5]_1\.(image|labels|hidden|score)\./.test(name)));
  await assertNoLeak(() => tf.tidy(() => void projected.forward(labels, images, true)));
  tf.dispose([labels, images]);
  dispose();
});

test('images are judged each by itself beside its own label map, also several of one map', () => {
  const { projected, dispose } = heads();
  tf.tidy(() => {
    const labels = stripes(2, 32, 32);
    settle(projected, labels);
    const images = normalTensor([4, 32, 32, 3], 2);
    const together = projected.forward(labels, images);
    for (let i = 0; i < 4; i++) {
      const alone = projected.forward(tf.slice(labels, i % 2, 1), tf.slice(images, i, 1));
      // Sums of up to 4608 products of float32.
      alone.forEach((scores, k) => assertClose(tf.slice(together[k], i, 1), scores, 1e-4, `image ${i}, size ${k}`));
    }
    const other = projected.forward(tf.reverse(labels, 0), images);
    for (const [k, scores] of other.entries()) assert.ok(tf.max(tf.abs(tf.sub(scores, together[k]))).dataSync()[0] > 1e-3, `size ${k}`);
  });
  dispose();
});

test('the gradients of the image and of the biases agree with finite differences', () => {
  // Features without VGG19's kinks, which differences stumble over: means of 2^i x 2^i pixels, their channels repeated.
  const smooth = (x: tf.Tensor4D, level: number) => {
    const mean = level ? tf.avgPool(x, 2 ** level, 2 ** level, 'valid') : x;
    return tf.slice(tf.tile(tf.sin(tf.mul(mean, 3)), [1, 1, 1, 200]), [0, 0, 0, 0], [-1, -1, -1, VGG19_CHANNELS[level]]) as tf.Tensor4D;
  };
  const parameters = new Parameters();
  const projected = new ProjectedHeads(parameters, CLASSES, { features: (x) => VGG19_CHANNELS.map((_, level) => smooth(x, level)) });
  scatter(parameters.trainable, 7, 0.3);
  const [labels, image] = [stripes(1, 16, 32), normalTensor([1, 16, 32, 3], 3)];
  settle(projected, labels);
  // What a step crosses of leaky relu's kinks and the rounding of float32 stay below 2 % of the gradient.
  for (const k of [0, 1, 2, 3]) {
    checkGradient((x) => projected.forward(labels, x as tf.Tensor4D)[k], [image], { eps: 1e-3, tolerance: 0.02, message: `image, size ${k}` });
  }
  // Of a kernel spectral norm takes its vectors as constants, so that a difference is another thing.
  const biases = parameters.trainable.filter(({ name }) => name.endsWith('bias'));
  assert.equal(biases.length, 16);
  for (const [i, { name, variable }] of biases.entries()) {
    const scores = () => projected.forward(labels, image)[Math.floor(i / 4)];
    checkGradient(scores, [variable], { eps: 1e-3, tolerance: 0.02, directions: 1, message: name });
  }
  tf.dispose([labels, image]);
  parameters.dispose();
});
