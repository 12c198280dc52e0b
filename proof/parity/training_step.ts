import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { turnToOriginal } from '../../src/checkpoints/layout';
import { UserError } from '../../src/common/errors';
import { withoutDrawing, type ParameterEntry } from '../../src/layers/core/parameters';
import { canCompile } from '../../src/engine/compiled';
import * as tf from '../../src/engine/tf';
import { discriminatorLosses, judgementOfBoth } from '../../src/losses/adversarial';
import type { Adam } from '../../src/training/adam';
import { gradients } from '../../src/training/gradients';
import { LGGANTrainer } from '../../src/training/lggan';
import { compareNumber } from './compare';
import type { GoldenFolder } from './folder';
import { applyFormula, goldenImage, goldenLabels } from './formula';
import type { Row, Section } from './row';

/** Length, largest magnitude and first values, in the original's order, of a tensor. */
interface Summary {
  l2: number;
  absmax: number;
  first4: number[];
}

/** `train_step_torch.json`. */
interface GoldenStep {
  G_losses: Record<string, number>;
  D_losses: Record<string, number>;
  G_gradients: Record<string, Summary>;
  D_gradients: Record<string, Summary>;
  G_parameters_after: Record<string, { first4: number[]; update_l2: number }>;
}

/** How far PyTorch departs from itself (float64, threads, last bits of the weights); step_noise.py tells what each figure is. */
interface Noise {
  losses: Record<string, number>;
  groups: Record<string, [length: number, values: number]>;
  update: number;
  zero: string[];
  /** The discriminator's step on given images: float64, and the scatter of its gradients. */
  discriminator: { losses: Record<'D_Fake' | 'D_real', number>; gradients: Record<string, Summary>; noise: [length: number, values: number] };
}

/** The golden file's names of the losses, and ours. */
const LOSSES: Record<string, string> = {
  GAN: 'gan',
  TV: 'totalVariation',
  GAN_Feat: 'featureMatching',
  L1: 'l1',
  class: 'classScore',
  L1_Local: 'local',
  D_Fake: 'discriminatorFake',
  D_real: 'discriminatorReal',
};
/**
 * Allowed where PyTorch itself scatters less, relative: the order of the sums depends on the processor, and PyTorch's scatter was seen on one
 * with AVX2. Seen there 9e-6, with AVX-512 1.9e-5 (TV).
 */
const RELATIVE = 2e-5;
/** Six runs of PyTorch do not show the largest scatter. */
const TIMES_NOISE = 3;
/** What rounding leaves of a gradient that is zero, as a fraction of the same layer's other gradient. Seen here 3e-6, in PyTorch 5e-7. */
const ROUNDING = 1e-5;
const FILE = 'train_step_torch.json';
const LEARNING_RATE = 1e-4;
const SIZE = [128, 192] as const;
const BATCH = 2;

/**
 * One whole training step against PyTorch's, `train_step_torch.json` of a folder of golden files: every loss, every gradient of generator and
 * discriminator, every update of the generator. Weights, label maps and images follow the folder's formula; 128x192, batch 2, batch norm on
 * batch statistics, no VGG19, no spectral norm, otherwise the papers' choices. It is the trainer's own step that runs, Adam included.
 * Undefined where the folder has no such file.
 */
export function compareTrainingStep(folder: GoldenFolder): Section | undefined {
  if (!folder.has(FILE)) return undefined;
  const golden = folder.document(FILE.slice(0, -5)) as unknown as GoldenStep;
  const noise = JSON.parse(readFileSync(join(__dirname, 'step_noise.json'), 'utf8')) as Noise;
  const ours = runStep(folder);
  const rows = Object.entries({ ...golden.G_losses, ...golden.D_losses }).map(([name, reference]) => {
    const tolerance = TIMES_NOISE * noise.losses[name] * Math.abs(reference);
    return compareNumber(`loss ${name}`, ours.losses[LOSSES[name]], reference, { relative: RELATIVE, tolerance });
  });
  for (const net of ['G', 'D'] as const) {
    const expected = golden[`${net}_gradients`];
    for (const name of Object.keys(expected)) rows.push(...gradientRows(net, name, ours[net], expected, noise));
  }
  rows.push(...discriminatorRows(ours.alone, noise));
  for (const [name, expected] of Object.entries(golden.G_parameters_after)) rows.push(...updateRows(name, ours, expected, golden.G_gradients[name], noise));
  const notes = [
    `Allowed is a relative ${RELATIVE}, or ${TIMES_NOISE} times what PyTorch departs from itself: in float64, with another number of threads, ` +
      'from weights moved by their last bit (proof/parity/step_noise.json). Its gradients scatter by up to 2% in head_0, where batch norm sees 4x6 pixels, and by 0.04% in the median of all.',
    'Adam moves a number at first by the learning rate in the direction of its gradient, however small that is: numbers whose gradient is below ' +
      "the scatter may go the other way. The discriminator sees the moved generator's images, hence the larger scatter of its gradients.",
  ];
  return { title: 'Training step', reference: 'PyTorch 2.13, float32', rows, notes };
}

function gradientRows(net: 'G' | 'D', name: string, all: Record<string, Summary>, golden: Record<string, Summary>, noise: Noise): Row[] {
  const [actual, expected] = [all[name], golden[name]];
  const group = `gradients of ${net}`;
  if (noise.zero.includes(name)) {
    const scale = otherOfLayer(name, golden).l2;
    const row = { quantity: `gradient ${name}`, reference: 0, ours: actual.l2, scale, error: actual.l2, limit: ROUNDING * scale };
    return [{ ...row, group: `${group} that are zero`, note: "scale: the gradient of the layer's weight" }];
  }
  const [length, values] = noise.groups[groupOf(name)].map((n) => Math.max(RELATIVE, TIMES_NOISE * n));
  const error = worst(actual.first4, expected.first4);
  const { absmax } = expected;
  return [
    compareNumber(`gradient ${name}, length`, actual.l2, expected.l2, { relative: length, group: `${group}, length` }),
    {
      quantity: `gradient ${name}, first values`,
      reference: expected.first4[0],
      ours: actual.first4[0],
      scale: absmax,
      error,
      limit: values * absmax,
      group: `${group}, first values`,
      note: 'scale: the largest value of the gradient',
    },
  ];
}

/** The discriminator's step on images that no generator made, where nothing but its own rounding scatters. */
function discriminatorRows({ losses, gradients }: ReturnType<typeof runStep>['alone'], { discriminator }: Noise): Row[] {
  const [length, first] = discriminator.noise.map((n) => Math.max(RELATIVE, TIMES_NOISE * n));
  const group = 'D alone, on given images: gradients';
  const rows = Object.entries(discriminator.losses).map(([name, reference]) =>
    compareNumber(`loss ${name}, given images`, losses[LOSSES[name]], reference, { relative: RELATIVE }),
  );
  for (const [name, expected] of Object.entries(discriminator.gradients)) {
    const actual = gradients[name];
    const error = worst(actual.first4, expected.first4);
    const values = { reference: expected.first4[0], ours: actual.first4[0], scale: expected.absmax, limit: first * expected.absmax };
    rows.push(compareNumber(`gradient ${name}, length, given images`, actual.l2, expected.l2, { relative: length, group: `${group}, length` }), {
      quantity: `gradient ${name}, first values, given images`,
      ...values,
      error,
      group: `${group}, first values`,
    });
  }
  return rows;
}

/** Updates are told in steps: a number's step is the learning rate. */
function updateRows(name: string, ours: ReturnType<typeof runStep>, expected: { first4: number[]; update_l2: number }, gradient: Summary, noise: Noise): Row[] {
  const { length, size, after } = ours.updates[name];
  const steps = (x: number) => x / LEARNING_RATE;
  const group = 'updates of G';
  const note = 'in steps of one number';
  if (noise.zero.includes(name)) {
    // The direction is that of rounding, in PyTorch as here; no number may move by more than a step.
    const bound = Math.sqrt(size);
    const row = { quantity: `update ${name}`, reference: '-', ours: steps(length), scale: bound, error: steps(length), limit: bound * 1.0001 };
    return [{ ...row, group: `${group} without a gradient`, note }];
  }
  const limit = TIMES_NOISE * noise.update;
  const lost = TIMES_NOISE * noise.groups[groupOf(name)][1] * gradient.absmax;
  const settled = expected.first4.flatMap((value, i) => (Math.abs(gradient.first4[i]) > lost ? [steps(Math.abs(after[i] - value))] : []));
  const open = expected.first4.map((value, i) => steps(Math.abs(after[i] - value)));
  const first = { reference: expected.first4[0], ours: after[0], scale: 1, note };
  return [
    compareNumber(`update ${name}, length`, steps(length), steps(expected.update_l2), { relative: 0, tolerance: limit, group: `${group}, length`, note }),
    { quantity: `update ${name}, first values`, ...first, error: Math.max(0, ...settled), limit, group: `${group}, first values` },
    {
      quantity: `update ${name}, first values whose gradient is below the scatter`,
      ...first,
      error: Math.max(...open),
      limit: 2 * 1.01,
      group: `${group}, first values whose gradient may be below the scatter`,
    },
  ];
}

function runStep(folder: GoldenFolder) {
  const [G_index, D_index] = [folder.index('G_index'), folder.index('D_index')];
  if (!G_index || !D_index) throw new UserError(`${folder.path}: no file of it holds G_index and D_index, the order of the parameters.`);
  const [height, width] = SIZE;
  const generator = { imageSize: SIZE, behaviour: { spectralNorm: 'original' as const } };
  const trainer = withoutDrawing(() => new LGGANTrainer({ generator, schedule: { learningRate: 2 * LEARNING_RATE } }));
  try {
    const nets = { G: trainer.generator.parameters, D: trainer.discriminator.parameters };
    applyFormula(nets.G, G_index, folder.formula);
    applyFormula(nets.D, D_index, folder.formula);
    const labels = Array.from({ length: BATCH }, (_, b) => ({ data: goldenLabels(height, width, b), height, width }));
    const image = goldenImage(height, width);
    const images = Float32Array.from({ length: BATCH * image.length }, (_, i) => image[i % image.length]);

    // The step frees its gradients: they are summarised when the optimisers get them.
    const alone = { losses: {} as Record<string, number>, gradients: {} as Record<string, Summary> };
    const seen = { G: {} as Record<string, Summary>, D: {} as Record<string, Summary> };
    const before = new Map(nets.G.trainable.map((e) => [e.name, tf.clone(e.variable)]));
    const observe = (adam: Adam, into: Record<string, Summary>, entries: readonly ParameterEntry[]) => {
      const step = adam.step.bind(adam);
      adam.step = (gradients, rate) => {
        for (const e of entries) into[e.name] = summarise(e.kind, gradients[e.name]);
        step(gradients, rate);
      };
    };
    observe(trainer.optimiserG, seen.G, nets.G.trainable);
    observe(trainer.optimiserD, seen.D, nets.D.trainable);
    const pyramid = trainer.generator.prepare(labels, { compiled: canCompile() });
    const real = tf.tensor4d(images, [BATCH, height, width, 3]);
    const given = tf.tidy(() => tf.concat([tf.neg(real), tf.mul(0.5, real), tf.reverse(real, 2)]) as tf.Tensor4D);
    const { oneHot } = pyramid.at(height, width);
    let parts!: tf.Scalar[];
    const { value, gradients: g } = gradients(() => {
      parts = discriminatorLosses(...judgementOfBoth(trainer.discriminator, oneHot, given, real), oneHot);
      parts.forEach((t) => tf.keep(t));
      return tf.addN(parts) as tf.Scalar;
    }, nets.D);
    alone.losses = { discriminatorFake: parts[0].dataSync()[0], discriminatorReal: parts[1].dataSync()[0] };
    for (const e of nets.D.trainable) alone.gradients[e.name] = summarise(e.kind, g[e.name]);
    tf.dispose([real, given, value, parts, g]);
    pyramid.dispose();
    const losses = trainer.step({ labels, images, names: [] }, 1);

    const updates: Record<string, { length: number; size: number; after: number[] }> = {};
    for (const { name, kind, variable } of nets.G.trainable) {
      const update = tf.sub(variable, before.get(name)!);
      const { l2 } = summarise(kind, update);
      tf.dispose([update, before.get(name)!]);
      updates[name] = { length: l2, size: variable.size, after: firstFour(kind, variable) };
    }
    return { losses, ...seen, alone, updates };
  } finally {
    trainer.dispose();
  }
}

function summarise(kind: ParameterEntry['kind'], x: tf.Tensor): Summary {
  const [l2, absmax] = tf.tidy(() => [tf.sqrt(tf.sum(tf.square(x))), tf.max(tf.abs(x))].map((t) => t.dataSync()[0]));
  return { l2, absmax, first4: firstFour(kind, x) };
}

/** The first four values in the original's layout, where outputs come first: of TensorFlow's last axis four are enough. */
function firstFour(kind: ParameterEntry['kind'], x: tf.Tensor): number[] {
  return tf.tidy(() => {
    const few = tf.slice(
      x,
      x.shape.map(() => 0),
      [...x.shape.slice(0, -1), Math.min(4, x.shape[x.shape.length - 1])],
    );
    return [...turnToOriginal(kind, few).dataSync().slice(0, 4)];
  });
}

/** `up_2.norm_0.mlp_beta.bias` is one of `up`, `deconv5_17.weight` one of `deconv`: blocks of one kind scatter alike. */
const groupOf = (name: string) => name.split('.')[0].replace(/_?\d.*/, '');

const worst = (a: number[], b: number[]) => Math.max(...b.map((v, i) => Math.abs(a[i] - v)));

/** The weight that stands beside a bias. */
const otherOfLayer = (bias: string, all: Record<string, Summary>) => all[bias.replace(/bias$/, 'weight')] ?? all[bias.replace(/bias$/, 'weight_orig')];
