/** What is timed: each workload is a function that does the work once, on weights and inputs made before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TrainingBatches } from '../../src/data/batches';
import { readLabelMap } from '../../src/data/label_map';
import { paintedLandscapes } from '../../src/data/carried';
import { copyPainted } from '../../src/data/embedded';
import { folderPairs } from '../../src/data/pairs';
import { resizeLabels } from '../../src/data/resize';
import type { LabelMap, Size } from '../../src/data/types';
import { ClassSpecificGenerator } from '../../src/layers/class_specific';
import { Vgg19 } from '../../src/judges/vgg19';
import { VGG19_LAYERS, readVgg19Weights } from '../../src/judges/vgg19_weights';
import { LGGAN } from '../../src/models/lggan/lggan';
import { RCAN } from '../../src/models/rcan';
import { material } from '../testing/material';
import { gradients } from '../../src/training/gradients';
import { LGGANTrainer, type TrainLGGANConfig } from '../../src/training/lggan';
import * as tf from '../../src/engine/tf';

export interface Workload {
  kind: 'forward' | 'backward' | 'step' | 'rcan' | 'data';
  /** Height and width of the image that goes in. */
  size: Size;
  batch: number;
  classes: number;
  /** `natural`: label maps of landscapes; `noise`: every pixel a class of its own; `single`: one class. */
  labels: 'natural' | 'noise' | 'single';
  ngf: number;
  /** The plain definitions in place of tables and bounding boxes. */
  dense: boolean;
  /** The network that people train without a GPU: SPADE hidden 32, 4 residual blocks, SAU 32, ndf 24, noise, average, one perceptual image. */
  small: boolean;
  /** Steps: with VGG19. */
  vgg: boolean;
  /** Without compiled functions. */
  eager: boolean;
}

export const DEFAULT_WORKLOAD: Workload = {
  kind: 'forward',
  size: [192, 256],
  batch: 1,
  classes: 29,
  labels: 'natural',
  ngf: 64,
  dense: false,
  small: false,
  vgg: true,
  eager: false,
};

const CONTEST_MAPS = ['scene_0', '1388344602_bfc57e13d9_b', 'scene_3', '307952561_42702044f7_b', 'scene_4'];

/** Label maps, always the same ones: the contest's where this machine has them, else painted landscapes. */
export async function labelMaps({ size, batch, classes, labels }: Workload): Promise<LabelMap[]> {
  const [height, width] = size;
  return Promise.all(
    Array.from({ length: batch }, async (_, b) => {
      if (labels === 'natural') {
        const file = material(`data/contest_labels/${CONTEST_MAPS[b % CONTEST_MAPS.length]}.png`);
        return resizeLabels(file ? await readLabelMap(file) : (await paintedLandscapes().at(b)).labels, [height, width]);
      }
      let state = b + 1;
      const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
      const data = Uint8Array.from({ length: height * width }, () => (labels === 'noise' ? Math.floor(next() * classes) : 1));
      return { data, height, width };
    }),
  );
}

/** A smooth picture for each map; what it shows does not matter here. */
function pictures({ size: [height, width], batch }: Workload): Float32Array {
  const data = new Float32Array(batch * height * width * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3) % (height * width);
    data[i] = Math.sin((i % 3) + 0.1 * (pixel % width) + 0.07 * Math.floor(pixel / width));
  }
  return data;
}

/** VGG19 with the weights at hand, else with random ones, which take the same time. */
async function vgg19(): Promise<Vgg19> {
  const path = material('weights/vgg19_imagenet_uint8') ?? material('vgg19_imagenet_uint8');
  if (path) return new Vgg19(await readVgg19Weights(path));
  const layers = VGG19_LAYERS.map(({ cin, cout }) => {
    const deviation = Math.sqrt(2 / (9 * cin));
    const data = tf.tidy(() => tf.randomNormal([3, 3, cin, cout], 0, deviation).dataSync() as Float32Array);
    return { kernel: { shape: [3, 3, cin, cout], data }, bias: { shape: [cout], data: new Float32Array(cout) } };
  });
  return new Vgg19({ source: 'random weights', layers });
}

/** The class-specific convolutions over the whole map, and no table of windows. */
function takeTheDenseWay(): void {
  process.env.LGGAN_COMPILED = '0';
  const { prototype } = ClassSpecificGenerator;
  prototype.apply = prototype.asWritten;
  const prepare = LGGAN.prototype.prepare;
  LGGAN.prototype.prepare = function dense(maps) {
    const labels = prepare.call(this, maps);
    const open = labels as unknown as { entry?: unknown; levels: { neighbourhoods?: unknown }[] };
    open.entry = undefined;
    for (const level of open.levels) level.neighbourhoods = undefined;
    return labels;
  };
}

/** Reads and augments one batch of photographs of the size of the contest's (1024x768), as training does. */
async function readPairs({ size, batch }: Workload): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'lggan-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true }));
  await copyPainted(folder, { count: 2 * batch, size: [768, 1024] });
  const pairs = folderPairs(folder);
  // A new one each time, as they keep what they have read.
  return async () => void (await new TrainingBatches(pairs, { batchSize: batch, imageSize: size }).next());
}

/** Spectral norm as the peer at full size has it: in the discriminator only. */
const fullTraining = ({ classes, ngf, size }: Workload): Partial<TrainLGGANConfig> => ({
  generator: { classes, ngf, imageSize: size, behaviour: { spectralNorm: 'original' } },
  discriminator: { behaviour: 'paper' },
});

const smallTraining = ({ classes, size }: Workload): Partial<TrainLGGANConfig> => ({
  generator: { classes, ngf: 16, spadeHidden: 32, residualBlocks: 4, sauCompressed: 32, noise: true, imageSize: size },
  discriminator: { ndf: 24 },
  fakes: 'same',
  perceptual: 'final',
  ema: 0.999,
});

/** What a workload cost. */
export interface Cost {
  /** Seconds of each run, in order. */
  seconds: number[];
  /** Peak resident memory of the process, GB. */
  memory: number;
}

export interface BenchRow {
  name: string;
  ours: Cost;
  peer?: Cost;
  against?: string;
}

/** Builds the networks and inputs; the function it returns does the work once and waits for its end. */
export async function build(workload: Workload): Promise<() => void | Promise<void>> {
  const { kind, size, batch } = workload;
  if (workload.eager) process.env.LGGAN_COMPILED = '0';
  if (workload.dense) takeTheDenseWay();
  if (kind === 'data') return readPairs(workload);
  const images = pictures(workload);
  if (kind === 'rcan') {
    const network = new RCAN();
    const x = tf.add(tf.mul(tf.tensor4d(images, [batch, ...size, 3]), 127.5), 127.5) as tf.Tensor4D;
    return () => tf.tidy(() => void network.forward(x).dataSync());
  }
  const maps = await labelMaps(workload);
  if (kind === 'step') {
    const trainer = new LGGANTrainer(workload.small ? smallTraining(workload) : fullTraining(workload), workload.vgg ? await vgg19() : undefined);
    return () => void trainer.step({ names: maps.map((_, b) => `map ${b}`), labels: maps, images }, 1);
  }
  const generator = new LGGAN(workload.small ? smallTraining(workload).generator : { ...fullTraining(workload).generator });
  if (kind === 'forward') {
    return () => {
      const output = generator.generate(maps);
      output.final.dataSync();
      tf.dispose(output);
    };
  }
  return () => {
    const labels = generator.prepare(maps);
    const { value, gradients: g } = gradients(() => {
      const { final, global, local } = generator.forward(labels, { training: true });
      return tf.addN([final, global, local].map((t) => tf.mean(tf.abs(t)))) as tf.Scalar;
    }, generator.parameters);
    value.dataSync();
    tf.dispose([value, g]);
    labels.dispose();
  };
}
