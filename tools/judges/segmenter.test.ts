import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { extractFeatures } from './features';
import { pixelCrossEntropy } from './train_segmenter';
import { assertClose, assertNoLeak, checkGradient, normals } from '../../proof/testing/close';
import * as tf from '../../src/engine/tf';
import { Segmenter } from './segmenter';

const tiny = { classes: 3, imageSize: [16, 24] as const, features: 4 };
const noise = (height: number, width: number, seed: number) => {
  const normal = normals(seed);
  return { data: Uint8Array.from({ length: height * width * 3 }, () => 128 + 40 * normal()), height, width };
};

describe('segmenter', () => {
  it('gives each pixel a class, whatever the size of the image', () => {
    const s = new Segmenter(tiny);
    const maps = s.segment([noise(16, 24, 1), noise(50, 31, 2)]);
    assert.deepEqual(
      maps.map((m) => [m.height, m.width, m.data.length]),
      [
        [16, 24, 384],
        [16, 24, 384],
      ],
    );
    assert.ok(maps.every((m) => m.data.every((v) => v < 3)));
    assert.deepEqual(s.segment([]), []);
    s.dispose();
  });

  it('has logits at half the size, the same for an image alone and in a batch when it does not train', () => {
    const s = new Segmenter(tiny);
    const x = tf.randomNormal([2, 16, 24, 3]) as tf.Tensor4D;
    const both = s.logits(x);
    const second = s.logits(tf.slice(x, 1, 1));
    assert.deepEqual(both.shape, [2, 8, 12, 3]);
    assertClose(second, tf.slice(both, 1, 1));
    s.dispose();
  });

  it('has as many levels as asked, of no more channels than the widest, and logits for each block', () => {
    const s = new Segmenter({ classes: 3, imageSize: [32, 64], block: 4, levels: 4, features: 4, widest: 10 });
    const shapes = new Map(s.parameters.entries().map(({ name, variable }) => [name, variable.shape]));
    assert.deepEqual(
      ['stem', 'down1', 'down2a', 'down3a', 'down4b', 'up3', 'up1'].map((name) => shapes.get(`${name}.conv.weight`)!.slice(2)),
      [
        [48, 4],
        [4, 4],
        [4, 8],
        [8, 10],
        [10, 10],
        [10, 10],
        [4, 4],
      ],
    );
    assert.deepEqual(s.logits(tf.zeros([1, 32, 64, 3])).shape, [1, 8, 16, 3]);
    assert.equal(s.featureNetwork().dimensions, 10);
    s.dispose();
    assert.throws(() => new Segmenter({ imageSize: [48, 64], block: 4, levels: 4 }), /48x64 has to be multiples of 32/);
  });

  it('has gradients in every parameter', () => {
    const s = new Segmenter(tiny);
    const x = tf.randomNormal([2, 16, 24, 3], 0, 1, 'float32', 3) as tf.Tensor4D;
    const labels = tf.tensor3d(
      Array.from({ length: 192 }, (_, i) => i % 3),
      [2, 8, 12],
    );
    const variables = s.parameters.trainable.map((e) => e.variable);
    const { grads } = tf.variableGrads(() => pixelCrossEntropy(s.logits(x, true), labels), variables);
    for (const { name, variable } of s.parameters.trainable) {
      const size = Math.max(...grads[variable.name].abs().dataSync());
      assert.ok(size > 0 && Number.isFinite(size), `${name}: ${size}`);
    }
    tf.dispose(grads);
    s.dispose();
  });

  it('gives features that carry its name, not that of FID', async () => {
    const s = new Segmenter(tiny);
    const features = await extractFeatures([noise(20, 20, 1), noise(20, 20, 2)], s.featureNetwork());
    assert.equal(features.dimensions, 16);
    assert.equal(features.canonical, false);
    assert.match(features.network, /^bottleneck of the own U-Net .*untrained/);
    s.dispose();
  });

  it('comes back from its file as it was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'segmenter-'));
    try {
      const file = join(folder, 's.safetensors');
      const s = new Segmenter({ ...tiny, seed: 5 });
      s.trainedOn = 'nothing';
      // Running statistics are part of it.
      tf.dispose(s.logits(tf.randomNormal([2, 16, 24, 3], 3) as tf.Tensor4D, true));
      await s.save(file);
      const t = await Segmenter.load(file);
      assert.equal(t.name, s.name);
      assert.deepEqual(t.segment([noise(16, 24, 1)]), s.segment([noise(16, 24, 1)]));
      s.dispose();
      t.dispose();
      writeFileSync(file, 'x');
      await assert.rejects(Segmenter.load(file), /s\.safetensors/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses sizes it cannot halve three times', () => {
    assert.throws(() => new Segmenter({ imageSize: [90, 128] }), /90x128 has to be multiples of 8/);
    assert.throws(() => new Segmenter({ imageSize: [96] as unknown as [number, number] }), /expected height and width/);
  });

  it('leaves no tensor behind', async () => {
    await assertNoLeak(() => {
      const s = new Segmenter(tiny);
      s.segment([noise(16, 24, 1)]);
      s.dispose();
    });
  });
});

describe('cross entropy of pixels', () => {
  it('counts a pixel by the weight of its class', () => {
    const logits = tf.randomNormal([1, 2, 3, 2], 0, 1, 'float32', 11) as tf.Tensor4D;
    const labels = tf.tensor3d([0, 1, 1, 255, 0, 1], [1, 2, 3]);
    const weights = tf.tensor1d([3, 0.5]);
    const p = (logits.softmax().arraySync() as number[][][][])[0].flat();
    const truth = [0, 1, 1, 255, 0, 1];
    const expected = truth.reduce((s, c, i) => s - (c === 255 ? 0 : [3, 0.5][c] * Math.log(p[i][c])), 0) / (2 * 3 + 3 * 0.5);
    assertClose(pixelCrossEntropy(logits, labels, weights), expected, 1e-6);
    checkGradient((x) => pixelCrossEntropy(x as tf.Tensor4D, labels, weights), [logits]);
  });

  it('is the mean over the pixels that have a class', () => {
    // Two pixels with classes, one without: (-log softmax([1,2])[0] - log softmax([3,3])[1]) / 2
    const logits = tf.tensor4d([1, 2, 3, 3, 9, -9], [1, 1, 3, 2]);
    const labels = tf.tensor3d([0, 1, 255], [1, 1, 3]);
    assertClose(pixelCrossEntropy(logits, labels), (Math.log(1 + Math.E) + Math.log(2)) / 2, 1e-6);
    const gradient = tf.grad((x) => pixelCrossEntropy(x as tf.Tensor4D, labels))(logits);
    const p = 1 / (1 + Math.E);
    assertClose(gradient, [(p - 1) / 2, (1 - p) / 2, 0.25, -0.25, 0, 0], 1e-6);
  });

  it('has the gradient of finite differences', () => {
    const logits = tf.randomNormal([2, 3, 4, 5], 0, 1, 'float32', 7) as tf.Tensor4D;
    const labels = tf.tensor3d(
      Array.from({ length: 24 }, (_, i) => (i % 7 === 0 ? 255 : i % 5)),
      [2, 3, 4],
    );
    checkGradient((x) => pixelCrossEntropy(x as tf.Tensor4D, labels), [logits]);
  });

  it('is 0 without any class', () => {
    assert.equal(Math.abs(pixelCrossEntropy(tf.ones([1, 1, 2, 3]), tf.fill([1, 1, 2], 255)).dataSync()[0]), 0);
  });
});
