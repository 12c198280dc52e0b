import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { perceptualLoss, realFeatures } from '../losses/perceptual';
import { assertClose, assertNoLeak } from '../../proof/testing/close';
import { withMaterial } from '../../proof/testing/material';
import * as tf from '../engine/tf';
import { Vgg19, VGG19_FEATURES, type Vgg19Input } from './vgg19';
import { caffeToTorchvision, readVgg19Weights, VGG19_LAYERS, type Vgg19Weights } from './vgg19_weights';

interface Summary {
  size: number;
  mean: number;
  l2: number;
  samples: number[];
}
type Reference = Record<string, { features: Summary[]; loss: number; gradient: Summary }>;

const reference = JSON.parse(readFileSync(join(__dirname, 'vgg19.reference.json'), 'utf8')) as Reference;

/** The image of the reference: smooth waves and a checker board of 8 pixels, [1,50,64,3]. */
function image(phase: number, h = 50, w = 64): tf.Tensor4D {
  const data = new Float32Array(h * w * 3);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const sign = ((x >> 3) + (y >> 3)) % 2 === 0 ? 1 : -1;
      for (let c = 0; c < 3; c++) {
        data[(y * w + x) * 3 + c] = 0.8 * Math.sin(c + 0.1 * x + 0.07 * y + phase) + 0.2 * sign * Math.cos(phase + c);
      }
    }
  }
  return tf.tensor4d(data, [1, h, w, 3]);
}

function compare(actual: tf.Tensor, expected: Summary, relative: number, message: string): void {
  const data = actual.dataSync();
  assert.equal(data.length, expected.size, message);
  const scale = Math.max(...expected.samples.map(Math.abs), expected.l2 / Math.sqrt(expected.size));
  const samples = expected.samples.map((_, i) => data[Math.floor((i * data.length) / 8)]);
  assertClose(samples, expected.samples, { relative: 0, absolute: relative * scale }, `${message}, samples`);
  let sum = 0;
  let squares = 0;
  for (const v of data) {
    sum += v;
    squares += v * v;
  }
  assertClose(Math.sqrt(squares), expected.l2, relative, `${message}, length`);
  assertClose(sum / data.length, expected.mean, { relative, absolute: relative * scale }, `${message}, mean`);
}

describe('VGG19 on trained weights', () => {
  // Sums of up to 4608 products in float32 through 13 layers; PyTorch's own float32 departs from its float64 by 1e-7.
  const tolerance = 5e-6;
  const cases: ['torchvision' | 'caffe', Vgg19Input][] = [
    ['torchvision', 'straight'],
    ['torchvision', 'imagenet'],
    ['caffe', 'straight'],
    ['caffe', 'imagenet'],
  ];

  for (const [convention, input] of cases) {
    it(`gives PyTorch's numbers (weights taken as ${convention}, input ${input})`, async (t: TestContext) => {
      const folder = withMaterial(t, 'weights/vgg19_imagenet_uint8');
      if (!folder) return;
      const vgg = new Vgg19(await readVgg19Weights(folder, convention), input);
      const [fake, real] = [image(0), image(0.6)];
      const expected = reference[`${convention}, ${input}`];
      const features = tf.tidy(() => vgg.features(fake));
      features.forEach((f, i) => compare(f, expected.features[i], tolerance, VGG19_FEATURES[i]));

      const targets = realFeatures(vgg, real);
      const { value, grad } = tf.valueAndGrad((x) => perceptualLoss(vgg, x as tf.Tensor4D, targets))(fake);
      assertClose(value, expected.loss, tolerance, 'loss');
      // The gradient of |a - b| and of a rectifier jumps: where float32 rounds the other way, single terms of 600
      // thousand change their sign (2e-5 seen, and another value with another number of threads).
      compare(grad, expected.gradient, 2e-4, 'gradient');
      assert.deepEqual(grad.shape, fake.shape);

      await assertNoLeak(() => {
        const again = realFeatures(vgg, real);
        const g = tf.valueAndGrad((x) => perceptualLoss(vgg, x as tf.Tensor4D, again))(fake);
        tf.dispose([again, g.value, g.grad]);
      });
      tf.dispose([fake, real, features, targets, value, grad]);
      vgg.dispose();
    });
  }
});

describe('VGG19 weights', () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), 'vgg19-'))));
  after(() => rmSync(folder, { recursive: true }));

  it('stand under the names of torchvision and Keras', () => {
    // torchvision's vgg19().features lists convolutions at these indices, models.vgg.cfgs['E'].
    const indices = VGG19_LAYERS.map((l) => Number(l.torchvision.split('.')[1]));
    assert.deepEqual(indices, [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28]);
    assert.equal(VGG19_LAYERS[12].keras, 'block5_conv1');
  });

  it('of Caffe see the same picture after their conversion', () => {
    // One 3x3 convolution with bias, by hand: BGR grey levels through the stored kernel against deviations through the
    // converted one, over s.
    const kernel = { shape: [3, 3, 3, 2], data: Float32Array.from({ length: 54 }, (_, i) => Math.sin(i * 1.7)) };
    const bias = { shape: [2], data: Float32Array.of(20, -30) };
    const [converted] = caffeToTorchvision([{ kernel, bias }]);
    const rgb = Float32Array.from({ length: 27 }, (_, i) => Math.cos(i * 2.3));
    const grey = [58.395, 57.12, 57.375];
    const dot = (k: Float32Array, x: ArrayLike<number>, o: number) => rgb.reduce((sum, _, i) => sum + k[i * 2 + o] * x[i], 0);
    const bgr = rgb.map((_, i) => rgb[i - (i % 3) + (2 - (i % 3))] * grey[2 - (i % 3)]);
    const s = (58.395 + 57.12 + 57.375) / 3;
    for (const o of [0, 1]) {
      assertClose(dot(converted.kernel.data, rgb, o) + converted.bias.data[o], (dot(kernel.data, bgr, o) + bias.data[o]) / s, 1e-6);
    }
  });

  it('that are missing, cut short or of another network are refused by name', async () => {
    await assert.rejects(readVgg19Weights(join(folder, 'none')), /none does not exist/);
    const manifest = join(folder, 'weights_manifest.json');
    writeFileSync(manifest, '[{"paths": ["w.bin"], "weig');
    await assert.rejects(readVgg19Weights(folder), /weights_manifest\.json is not readable JSON/);
    writeFileSync(manifest, '{"a": 1}');
    await assert.rejects(readVgg19Weights(folder), /is not a TensorFlow\.js weights manifest/);
    const weights = [{ name: 'block1_conv1/kernel', shape: [3, 3, 3, 8], dtype: 'float32' }];
    writeFileSync(manifest, JSON.stringify([{ paths: ['w.bin'], weights }]));
    await assert.rejects(readVgg19Weights(folder), /w\.bin is missing/);
    writeFileSync(join(folder, 'w.bin'), Buffer.alloc(100));
    await assert.rejects(readVgg19Weights(folder), /w\.bin holds 100 bytes .* describes 864/);
    writeFileSync(join(folder, 'w.bin'), Buffer.alloc(864));
    await assert.rejects(readVgg19Weights(folder), /'block1_conv1\/kernel' has shape \[3,3,3,8\], VGG19 needs \[3,3,3,64\]/);
  });

  it('let no gradient into themselves and keep no tensor when disposed', async () => {
    // Random weights: enough for the bookkeeping.
    const layers = VGG19_LAYERS.map(({ cin, cout }) => ({
      kernel: { shape: [3, 3, cin, cout], data: new Float32Array(9 * cin * cout).fill(0.01) },
      bias: { shape: [cout], data: new Float32Array(cout) },
    }));
    const weights: Vgg19Weights = { source: 'constant', layers };
    await assertNoLeak(() => {
      const vgg = new Vgg19(weights);
      const x = image(0, 16, 16);
      const g = tf.grad((v) => tf.sum(vgg.features(v as tf.Tensor4D)[4]))(x);
      tf.dispose([x, g]);
      vgg.dispose();
    });
  });
});
