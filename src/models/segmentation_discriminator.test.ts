import assert from 'node:assert/strict';
import test from 'node:test';
import { assertClose, assertNoLeak, checkGradient } from '../../proof/testing/close';
import { normalTensor, scatter } from '../../proof/testing/toy';
import { UserError } from '../common/errors';
import * as tf from '../engine/tf';
import { SegmentationDiscriminator } from './segmentation_discriminator';

const toy = { classes: 3, ndf: 4, levels: 3 };
const sum = (x: tf.Tensor): number => tf.tidy(() => tf.sum(x).dataSync()[0]);

test('a pixel gets a logit for each class and one for generated, at every size that the levels divide', async () => {
  const d = new SegmentationDiscriminator(toy);
  tf.tidy(() => {
    assert.deepEqual(d.forward(normalTensor([2, 24, 40, 3], 1)).shape, [2, 24, 40, 4]);
    assert.deepEqual(d.forward(normalTensor([1, 32, 64, 3], 1)).shape, [1, 32, 64, 4]);
  });
  // Counted by hand: kernel * kernel * in * out and out biases, but for the shortcuts.
  const conv = (k: number, cin: number, cout: number, bias = 1) => k * k * cin * cout + bias * cout;
  const down = (cin: number, cout: number) => conv(4, cin, cout) + conv(3, cout, cout) + conv(1, cin, cout, 0);
  const up = (cin: number, cout: number) => conv(1, cin, cout) + 2 * conv(3, cout, cout);
  assert.equal(d.parameters.count, conv(3, 12, 4) + down(4, 8) + down(8, 16) + up(16, 8) + up(8, 4) + conv(1, 4, 16));
  const images = normalTensor([2, 24, 40, 3], 1);
  await assertNoLeak(() => tf.tidy(() => void d.forward(images, true)));
  images.dispose();
  d.dispose();
});

test('images are judged each by itself, and each pixel by what stands around it', () => {
  const d = new SegmentationDiscriminator(toy);
  scatter(d.parameters.trainable, 5);
  tf.tidy(() => {
    const images = normalTensor([3, 32, 32, 3], 1);
    const together = d.forward(images);
    for (let i = 0; i < 3; i++) assertClose(tf.slice(together, i, 1), d.forward(tf.slice(images, i, 1)), 1e-5, `image ${i}`);
    // A pixel changed at the upper left moves its own logits and not those of the far corner: three levels see no further than 40 pixels.
    const wide = normalTensor([1, 32, 96, 3], 2);
    const spot = tf.pad(tf.ones([1, 1, 1, 3]), [
      [0, 0],
      [0, 31],
      [0, 95],
      [0, 0],
    ]) as tf.Tensor4D;
    const moved = tf.abs(tf.sub(d.forward(tf.add(wide, spot)), d.forward(wide))) as tf.Tensor4D;
    assert.ok(sum(tf.slice(moved, [0, 0, 0, 0], [1, 1, 1, 4])) > 1e-4);
    assert.equal(sum(tf.slice(moved, [0, 0, 80, 0], [1, 32, 16, 4])), 0);
  });
  d.dispose();
});

test('the gradient of the image and of every kernel agrees with finite differences', () => {
  // Without spectral norm, whose gradient takes its vectors as constants.
  const d = new SegmentationDiscriminator({ ...toy, levels: 2, behaviour: { spectralNorm: 'original' } });
  scatter(d.parameters.trainable, 7);
  const image = normalTensor([1, 8, 12, 3], 1);
  // A step this small crosses few kinks of leaky relu; what it crosses and the rounding of float32 stay below 2 % of the gradient.
  checkGradient((x) => d.forward(x as tf.Tensor4D), [image], { eps: 1e-3, tolerance: 0.02 });
  for (const { name, variable } of d.parameters.trainable)
    checkGradient(() => d.forward(image), [variable], { eps: 1e-3, tolerance: 0.02, directions: 1, message: name });
  image.dispose();
  d.dispose();
});

test("spectral norm: a power iteration in training only; in the original's way the plain kernels", () => {
  const d = new SegmentationDiscriminator(toy);
  tf.tidy(() => {
    const u = d.parameters.entries().find((e) => e.name === 'down1.conv1.weight_u')!.variable;
    const images = normalTensor([1, 32, 32, 3], 1);
    const before = u.dataSync().slice();
    const logits = d.forward(images);
    assert.deepEqual(u.dataSync(), before);
    d.forward(images, true);
    assert.notDeepEqual(u.dataSync(), before);
    // A kernel ten times as large is the same divided by its norm, its bias being 0 at the start.
    const kernel = d.parameters.entries().find((e) => e.name === 'stem.weight_orig')!.variable;
    kernel.assign(tf.mul(kernel, 10));
    const again = new SegmentationDiscriminator(toy);
    again.forward(images, true);
    assertClose(d.forward(images), again.forward(images), 1e-4);
    assert.ok(sum(tf.abs(logits)) > 0);
    again.dispose();
  });
  d.dispose();
  const plain = new SegmentationDiscriminator({ ...toy, behaviour: 'original' });
  assert.ok(plain.parameters.entries().every((e) => e.trainable));
  plain.dispose();
});

test('wrong fields are named', () => {
  const fault = (config: object, message: RegExp) =>
    assert.throws(
      () => new SegmentationDiscriminator(config),
      (e) => e instanceof UserError && message.test(e.message),
    );
  fault({ scales: 2 }, /no field 'scales'/);
  fault({ levels: 0 }, /SegmentationDiscriminator\.levels/);
});
