import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LabelMap, Pair, PairDataset } from '../../src/data/types';
import { normals } from '../../proof/testing/close';
import * as tf from '../../src/engine/tf';
import { Confusion, maskAccuracy, maskReport, meanColours, paintMeanColours } from './mask_accuracy';
import { trainSegmenter } from './train_segmenter';

const map = (values: number[], width = values.length): LabelMap => ({
  data: Uint8Array.from(values),
  height: values.length / width,
  width,
});

/** Sky over water or sand, the border anywhere, each class its colour and grain; seeded. */
function scenes(count: number, seed: number): PairDataset {
  const normal = normals(seed);
  const colours = [
    [120, 170, 230],
    [30, 80, 150],
    [220, 200, 140],
  ];
  const pairs = Array.from({ length: count }, (_, n): Pair => {
    const [height, width] = [48, 64];
    const border = 16 + Math.floor(16 * Math.abs(Math.sin(n * 1.7 + seed)));
    const labels = new Uint8Array(height * width);
    const data = new Uint8Array(height * width * 3);
    for (let i = 0; i < labels.length; i++) {
      labels[i] = i < border * width ? 0 : 1 + (n % 2);
      for (let c = 0; c < 3; c++) data[3 * i + c] = Math.min(255, Math.max(0, colours[labels[i]][c] + 25 * normal()));
    }
    return { name: `scene${n}`, image: { data, height, width }, labels: { data: labels, height, width } };
  });
  return { source: `scenes ${seed}`, names: pairs.map((p) => p.name), length: count, at: async (i) => pairs[i] };
}

describe('confusion of classes', () => {
  it('gives accuracy and intersection over union by hand', () => {
    const c = new Confusion(4);
    c.add(map([0, 0, 1, 1, 2, 3]), map([0, 1, 1, 1, 255, 0]));
    assert.equal(c.accuracy, 3 / 5);
    // class 0: 1 / (2 + 2 - 1); class 1: 2 / (3 + 2 - 2); class 3 is predicted but never true.
    assert.deepEqual(c.ious, [
      { classIndex: 0, iou: 1 / 3, pixels: 2 },
      { classIndex: 1, iou: 2 / 3, pixels: 3 },
    ]);
    assert.equal(c.meanIou, 0.5);
  });

  it('refuses other sizes and values', () => {
    assert.throws(() => new Confusion(2).add(map([0, 1]), map([0, 1], 1)), /1x2 and 2x1/);
    assert.throws(() => new Confusion(2).add(map([0, 1]), map([0, 2])), /holds 2, there are 2 classes/);
  });
});

describe('mean colours', () => {
  it('are those of the pixels of each class, and of all pixels for a class that is missing', async () => {
    const image = { data: Uint8Array.of(10, 20, 30, 30, 40, 50, 100, 0, 0), height: 1, width: 3 };
    const set: PairDataset = {
      source: 'three pixels',
      names: ['a'],
      length: 1,
      at: async () => ({ name: 'a', image, labels: map([1, 1, 0]) }),
    };
    const colours = await meanColours(set, 3);
    assert.deepEqual(colours, [
      [100, 0, 0],
      [20, 30, 40],
      [140 / 3, 20, 80 / 3],
    ]);
    assert.deepEqual([...paintMeanColours(map([1, 255]), colours).data], [20, 30, 40, 128, 128, 128]);
  });
});

describe('mask accuracy', () => {
  it('of a trained segmenter is high on images that show their classes and low on ones that show others', async () => {
    const before = tf.memory().numTensors;
    const train = scenes(12, 1);
    const notes: string[] = [];
    const options = { classes: 3, imageSize: [24, 32] as const, features: 12, steps: 60, batch: 4, learningRate: 0.01 };
    const segmenter = await trainSegmenter(train, options, (done, total, note) => notes.push(`${done}/${total} ${note}`));
    assert.equal(notes.length, 12 + 60);
    assert.match(notes[71], /^72\/72 segmenter: cross entropy/);
    assert.match(segmenter.name, /own U-Net \(12 channels, 24x32, 3 classes; trained on 12 pairs of scenes 1, 60 steps of 4, seed 628\)/);

    const val = scenes(6, 2);
    const real = await Promise.all(val.names.map((_, i) => val.at(i)));
    const other = (n: number) => 1 + (n % 2);
    const wrong = real.map((p, n) => ({
      image: p.image,
      labels: { ...p.labels, data: p.labels.data.map((v) => (v === 0 ? 0 : 3 - other(n))) },
    }));
    const report = await maskReport(segmenter, wrong, val, await meanColours(train, 3));
    assert.ok(report.ceiling.accuracy.value > 0.95, `${report.ceiling.accuracy.value}`);
    assert.ok(report.floor.accuracy.value > 0.9, "flat images in the classes' colours are easy here");
    // Only the sky is right, about half of each image.
    assert.ok(report.generated.accuracy.value < 0.7, `${report.generated.accuracy.value}`);
    assert.equal(report.ofCeiling, report.generated.accuracy.value / report.ceiling.accuracy.value);
    assert.deepEqual(report.ceiling.accuracy.n, { real: 6 });
    assert.equal(report.generated.accuracy.sizes.generated, '48x64');
    segmenter.dispose();
    assert.equal(tf.memory().numTensors, before);
  });

  it('trains the same network from the same seed', async () => {
    const options = { classes: 3, imageSize: [16, 16] as const, features: 2, steps: 3, batch: 2 };
    const losses = async (seed: number) => {
      const notes: string[] = [];
      (await trainSegmenter(scenes(4, 1), { ...options, seed }, (_d, _t, note) => notes.push(note ?? ''))).dispose();
      return notes.slice(4).map((note) => Number(note.split(' ').pop()));
    };
    const [first, again, other] = [await losses(1), await losses(1), await losses(2)];
    // Sums on several threads differ in the last digits; the notes show three decimals.
    first.forEach((loss, i) => assert.ok(Math.abs(loss - again[i]) < 2e-3, `${first} and ${again}`));
    assert.ok(
      first.some((loss, i) => Math.abs(loss - other[i]) > 0.01),
      `${first} and ${other}`,
    );
  });

  it('refuses empty sets and labels beyond the classes, and keeps no tensor', async () => {
    const before = tf.memory().numTensors;
    await assert.rejects(trainSegmenter({ ...scenes(1, 1), length: 0 }), /scenes 1 holds no pairs/);
    await assert.rejects(
      trainSegmenter(scenes(4, 1), { classes: 2, imageSize: [16, 16] as const, features: 2, steps: 1 }),
      /scene1: the label map holds 2, the segmenter has 2/,
    );
    const segmenter = await trainSegmenter(scenes(2, 1), {
      classes: 3,
      imageSize: [16, 16] as const,
      features: 2,
      steps: 1,
      batch: 2,
    });
    await assert.rejects(maskAccuracy(segmenter, [], { kind: 'generated' }), /there are no generated/);
    segmenter.dispose();
    assert.equal(tf.memory().numTensors, before);
  });
});
