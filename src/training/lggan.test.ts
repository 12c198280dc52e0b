import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { Batch, BatchSource } from '../data/batches';
import { UserError } from '../common/errors';
import { normals } from '../../proof/testing/close';
import type { Branches } from '../models/lggan/config';
import { labelMap, randomVgg, scatter } from '../../proof/testing/toy';
import { saveParameters } from '../checkpoints/parameters';
import type { Parameters } from '../layers/core/parameters';
import { styleOf } from '../layers/style';
import { labelMix, mixConsistency, mixMask } from '../losses/label_mix';
import { pixelShares } from '../losses/segmentation';
import { LGGAN } from '../models/lggan/lggan';
import type { SegmentationDiscriminator } from '../models/segmentation_discriminator';
import { canCompile } from '../engine/compiled';
import * as tf from '../engine/tf';
import { LGGANTrainer, trainLGGAN, type TrainLGGANConfig } from './lggan';

const [H, W] = [32, 64];
const CLASSES = 5;
const toy: Partial<TrainLGGANConfig> = {
  generator: { classes: CLASSES, ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [H, W] },
  discriminator: { ndf: 4 },
};

/** Pictures with all classes in blocks, each of one colour, so that every parameter has something to learn. */
function batch(seed: number, size = 2): Batch {
  const labels = [0, 1].slice(0, size).map((b) => labelMap(H, W, (y, x) => (Math.floor(x / 12) + (y < 16 ? 0 : 2) + b + seed) % CLASSES));
  const next = normals(seed);
  const tones = Array.from({ length: CLASSES * 3 }, () => Math.tanh(next() / 2));
  const images = Float32Array.from({ length: size * H * W * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return tones[labels[pixel < H * W ? 0 : 1].data[pixel % (H * W)] * 3 + (i % 3)];
  });
  return { images, labels, names: ['a', 'b'].slice(0, size) };
}

/** Four batches in turn, two an epoch. */
class Turn implements BatchSource {
  readonly batchesPerEpoch = 2;
  private place = 0;
  async next() {
    return batch(this.place++ % 4);
  }
  state() {
    return { place: this.place } as unknown as ReturnType<BatchSource['state']>;
  }
  restore(state: unknown) {
    this.place = (state as { place: number }).place;
  }
}

const folder = () => mkdtempSync(join(tmpdir(), 'lggan-'));

const valuesOf = (trainer: LGGANTrainer) =>
  new Map(
    [trainer.generator, trainer.discriminator, ...(trainer.averaged ? [trainer.averaged] : [])].flatMap((network, n) =>
      network.parameters.entries().map((e) => [`${n} ${e.name}`, { values: e.variable.dataSync().slice() as Float32Array, ...e }] as const),
    ),
  );

/** Small settings of the other discriminator and of one image judged. */
const segmentation: Partial<TrainLGGANConfig> = { ...toy, discriminator: { kind: 'segmentation', ndf: 4, levels: 3 } };
/** With half a generator, where it is not the subject. */
const oneBranch: Partial<TrainLGGANConfig> = { ...segmentation, generator: { ...toy.generator, branches: 'local' } };

for (const [what, config] of Object.entries<Partial<TrainLGGANConfig>>({
  'fakes: fresh': { ...toy, fakes: 'fresh' },
  'fakes: same': { ...toy, fakes: 'same' },
  'a discriminator that segments': segmentation,
  'one image judged': { ...toy, judged: 'final', fakes: 'same' },
  'a discriminator that segments, one image': { ...segmentation, judged: 'final' },
  'LabelMix, images changed': { ...segmentation, fakes: 'same', labelMix: 10, augment: true },
  'images changed, fresh': { ...toy, fakes: 'fresh', augment: true },
  'LabelMix, fresh': { ...segmentation, fakes: 'fresh', labelMix: 10 },
  'noise and style': { ...segmentation, fakes: 'same', generator: { ...toy.generator, noise: true, style: true } },
  'noise and style, fresh': { ...toy, fakes: 'fresh', generator: { ...toy.generator, noise: true, style: true } },
})) {
  test(`steps leave no tensor and move every parameter and its average (${what})`, () => {
    const trainer = new LGGANTrainer({ ...config, ema: 0.5 });
    const before = valuesOf(trainer);
    trainer.step(batch(0), 1);
    const tensors = tf.memory().numTensors;
    for (let i = 1; i <= 3; i++) {
      const losses = trainer.step(batch(i % 3), 1);
      assert.ok(Object.values(losses).every(Number.isFinite), JSON.stringify(losses));
      assert.equal(tf.memory().numTensors, tensors, `after step ${i + 1}`);
    }
    const still = [...valuesOf(trainer)].filter(([name, { values }]) => values.every((v, i) => v === before.get(name)!.values[i]));
    // What photos and generated images ask of the last bias cancels while no score has left -1..1.
    const others = still.map(([name]) => name).filter((name) => config.fakes !== 'same' || !/^1 .*model4\.0\.bias$/.test(name));
    assert.deepEqual(others, []);
    trainer.dispose();
  });
}

/** Kernels and functions that JavaScript calls while `f` runs. */
function calls(f: () => void): number {
  const backend = tf.backend() as unknown as { binding: Record<string, (...a: unknown[]) => unknown> };
  const native = backend.binding;
  let n = 0;
  const counted = (name: string) => ({ value: (...a: unknown[]) => (n++, native[name](...a)) });
  backend.binding = Object.create(native, { executeOp: counted('executeOp'), callFunction: counted('callFunction') });
  try {
    f();
  } finally {
    backend.binding = native;
  }
  return n;
}

/** Maps of a number of classes whose windows and boxes are other ones every time. */
function varied(i: number): Batch {
  const labels = [0, 1].map((b) => labelMap(H, W, (y, x) => (Math.floor(x / (5 + i)) + (y < 16 + i ? 0 : 2) + b + i) % CLASSES));
  return { ...batch(i), labels };
}

for (const branches of ['both', 'global', 'local'] as const) {
  test(`compiled steps: one recording for all maps, a few calls, the losses of eager steps (branches: ${branches})`, { skip: !canCompile() }, () => {
    const same = branches !== 'global';
    const config: Partial<TrainLGGANConfig> = {
      ...toy,
      generator: { ...toy.generator, branches, noise: true, style: true },
      ema: 0.5,
      fakes: same ? 'same' : 'fresh',
    };
    const of = (compiled: boolean) => {
      process.env.LGGAN_COMPILED = compiled ? '1' : '0';
      try {
        const trainer = new LGGANTrainer(config);
        // The second step compares every gradient and every variable, bit for bit, and the trainer says if they are not the same.
        const losses = [0, 1, 2, 3].map((i) => trainer.step(varied(i), 1));
        const { recordings, eagerBecause } = trainer.compilation;
        if (compiled) assert.deepEqual({ recordings, eagerBecause }, { recordings: same ? 1 : 2, eagerBecause: undefined });
        else assert.equal(recordings, 0);
        const count = calls(() => trainer.step(varied(4), 1));
        trainer.dispose();
        return { losses, count };
      } finally {
        delete process.env.LGGAN_COMPILED;
      }
    };
    const [fast, slow] = [of(true), of(false)];
    assert.ok(fast.count < 20, `${fast.count} calls`);
    assert.ok(slow.count > 1000, `${slow.count} calls`);
    for (const step of [0, 1]) {
      // Sums of other orders: the compiled step's label maps are prepared in another form.
      for (const [name, value] of Object.entries(fast.losses[step])) {
        assert.ok(
          Math.abs(value - slow.losses[step][name]) < 1e-3 * Math.max(1, Math.abs(value)),
          `step ${step}, ${name}: ${value} and ${slow.losses[step][name]}`,
        );
      }
    }
  });
}

test('a fault in a compiled step leaves no trace', { skip: !canCompile() }, () => {
  const trainer = new LGGANTrainer({ ...toy, fakes: 'same' });
  for (let i = 0; i < 3; i++) trainer.step(varied(i), 1);
  const before = valuesOf(trainer);
  const { recordings } = trainer.compilation;
  const bad = varied(3);
  bad.images[5] = NaN;
  const tensors = tf.memory().numTensors;
  assert.throws(() => trainer.step(bad, 1), /the loss .* became NaN/);
  assert.equal(tf.memory().numTensors, tensors);
  for (const [name, { values }] of valuesOf(trainer)) assert.deepEqual(values, before.get(name)!.values, name);
  assert.ok(Object.values(trainer.step(varied(4), 1)).every(Number.isFinite));
  assert.deepEqual(trainer.compilation, { recordings, eagerBecause: undefined });
  trainer.dispose();
});

test('a compiled step follows its schedule: another stage weighs the losses anew', { skip: !canCompile() }, () => {
  const trainer = new LGGANTrainer(toy);
  for (let i = 0; i < 3; i++) trainer.step(varied(i), 1);
  const [first, second] = [trainer.step(varied(3), 1), trainer.step(varied(3), 91)];
  assert.ok(second.l1 / first.l1 > 5, `${second.l1} after ${first.l1}`); // Ten times the weight.
  assert.equal(trainer.compilation.recordings, 3);
  trainer.dispose();
});

test('disposing of a trainer leaves no tensor', () => {
  const before = tf.memory().numTensors;
  new LGGANTrainer({ ...toy, ema: 0.9 }).dispose();
  assert.equal(tf.memory().numTensors, before);
});

test('the losses a step reports are weighted pieces that sum to the whole', () => {
  const weights = { gan: 0, featureMatching: 0, l1: 3, local: 0, classScore: 0, totalVariation: 0 };
  const [plain, weighted] = [new LGGANTrainer(toy), new LGGANTrainer({ ...toy, lossWeights: { 1: weights } })];
  const [a, b] = [plain.step(batch(0), 1), weighted.step(batch(0), 1)];
  const { generator, discriminatorFake, discriminatorReal, ...terms } = a;
  const sum = Object.values(terms).reduce((x, y) => x + y, 0);
  assert.ok(Math.abs(sum - generator) < 1e-5 * Math.abs(sum), `${sum} and ${generator}`);
  assert.ok(discriminatorFake > 0 && discriminatorReal > 0);
  // The L1 has weight 2 in the first stage; the two generators start equal.
  assert.ok(Math.abs(b.l1 / a.l1 - 1.5) < 1e-5);
  assert.equal(b.generator, b.l1);
  assert.equal(b.local, 0);
  // In the second stage it counts ten times as much.
  const second = new LGGANTrainer(toy);
  assert.ok(Math.abs(second.step(batch(0), 91).l1 / a.l1 - 10) < 1e-4);
  for (const t of [plain, weighted, second]) t.dispose();
});

test('the perceptual loss of the final image is the part of it in that of all three', () => {
  const vgg = randomVgg();
  const [all, final] = (['all', 'final'] as const).map((perceptual) => {
    const trainer = new LGGANTrainer({ ...toy, perceptual }, vgg);
    const { vgg: loss, ...rest } = trainer.step(batch(0), 1);
    trainer.dispose();
    return { loss, rest };
  });
  // An untrained network paints three grey images, so each has a third of the loss.
  assert.ok(Math.abs(final.loss / all.loss - 1 / 3) < 0.01, `${final.loss} of ${all.loss}`);
  assert.ok(Math.abs(final.rest.l1 - all.rest.l1) < 1e-6 * all.rest.l1);
  vgg.dispose();
});

for (const fakes of ['fresh', 'same'] as const) {
  test(`by features of VGG19 both kinds of discriminators have a second opinion, which learns and teaches (${fakes})`, (t) => {
    const vgg = randomVgg();
    for (const given of [toy, segmentation]) {
      const config = { ...given, fakes, judged: 'final' as const };
      const [without, weighted] = [0, 3].map((projected) => new LGGANTrainer({ ...config, lossWeights: { 1: { projected, vgg: 0 } } }, vgg));
      const heads = () => weighted.discriminator.parameters.trainable.filter(({ name }) => name.startsWith('projected.'));
      assert.equal(without.discriminator.projected, undefined);
      assert.equal(heads().length, 32);
      // By how much the heads score photos above what the generator paints.
      const gap = () =>
        tf.tidy(() => {
          const { images, labels } = batch(0);
          const pyramid = weighted.generator.prepare(labels);
          const { oneHot } = pyramid.at(H, W);
          const [photos, fakes] = [tf.tensor4d(images, [2, H, W, 3]), weighted.generator.forward(pyramid).final].map((x) =>
            weighted.discriminator.projected!.forward(oneHot, x),
          );
          const difference = tf.addN(photos.map((scores, i) => tf.sub(tf.mean(scores), tf.mean(fakes[i])))).dataSync()[0];
          pyramid.dispose();
          return difference / photos.length;
        });
      const first = gap();
      const before = heads().map(({ variable }) => variable.dataSync().slice());
      const [a, b] = [without.step(batch(0), 1), weighted.step(batch(0), 1)];
      assert.ok(!('projected' in a));
      assert.deepEqual(a.gan, b.gan);
      // All else was equal: what moves the generator's last convolution elsewhere, by more than a tenth of a step, is the second opinion.
      const last = ({ generator }: LGGANTrainer) =>
        generator.parameters
          .entries()
          .find((e) => e.name === 'conv_img.weight')!
          .variable.dataSync();
      const [own, other] = [last(weighted), last(without)];
      assert.ok(Math.max(...own.map((x, i) => Math.abs(x - other[i]))) > 1e-5);
      const sum = Object.entries(b).reduce((total, [name, x]) => (/^(generator|discriminator)/.test(name) ? total : total + x), 0);
      assert.ok(Math.abs(sum - b.generator) < 1e-5 * Math.abs(sum), `${sum} and ${b.generator}`);
      // In the linear part of the hinge losses what photos and images say of the last bias cancels.
      heads().forEach(({ name, variable }, i) => assert.ok(name.endsWith('score.bias') || before[i].some((x, k) => x !== variable.dataSync()[k]), name));
      for (let i = 0; i < 12; i++) weighted.step(batch(0), 1);
      t.diagnostic(`photos score ${first.toFixed(3)} above images at first, ${gap().toFixed(3)} after 12 steps`);
      // They know nothing at first, and then tell the same two photos from images, as far as the hinge losses' margins ask for.
      assert.ok(Math.abs(first) < 0.5 && gap() > 1, `${gap()} after ${first}`);
      const tensors = tf.memory().numTensors;
      weighted.step(batch(1), 1);
      assert.equal(tf.memory().numTensors, tensors);
      without.dispose();
      weighted.dispose();
    }
    vgg.dispose();
  });
}

test('LabelMix teaches the discriminator to answer by class, as much as its weight says; nothing else of the first step differs', (t) => {
  const [without, mixing, twice] = [0, 10, 20].map((weight) => new LGGANTrainer({ ...segmentation, fakes: 'same', labelMix: weight }));
  const [a, b, c] = [without, mixing, twice].map((trainer) => trainer.step(batch(0), 1));
  assert.ok(!('discriminatorMix' in a));
  const { discriminatorMix, ...rest } = b;
  assert.deepEqual(rest, a);
  assert.ok(discriminatorMix > 0 && Math.abs(c.discriminatorMix / discriminatorMix - 2) < 1e-5, `${discriminatorMix} and ${c.discriminatorMix}`);
  for (let i = 0; i < 30; i++) for (const trainer of [without, mixing]) trainer.step(batch(0), 1);
  // What the two then say of one mixture, by the same coins.
  const inconsistency = ({ discriminator, generator }: LGGANTrainer) => {
    const { images, labels } = batch(0);
    const pyramid = mixing.generator.prepare(labels);
    const value = tf.tidy(() => {
      const { oneHot } = pyramid.at(H, W);
      const mask = mixMask(oneHot, tf.tensor1d([1, 0, 1, 0, 1]));
      const [photos, paintings] = [tf.tensor4d(images, [2, H, W, 3]), generator.forward(pyramid).final];
      const say = (x: tf.Tensor4D) => (discriminator as SegmentationDiscriminator).forward(x);
      const [ofPhotos, ofPaintings] = [say(photos), say(paintings)];
      const apart = tf.mean(tf.square(tf.sub(ofPhotos, ofPaintings)));
      return tf.div(mixConsistency(say(labelMix(photos, paintings, mask)), ofPhotos, ofPaintings, mask, pixelShares(oneHot)), apart).dataSync()[0];
    });
    pyramid.dispose();
    return value;
  };
  const [plain, mixed] = [inconsistency(without), inconsistency(mixing)];
  t.diagnostic(`share of what its answers differ by: ${mixed.toFixed(3)} with LabelMix, ${plain.toFixed(3)} without`);
  assert.ok(mixed < 0.7 * plain, `${mixed} and ${plain}`);
  for (const trainer of [without, mixing, twice]) trainer.dispose();
});

test('LabelMix is refused for the patch discriminator and below 0, and no tensor is left', () => {
  const tensors = tf.memory().numTensors;
  for (const [config, message] of [
    [{ ...toy, labelMix: 10 }, /^train\.labelMix: this is for a discriminator that segments/],
    [{ ...segmentation, labelMix: -1 }, /^train\.labelMix: expected at least 0, got -1/],
  ] as const) {
    assert.throws(
      () => new LGGANTrainer(config),
      (e) => e instanceof UserError && message.test(e.message),
    );
  }
  assert.equal(tf.memory().numTensors, tensors);
});

test(
  'compiled steps with LabelMix and changed images: one recording, and every step draws anew, by the seed and the step alone',
  { skip: !canCompile() },
  () => {
    // Without spectral norm, whose vectors move with every pass.
    const behaviour = { spectralNorm: 'original' } as const;
    const discriminator = { kind: 'segmentation', ndf: 4, levels: 3, behaviour } as const;
    const config = { generator: { ...toy.generator, behaviour }, discriminator, fakes: 'same', labelMix: 10, augment: true } as const;
    const run = (more: Partial<TrainLGGANConfig> = {}) => {
      const trainer = new LGGANTrainer({ ...config, ...more, schedule: { learningRate: 1e-12 } });
      const losses = Array.from({ length: 5 }, () => trainer.step(batch(0), 1));
      const { compilation } = trainer;
      trainer.dispose();
      return { losses, compilation };
    };
    const [first, again] = [run(), run()];
    assert.deepEqual(first.compilation, { recordings: 1, eagerBecause: undefined });
    assert.deepEqual(first.losses, again.losses);
    // The same weights and images in every step.
    assert.equal(new Set(first.losses.map((l) => l.l1.toFixed(4))).size, 1);
    assert.equal(new Set(first.losses.map((l) => l.discriminatorReal)).size, 5);
    // The sides alone.
    const { losses } = run({ augment: false });
    assert.equal(new Set(losses.map((l) => l.discriminatorReal.toFixed(4))).size, 1);
    assert.ok(new Set(losses.map((l) => l.discriminatorMix.toPrecision(4))).size > 2);
  },
);

test('a second opinion without VGG19 is refused by name, and no tensor is left', () => {
  const tensors = tf.memory().numTensors;
  assert.throws(
    () => new LGGANTrainer({ ...toy, lossWeights: { 2: { projected: 1 } } }),
    (e) => e instanceof UserError && /^train\.lossWeights\.2\.projected: a second opinion goes by features of VGG19/.test(e.message),
  );
  assert.equal(tf.memory().numTensors, tensors);
});

test('a discriminator that segments gives no feature matching; its losses start at the entropy of even shares', () => {
  const trainer = new LGGANTrainer({ ...segmentation, lossWeights: { 1: { gan: 2 } } });
  const { generator, discriminatorFake, discriminatorReal, ...terms } = trainer.step(batch(0), 1);
  assert.deepEqual(Object.keys(terms), ['gan', 'l1', 'local', 'classScore', 'totalVariation']);
  const sum = Object.values(terms).reduce((x, y) => x + y, 0);
  assert.ok(Math.abs(sum - generator) < 1e-5 * Math.abs(sum), `${sum} and ${generator}`);
  // The classifier starts near zero, so that five classes and "generated" are as likely; three images, and a weight of 2.
  for (const [loss, count] of [
    [terms.gan, 6],
    [discriminatorFake, 3],
    [discriminatorReal, 3],
  ]) {
    assert.ok(Math.abs(loss / (count * Math.log(CLASSES + 1)) - 1) < 0.05, JSON.stringify(terms));
  }
  trainer.dispose();
  assert.throws(
    () => new LGGANTrainer({ ...segmentation, lossWeights: { 2: { featureMatching: 6 } } }),
    (e) => e instanceof UserError && /^train\.lossWeights\.2\.featureMatching: a discriminator that segments has no/.test(e.message),
  );
});

for (const [kind, config] of Object.entries({ patch: toy, segmentation })) {
  test(`of one image judged the discriminator's losses are a third of those of three, the losses on images as before (${kind})`, () => {
    const [all, final] = (['all', 'final'] as const).map((judged) => {
      const trainer = new LGGANTrainer({ ...config, judged });
      const losses = trainer.step(batch(0), 1);
      trainer.dispose();
      return losses;
    });
    // Untrained images are grey all three.
    for (const name of ['discriminatorReal', 'discriminatorFake', ...(kind === 'patch' ? ['featureMatching'] : ['gan'])]) {
      assert.ok(Math.abs(all[name] / (3 * final[name]) - 1) < 0.05, `${name}: ${all[name]} and ${final[name]}`);
    }
    for (const name of ['l1', 'local', 'classScore', 'totalVariation']) assert.equal(final[name], all[name], name);
  });
}

const largest = (values: Float32Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

for (const kind of ['patch', 'segmentation'] as const) {
  test(`what the discriminator says once gives both networks the gradients of passes apart (${kind})`, (t) => {
    // Without spectral norm, whose vectors move with every pass.
    const behaviour = { spectralNorm: 'original' } as const;
    const discriminator = { ndf: 4, behaviour, ...(kind === 'segmentation' && { kind, levels: 3 }) };
    const generator = { ...toy.generator, behaviour };
    const more = kind === 'segmentation' ? { labelMix: 10, augment: true } : {};
    const [once, apart] = (['same', 'fresh'] as const).map((fakes) => new LGGANTrainer({ generator, discriminator, fakes, ...more }));
    const found = { G: {}, D: {} } as Record<'G' | 'D', Record<string, Float32Array>>;
    const expected = { G: {}, D: {} } as typeof found;
    const observe = (adam: LGGANTrainer['optimiserG'], into: Record<string, Float32Array>) => {
      adam.step = (gradients) => {
        for (const [name, g] of Object.entries(gradients)) into[name] = g.dataSync().slice() as Float32Array;
        tf.dispose(gradients);
      };
    };
    observe(once.optimiserG, found.G);
    observe(once.optimiserD, found.D);
    observe(apart.optimiserG, expected.G);
    // As nobody moves, what is painted anew is the same.
    observe(apart.optimiserD, expected.D);
    // The third step is a compiled one that is trusted.
    for (let i = 0; i < 3; i++) {
      const losses = once.step(batch(0), 1);
      for (const [name, value] of Object.entries(apart.step(batch(0), 1))) {
        assert.ok(Math.abs(losses[name] - value) <= 1e-6 * Math.abs(value), `${name}: ${losses[name]} and ${value}`);
      }
    }
    let worst = 0;
    for (const network of ['G', 'D'] as const) {
      assert.deepEqual(Object.keys(found[network]), Object.keys(expected[network]));
      const most = Math.max(...Object.values(expected[network]).map(largest));
      for (const [name, g] of Object.entries(expected[network])) {
        // In front of an instance norm a bias does nothing, and the last one sees its parts cancel: their gradient is rounding.
        const scale = /(model[1-3]\.0\.0|model4\.0)\.bias$/.test(name) ? most : Math.max(1e-3 * most, largest(g));
        const difference = largest(g.map((v, j) => v - found[network][name][j])) / scale;
        worst = Math.max(worst, difference);
        // Sums of a batch in another order; 1.5e-5 was measured.
        assert.ok(difference < 3e-5, `${network} ${name}: ${difference}`);
      }
    }
    t.diagnostic(`${worst.toExponential(1)} of the largest number`);
    once.dispose();
    apart.dispose();
  });
}

test('each step draws other noise, the same again for the same step; each photo its own style, which is kept with its map', () => {
  // Without spectral norm, whose vectors move with every pass; nor do the optimisers move anything.
  const generator = { ...toy.generator, noise: true, style: true, behaviour: { spectralNorm: 'original' } } as const;
  const trainer = new LGGANTrainer({
    ...segmentation,
    discriminator: { kind: 'segmentation', ndf: 4, levels: 3, behaviour: generator.behaviour },
    generator,
    fakes: 'same',
    ema: 0.5,
  });
  scatter(trainer.generator.parameters.trainable, 3);
  let steps = 0;
  for (const adam of [trainer.optimiserG, trainer.optimiserD]) {
    adam.step = (gradients) => tf.dispose(gradients);
    Object.defineProperty(adam, 'stepsTaken', { get: () => steps });
  }
  // Of the painting alone.
  const lossOf = (given: Batch) => trainer.step(given, 1).totalVariation;
  const first = lossOf(batch(0));
  assert.equal(lossOf(batch(0)), first);
  steps = 1;
  assert.ok(Math.abs(lossOf(batch(0)) / first - 1) > 1e-4);
  const brighter = batch(0);
  brighter.images = brighter.images.map((v) => (v + 1) / 2);
  steps = 0;
  assert.ok(Math.abs(lossOf(brighter) / first - 1) > 1e-4, 'a brighter photo is painted otherwise');
  const { labels, images } = brighter;
  for (const { styles } of [trainer.generator, trainer.averaged!]) {
    labels.forEach((map, i) => {
      const expected = styleOf(images.subarray(i * H * W * 3, (i + 1) * H * W * 3), H, W);
      styles!.style(styles!.near(map)!)!.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) < 1e-5, `${i} ${k}: ${value} and ${expected[k]}`));
    });
  }
  trainer.dispose();
});

test('both passes of a step see the same noise and styles, another pattern for each image', () => {
  process.env.LGGAN_COMPILED = '0';
  const trainer = new LGGANTrainer({ ...toy, fakes: 'fresh', generator: { ...toy.generator, noise: true, style: true } });
  try {
    const seen: Float32Array[][] = [];
    const forward = trainer.generator.forward.bind(trainer.generator);
    trainer.generator.forward = (labels, options) => {
      seen.push([...Object.values(options!.noise!), options!.style].map((t) => t!.dataSync<'float32'>().slice()));
      return forward(labels, options);
    };
    trainer.step(batch(0), 1);
    assert.equal(seen.length, 2);
    assert.deepEqual(seen[1], seen[0]);
    // 1x2, 2x4, 4x8, 8x16, 16x32, 32x64; and the styles.
    assert.deepEqual(
      seen[0].map((values) => values.length / 2),
      [2, 8, 32, 128, 512, 2048, 8],
    );
    for (const values of seen[0]) assert.notDeepEqual(values.slice(0, values.length / 2), values.slice(values.length / 2));
  } finally {
    delete process.env.LGGAN_COMPILED;
    trainer.dispose();
  }
});

test('the perceptual loss of every second step counts twice, and not in between', async () => {
  const vgg = randomVgg();
  const [each, second] = [1, 2].map((perceptualEvery) => new LGGANTrainer({ ...oneBranch, perceptualEvery, perceptual: 'final' }, vgg));
  const [a, b] = [each.step(batch(0), 1), second.step(batch(0), 1)];
  assert.ok(Math.abs(b.vgg / a.vgg - 2) < 1e-5, `${b.vgg} and ${a.vgg}`);
  const course = [1, 2, 3].map((i) => 'vgg' in second.step(batch(i), 1));
  assert.deepEqual(course, [false, true, false]);
  each.dispose();
  second.dispose();
  vgg.dispose();
});

test('of one branch the losses are those of its image, and steps leave no tensor and move every parameter', () => {
  const expected = {
    both: ['gan', 'featureMatching', 'l1', 'local', 'classScore', 'totalVariation'],
    global: ['gan', 'featureMatching', 'l1', 'totalVariation'],
    local: ['gan', 'featureMatching', 'l1', 'local', 'classScore', 'totalVariation'],
  };
  const of = (branches: Branches) => new LGGANTrainer({ ...toy, generator: { ...toy.generator, branches } });
  const first: Record<string, Record<string, number>> = {};
  for (const [branches, names] of Object.entries(expected)) {
    const trainer = of(branches as Branches);
    const before = valuesOf(trainer);
    first[branches] = trainer.step(batch(0), 1);
    const { generator, discriminatorFake, discriminatorReal, ...terms } = first[branches];
    assert.deepEqual(Object.keys(terms), names);
    const sum = Object.values(terms).reduce((x, y) => x + y, 0);
    assert.ok(Math.abs(sum - generator) < 1e-5 * Math.abs(sum), `${branches}: ${sum} and ${generator}`);
    const tensors = tf.memory().numTensors;
    for (let i = 1; i <= 3; i++) trainer.step(batch(i % 3), 1);
    assert.equal(tf.memory().numTensors, tensors, branches);
    const still = [...valuesOf(trainer)].filter(([name, { values }]) => values.every((v, i) => v === before.get(name)!.values[i]));
    assert.deepEqual(
      still.map(([name]) => name),
      [],
      branches,
    );
    trainer.dispose();
  }
  // Untrained images are grey all three, so that the losses of one are a third of those of three.
  for (const branches of ['global', 'local']) {
    assert.ok(Math.abs(3 * first[branches].l1 - first.both.l1) < 0.05 * first.both.l1, JSON.stringify(first));
    assert.ok(Math.abs(3 * first[branches].discriminatorReal - first.both.discriminatorReal) < 0.05 * first.both.discriminatorReal);
  }
});

test('30 steps on one photo bring the generated images nearer to it', (t) => {
  const trainer = new LGGANTrainer({ ...toy, fakes: 'same', schedule: { learningRate: 2e-3 } });
  const course = Array.from({ length: 30 }, () => trainer.step(batch(0, 1), 1).l1);
  const [first, last] = [course[0], course[29]];
  t.diagnostic(`weighted L1 from ${first.toFixed(3)} to ${last.toFixed(3)}`);
  assert.ok(last < 0.8 * first, `${first} -> ${last}`);
  trainer.dispose();
});

for (const [kind, settings] of Object.entries({ patch: toy, segmentation: { ...oneBranch, judged: 'final' as const } }))
  test(`a saved and loaded trainer takes the same next step as one that went on (${kind})`, async (t) => {
    const output = folder();
    const config = { ...settings, output, ema: 0.9 };
    const one = new LGGANTrainer(config);
    one.step(batch(0), 1);
    one.step(batch(1), 1);
    await one.save('latest', { step: 2 });
    // Another seed: nothing may be left of its own beginning.
    const other = new LGGANTrainer({ ...config, generator: { ...config.generator, seed: 1 } });
    const tensors = tf.memory().numTensors;
    const state = await other.load('latest');
    assert.equal(tf.memory().numTensors, tensors);
    assert.equal(state?.step, 2);
    const same = () => {
      const [a, b] = [valuesOf(one), valuesOf(other)];
      for (const [name, { values }] of a) assert.deepEqual(b.get(name)!.values, values, name);
      return a.size;
    };
    t.diagnostic(`${same()} tensors equal bit for bit after loading`);
    for (const i of [2, 0]) assert.deepEqual(other.step(batch(i), 1), one.step(batch(i), 1));
    same();
    one.dispose();
    other.dispose();
    rmSync(output, { recursive: true });
  });

const drawing = { ...segmentation, generator: { ...toy.generator, noise: true, style: true } };

// The second one draws by the step.
for (const [kind, settings] of Object.entries({ patch: toy, segmentation: { ...drawing, judged: 'final' as const, labelMix: 10, augment: true } }))
  test(`a stopped and resumed run has the history and the weights of an uninterrupted one (${kind})`, async () => {
    const [output, straightOutput] = [folder(), folder()];
    const config = (o: string) => ({
      ...settings,
      output: o,
      schedule: { epochs: 2, decayEpochs: 1 },
      checkpointEvery: 100,
      sampleEvery: 3,
      evaluateEvery: 1,
    });
    const evaluated: number[] = [];
    const sampled: number[] = [];
    const straight = await trainLGGAN(
      config(straightOutput),
      { train: new Turn() },
      {
        onSample: (_, step) => void sampled.push(step),
        evaluate: async (_, epoch) => {
          evaluated.push(epoch);
          return epoch;
        },
      },
    );
    assert.equal(straight.interrupted, false);
    assert.equal(straight.history.length, 4);
    assert.deepEqual(sampled, [3, 4]);
    assert.deepEqual(evaluated, [1, 2]);
    // The first epoch was the better one.
    assert.ok(existsSync(join(straightOutput, 'best-000001')) && !existsSync(join(straightOutput, 'best-000002')));

    const stop = new AbortController();
    const first = await trainLGGAN(
      config(output),
      { train: new Turn() },
      {
        signal: stop.signal,
        onStep: (row) => {
          if (row.step === 3) stop.abort();
        },
      },
    );
    assert.equal(first.interrupted, true);
    assert.equal(first.history.length, 3);
    first.trainer.dispose();
    const seen: number[] = [];
    const second = await trainLGGAN(config(output), { train: new Turn() }, { onStep: (row, done, total) => void seen.push(row.step, done, total) });
    assert.deepEqual(seen, [4, 4, 4]);
    assert.equal(second.interrupted, false);
    const columns = straight.history.columns.filter((c) => c !== 'seconds');
    assert.ok(columns.includes('generator') && columns.includes('discriminatorReal'));
    for (const column of columns) assert.deepEqual(second.history.series(column), straight.history.series(column), column);
    const [a, b] = [valuesOf(straight.trainer), valuesOf(second.trainer)];
    for (const [name, { values }] of a) assert.deepEqual(b.get(name)!.values, values, name);
    straight.trainer.dispose();
    second.trainer.dispose();

    // A finished run has nothing to do.
    const done = await trainLGGAN(config(output), { train: new Turn() }, { onStep: () => assert.fail('no step was left') });
    assert.equal(done.history.length, 4);
    done.trainer.dispose();
    rmSync(output, { recursive: true });
    rmSync(straightOutput, { recursive: true });
  });

test('wrong settings are named', () => {
  const fault = (config: object, message: RegExp) =>
    assert.throws(
      () => new LGGANTrainer(config),
      (e) => e instanceof UserError && message.test(e.message),
      JSON.stringify(config),
    );
  fault({ epochs: 3 }, /^train: there is no field 'epochs'/);
  fault({ generator: { nfg: 4 } }, /^LGGAN: there is no field 'nfg'; did you mean 'ngf'/);
  fault({ checkpointEvery: 0 }, /train\.checkpointEvery/);
  fault({ fakes: 'smae' }, /train\.fakes: expected 'fresh' or 'same', got "smae"/);
  fault({ perceptual: 'finale' }, /train\.perceptual: expected 'all' or 'final', got "finale"/);
  fault({ judged: 'none' }, /train\.judged: expected 'all' or 'final', got "none"/);
  fault({ perceptualEvery: 0 }, /train\.perceptualEvery/);
  fault({ discriminator: 'oasis' }, /train\.discriminator: expected 'patch' or 'segmentation', got "oasis"/);
  fault({ discriminator: { kind: 'segmentation', scales: 2 } }, /^SegmentationDiscriminator: there is no field 'scales'/);
  fault({ ema: 1 }, /train\.ema/);
  fault({ lossWeights: { 1: { l2: 3 } } }, /^train\.lossWeights\.1: there is no field 'l2'; did you mean 'l1'/);
  fault({ lossWeights: { 3: {} } }, /^train\.lossWeights: there is no field '3'/);
});

test('a run that starts with a trained generator takes its shape and its weights, also in the average; another shape is refused', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'start-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const generator = new LGGAN({ ...toy.generator, seed: 5 });
  scatter(generator.parameters.trainable, 5, 0.05);
  const start = join(folder, 'G.safetensors');
  await saveParameters(start, generator.parameters, { network: 'LGGAN', config: JSON.stringify(generator.config) });
  const stop = new AbortController();
  stop.abort();
  const config = { discriminator: toy.discriminator, ema: 0.9, start, output: join(folder, 'run') };
  const { trainer } = await trainLGGAN(config, { train: new Turn() }, { signal: stop.signal });
  assert.deepEqual(trainer.generator.config, generator.config);
  for (const network of [trainer.generator, trainer.averaged!]) {
    network.parameters.entries().forEach(({ name, variable }, i) => {
      assert.deepEqual(variable.dataSync(), generator.parameters.entries()[i].variable.dataSync(), name);
    });
  }
  // A style is what the trained network may lack: it begins without effect then, and all else as before.
  const told: string[] = [];
  const styled = await trainLGGAN(
    { ...config, generator: { style: true }, output: join(folder, 'styled') },
    { train: new Turn() },
    { signal: stop.signal, onMessage: (m) => told.push(m) },
  );
  const known = new Map(generator.parameters.entries().map((e) => [e.name, e.variable]));
  const begun = styled.trainer.generator.parameters.entries().filter(({ name }) => !known.has(name));
  assert.ok(begun.every(({ name }) => name === 'styles' || name.endsWith('.style.weight')) && begun.length > 10, String(begun.map((e) => e.name)));
  for (const { name, variable } of styled.trainer.generator.parameters.entries())
    if (known.has(name)) assert.deepEqual(variable.dataSync(), known.get(name)!.dataSync(), name);
  for (const network of [styled.trainer.generator, styled.trainer.averaged!])
    for (const { name, variable } of network.parameters.entries())
      if (!known.has(name))
        assert.ok(
          variable.dataSync().every((v) => v === 0),
          name,
        );
  assert.deepEqual(told, [`${start}: this network has no style; it begins without effect, and no scene is known.`]);
  const startStyled = join(folder, 'styled.safetensors');
  await saveParameters(startStyled, styled.trainer.generator.parameters, { network: 'LGGAN', config: JSON.stringify(styled.trainer.generator.config) });
  styled.trainer.dispose();
  await assert.rejects(
    trainLGGAN({ ...config, start: startStyled, generator: { style: false }, output: join(folder, 'plain') }, { train: new Turn() }),
    (e) => e instanceof UserError && e.message.includes(`${startStyled}: this network is of another shape`),
  );
  const startDiscriminator = join(folder, 'D.safetensors');
  scatter(trainer.discriminator.parameters.trainable, 6, 0.05);
  await saveParameters(startDiscriminator, trainer.discriminator.parameters);
  const second = await trainLGGAN({ ...config, startDiscriminator, output: join(folder, 'second') }, { train: new Turn() }, { signal: stop.signal });
  second.trainer.discriminator.parameters.entries().forEach(({ name, variable }, i) => {
    assert.deepEqual(variable.dataSync(), trainer.discriminator.parameters.entries()[i].variable.dataSync(), name);
  });
  // The heads of a second opinion keep their random weights where the file has none, and are left where the run has none.
  const vgg = randomVgg();
  const heads = { ...config, lossWeights: { 1: { projected: 1 } } };
  const third = await trainLGGAN({ ...heads, startDiscriminator, output: join(folder, 'heads') }, { train: new Turn(), vgg }, { signal: stop.signal });
  const valuesIn = (parameters: Parameters) => new Map(parameters.entries().map(({ name, variable }) => [name, variable.dataSync().slice()]));
  const [plain, withHeads] = [valuesIn(second.trainer.discriminator.parameters), valuesIn(third.trainer.discriminator.parameters)];
  assert.ok(withHeads.size > plain.size);
  for (const [name, values] of plain) assert.deepEqual(withHeads.get(name), values, name);
  scatter(third.trainer.discriminator.parameters.trainable, 8, 0.05);
  const both = join(folder, 'both.safetensors');
  await saveParameters(both, third.trainer.discriminator.parameters);
  for (const begun of [heads, config]) {
    const output = join(folder, begun === heads ? 'again' : 'without');
    const { trainer: last } = await trainLGGAN({ ...begun, startDiscriminator: both, output }, { train: new Turn(), vgg }, { signal: stop.signal });
    const known = valuesIn(third.trainer.discriminator.parameters);
    const own = valuesIn(last.discriminator.parameters);
    assert.equal(own.size, begun === heads ? known.size : plain.size);
    for (const [name, values] of own) assert.deepEqual(values, known.get(name), name);
    last.dispose();
  }
  third.trainer.dispose();
  for (const [begun, going, said] of [
    [heads, config, 'with'],
    [config, heads, 'without'],
  ] as const) {
    const output = join(folder, `begun-${said}`);
    const [one, other] = [begun, going].map(({ start: _, ...c }) => new LGGANTrainer({ ...c, generator: toy.generator, output }, vgg));
    await one.save('latest', {});
    await assert.rejects(other.load('latest'), (e) => e instanceof UserError && e.message.includes(`begun ${said} a second opinion`));
    one.dispose();
    other.dispose();
  }
  vgg.dispose();
  second.trainer.dispose();
  trainer.dispose();
  const tensors = tf.memory().numTensors;
  await assert.rejects(
    trainLGGAN({ ...config, discriminator: { ndf: 6 }, startDiscriminator, output: join(folder, 'third') }, { train: new Turn() }),
    (e) => e instanceof UserError && /D\.safetensors/.test(e.message),
  );
  assert.equal(tf.memory().numTensors, tensors);
  await assert.rejects(
    trainLGGAN({ ...config, generator: { ngf: 8 }, output: join(folder, 'other') }, { train: new Turn() }),
    (e) => e instanceof UserError && /G\.safetensors: this network is of another shape \(conv1\.weight\)/.test(e.message),
  );
  assert.equal(tf.memory().numTensors, tensors);
  generator.dispose();
});
