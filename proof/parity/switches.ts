import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toOriginal } from '../../src/checkpoints/layout';
import { behaviour, type Behaviour, type Choice } from '../../src/common/config';
import { transformPair } from '../../src/data/batches';
import { throughJpeg, writePng } from '../../src/data/image';
import { readLabelMap } from '../../src/data/label_map';
import { photographs } from '../../src/data/carried';
import { resizeImage } from '../../src/data/resize';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { withoutDrawing, type Parameters } from '../../src/layers/core/parameters';
import { singularVectors } from '../../src/layers/spectral_norm';
import { generatorLosses, judgeAgainst, realSide, stackImages, viewOf } from '../../src/losses/generator';
import { psnr } from '../../src/metrics/image_quality';
import { Discriminator } from '../../src/models/discriminator';
import { LGGAN } from '../../src/models/lggan/lggan';
import * as tf from '../../src/engine/tf';
import { Adam } from '../../src/training/adam';
import { bicubicEnlarged } from '../../src/data/sr_pairs';
import { srQuality } from '../../src/metrics/sr_quality';
import { LOSS_WEIGHTS } from '../../src/training/schedule';
import { applyFormula, goldenImage, goldenLabels } from './formula';
import { readAll } from '../../src/data/dataset';

/** What one switch does to one quantity. */
export interface SwitchEffect {
  switch: string;
  quantity: string;
  /** With the switch at `paper`, and at `original` (all others at `paper`). */
  paper: number;
  original: number;
  unit?: string;
}

export interface SwitchOptions {
  /** Channels of the finest layers of generator and discriminator. Default 64, the original's; fewer for a test. */
  width?: number;
  onProgress?: (name: string) => void;
}

const SIZE = [64, 96] as const;
const BATCH = 2;

/**
 * The effect of every switch between the papers and the original: of those of networks and losses on the full-size networks with the formula
 * weights of the golden files, 64x96, batch 2, all 29 classes; of the rest on the photographs that the project carries. Needs nothing from
 * outside; a minute of computing.
 */
export async function measureSwitches({ width = 64, onProgress }: SwitchOptions = {}): Promise<SwitchEffect[]> {
  const effects: SwitchEffect[] = [];
  const measure = async (key: keyof Behaviour, quantities: readonly (keyof Measured)[]) => {
    onProgress?.(key);
    const changed = await networkFigures({ ...behaviour(), [key]: 'original' }, width);
    for (const name of quantities) {
      effects.push({ switch: key, quantity: QUANTITIES[name], paper: figure(base, base, name), original: figure(changed, base, name) });
    }
  };
  onProgress?.('paper');
  const base = await networkFigures(behaviour(), width);
  await measure('spectralNorm', ['final', 'global', 'gan', 'featureMatching']);
  await measure('encoderResize', ['final', 'global', 'total']);
  await measure('runningVariance', ['variance']);
  await measure('classMasks', ['local']);
  await measure('classScore', ['classScore']);
  await measure('averagePool', ['gan', 'featureMatching']);
  onProgress?.('adamEpsilon');
  effects.push(...adamEffects());
  onProgress?.('data');
  effects.push(...(await dataEffects()));
  return effects;
}

interface Measured {
  final: Float32Array;
  global: Float32Array;
  /** Mean of the first running variance of head_0, after one batch. */
  variance: number;
  gan: number;
  featureMatching: number;
  local: number;
  classScore: number;
  total: number;
}

const QUANTITIES: Record<keyof Measured, string> = {
  final: 'final image, mean change',
  global: 'global image, mean change',
  variance: 'running variance in head_0 (12 numbers a channel) after a batch, mean',
  gan: 'hinge loss of G',
  featureMatching: 'feature matching',
  local: 'local L1',
  classScore: 'class score',
  total: "sum of G's losses",
};

/** Losses are told as they are, images by their mean absolute distance from those of `base`. */
function figure(measured: Measured, base: Measured, name: keyof Measured): number {
  const [value, reference] = [measured[name], base[name]];
  if (typeof value === 'number') return value;
  return value.reduce((sum, v, i) => sum + Math.abs(v - (reference as Float32Array)[i]), 0) / value.length;
}

async function networkFigures(choices: Behaviour, ngf: number): Promise<Measured> {
  const [height, width] = SIZE;
  const [g, d] = withoutDrawing(() => [new LGGAN({ imageSize: SIZE, ngf, behaviour: choices }), new Discriminator({ ndf: ngf, behaviour: choices })] as const);
  const maps: LabelMap[] = Array.from({ length: BATCH }, (_, b) => ({ data: goldenLabels(height, width, b), height, width }));
  const labels = g.prepare(maps);
  try {
    for (const { parameters } of [g, d]) {
      applyFormula(parameters);
      await fillSpectral(parameters);
    }
    return tf.tidy(() => {
      const one = tf.tensor4d(goldenImage(height, width), [1, height, width, 3]);
      const images = tf.concat([one, one]) as tf.Tensor4D;
      const out = g.forward(labels, { training: true });
      const judge = judgeAgainst(d, viewOf(labels), images, false);
      const losses = generatorLosses(out, stackImages(out), labels, realSide(images), judge, undefined, LOSS_WEIGHTS[1], choices);
      const { variable: variance } = g.parameters.entries().find((e) => e.name === 'head_0.norm_0.param_free_norm.running_var')!;
      const number = (x: tf.Tensor) => x.dataSync()[0];
      const numbers = Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, number(loss)]));
      const values = (x: tf.Tensor) => x.dataSync().slice() as Float32Array;
      return {
        ...(numbers as Pick<Measured, 'gan' | 'featureMatching' | 'local' | 'classScore'>),
        total: number(tf.addN(Object.values(losses))),
        final: values(out.final),
        global: values(out.global),
        variance: number(tf.mean(variance)),
      };
    }) as unknown as Measured;
  } finally {
    labels.dispose();
    g.dispose();
    d.dispose();
  }
}

/** The vectors of spectral norm belong to the weights. */
async function fillSpectral(parameters: Parameters): Promise<void> {
  const entries = new Map(parameters.entries().map((e) => [e.name, e]));
  for (const [name, { kind, variable }] of entries) {
    const [u, v] = ['_u', '_v'].map((end) => entries.get(name.replace(/_orig$/, end))?.variable);
    if (!name.endsWith('.weight_orig') || !u || !v) continue;
    const vectors = singularVectors(await toOriginal(kind, variable), variable.shape[3]!);
    tf.tidy(() => {
      u.assign(tf.tensor1d(vectors.u));
      v.assign(tf.tensor1d(vectors.v));
    });
  }
}

/** How far a first step goes whose gradient is about as small as epsilon. */
function adamEffects(): SwitchEffect[] {
  const step = (gradient: number, epsilonChoice: Choice) => {
    const variable = tf.tidy(() => tf.variable(tf.zeros([1])));
    const adam = new Adam([{ name: 'x', variable, kind: 'vector', trainable: true }], { beta1: 0, beta2: 0.9, epsilonChoice });
    tf.tidy(() => adam.step({ x: tf.tensor1d([gradient]) }, 1));
    const moved = -variable.dataSync()[0];
    adam.dispose();
    variable.dispose();
    return moved;
  };
  return [1e-8, 1e-6].map((gradient) => ({
    switch: 'adamEpsilon',
    quantity: `first step of a number whose gradient is ${gradient.toExponential()}`,
    paper: step(gradient, 'paper'),
    original: step(gradient, 'original'),
    unit: 'learning rates',
  }));
}

async function dataEffects(): Promise<SwitchEffect[]> {
  const pairs = await readAll(photographs());
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

  const [height, width] = [192, 256];
  // Which rows of the photo a training image shows: a photo whose brightness is its row.
  const rows: RgbImage = { data: Uint8Array.from({ length: 256 * 8 * 3 }, (_, i) => Math.floor(i / 24)), height: 256, width: 8 };
  const labels: LabelMap = { data: new Uint8Array(256 * 8), height: 256, width: 8 };
  const lastRow = (crop: Choice) =>
    (transformPair({ name: 'rows', image: rows, labels }, { imageSize: [height, width], crop }).image.data.slice(-1)[0] + 1) / 256;

  const small = pairs.map((p) => resizeImage(p.image, [height, width]));
  const large = pairs.map((p) => resizeImage(p.image, [2 * height, 2 * width]));
  const enlarged = (image: RgbImage) => resizeImage(image, [2 * height, 2 * width]);
  const quality = async (original: boolean) =>
    mean(await Promise.all(small.map(async (s, i) => psnr(await throughJpeg(enlarged(original ? await throughJpeg(s) : s)), large[i]))));

  const temporary = await mkdtemp(join(tmpdir(), 'switches-'));
  const classZero = async (reading: Choice) => {
    const maps = pairs.map(async ({ labels: map }, i) => {
      const file = join(temporary, `${reading}${i}.png`);
      await writePng(file, map);
      return (await readLabelMap(file, { reading })).data;
    });
    return mean((await Promise.all(maps)).map((data) => data.filter((v) => v === 0).length / data.length));
  };
  const zeros = [await classZero('paper'), await classZero('original')];
  await rm(temporary, { recursive: true });

  // Twice, so that there are two batches of four.
  const sr = [...small, ...small].map((low, i) => ({ name: `${i}`, low, high: large[i % large.length] }));
  return [
    { switch: 'crop', quantity: 'lowest row that a training image shows', paper: lastRow('paper'), original: lastRow('original'), unit: 'of the height' },
    { switch: 'reading', quantity: 'pixels of class 0 in the label maps of the photographs', paper: zeros[0], original: zeros[1], unit: 'of all' },
    {
      switch: 'jpeg',
      quantity: 'PSNR of photographs scaled to 192x256 and back by bicubic, written as JPEG',
      paper: await quality(false),
      original: await quality(true),
      unit: 'dB',
    },
    {
      switch: 'psnrLog',
      quantity: 'PSNR of bicubic enlargement as the log shows it',
      paper: (await srQuality(sr, bicubicEnlarged)).rgb,
      original: (await srQuality(sr, bicubicEnlarged, 'original')).rgb,
      unit: 'dB',
    },
  ];
}
