import * as tf from '../engine/tf';
import type { Json } from '../checkpoints/checkpoint';
import { withFolderLock } from '../common/lock';
import { configure, oneOf, wholeNumbers } from '../common/config';
import type { Batch, BatchSource } from '../data/batches';
import { UserError } from '../common/errors';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import { fakeHinge, realHinge } from '../losses/adversarial';
import { PERCEPTUAL_CHOICES, generatorLosses, realSide, stackImages, type LossWeights, type PerceptualChoice } from '../losses/generator';
import { Discriminator, type DiscriminatorConfig } from '../models/discriminator';
import type { LGGANConfig } from '../models/lggan/config';
import type { Generator } from '../models/lggan/generator';
import { createGenerator } from '../models/lggan/single_branch';
import { loadGenerator } from '../models/pretrained';
import type { Vgg19 } from '../judges/vgg19';
import { Adam } from './adam';
import { MovingAverage } from './ema';
import { gradients } from './gradients';
import { Buffers, FAULT_POLICIES, StepFault, divergence, faultOf, type FaultPolicy } from './guards';
import type { History } from './history';
import { runSteps, type LoopHooks } from './loop';
import { loadRun, saveRun, type Kept } from './saved_run';
import { LOSS_WEIGHTS, Schedule, type ScheduleConfig } from './schedule';

export interface TrainLGGANConfig {
  /**
   * A trained generator, file or folder of a run, whose weights the run begins with, and whose configuration it takes where `generator` does
   * not say otherwise; the discriminator begins anew. Default '': random weights. A run that is saved goes on from there.
   */
  start: string;
  generator: Partial<LGGANConfig>;
  discriminator: Partial<DiscriminatorConfig>;
  schedule: Partial<ScheduleConfig>;
  /** Changes to the weights of the losses of each stage; the rest are the original's (`LOSS_WEIGHTS`). */
  lossWeights: { 1?: Partial<LossWeights>; 2?: Partial<LossWeights> };
  /** 1: stop at the end of stage 1. 2: go on with a run that has got there. Default 0: both. */
  stage: 0 | 1 | 2;
  /** Steps that count as an epoch. Default 0: as many as the training set has batches. */
  stepsPerEpoch: number;
  /**
   * What the discriminator learns from: 'fresh' images of the generator after its step, as in the original, or 'same', those of the
   * generator's own step, which saves a quarter of the time. Default 'fresh'.
   */
  fakes: 'fresh' | 'same';
  /**
   * Which images the perceptual loss looks at: 'all' three (final, global, local), as in the original, or the 'final' one, which
   * saves two thirds of VGG19's time. Default 'all'.
   */
  perceptual: PerceptualChoice;
  /** Decay of the moving average of the generator's weights, such as 0.999. Default 0: none. */
  ema: number;
  /** Where checkpoints and the history go. Default 'checkpoints/lggan'. */
  output: string;
  /** Steps between checkpoints. Default 500. */
  checkpointEvery: number;
  /** What happens when a loss or a gradient is not finite, see `FaultPolicy`. Default 'skip'. */
  onFault: FaultPolicy;
  /** How many of the latest checkpoints stay, and how many of the best; the older ones help where the newest is damaged. Default 2. */
  keepCheckpoints: number;
  /** Steps between samples. Default 200. */
  sampleEvery: number;
  /** Epochs between evaluations, which choose the best checkpoint. Default 10. */
  evaluateEvery: number;
}

export const TRAIN_LGGAN_DEFAULTS: TrainLGGANConfig = {
  start: '',
  generator: {},
  discriminator: {},
  schedule: {},
  lossWeights: {},
  stage: 0,
  stepsPerEpoch: 0,
  fakes: 'fresh',
  perceptual: 'all',
  ema: 0,
  output: 'checkpoints/lggan',
  checkpointEvery: 500,
  keepCheckpoints: 2,
  onFault: 'skip',
  sampleEvery: 200,
  evaluateEvery: 10,
};

/** What a training run tells whoever watches it. All optional. */
export interface TrainLGGANHooks extends LoopHooks {
  /** Every `sampleEvery` steps and at the end, with the generator to draw with (the averaged one where there is one). */
  onSample?(generator: Generator, step: number): void | Promise<void>;
  /** Every `evaluateEvery` epochs: a figure of which less is better, such as FID; the checkpoint of the least is kept as `best`. */
  evaluate?(generator: Generator, epoch: number): Promise<number>;
  /** A sentence for the user: a checkpoint passed over, ... */
  onMessage?(message: string): void;
  /** Stops the run after the current step; its checkpoint is saved. */
  signal?: AbortSignal;
}

export interface TrainLGGANResult {
  /** The averaged generator where there is one. The caller disposes of the trainer. */
  generator: Generator;
  trainer: LGGANTrainer;
  history: History;
  interrupted: boolean;
}

/** The mean and the pieces of a step's losses, weighted as they enter the sum. */
type Losses = Record<string, number>;

/** Generator, discriminator, their optimisers, and one training step of the two. */
export class LGGANTrainer {
  readonly config: TrainLGGANConfig;
  readonly generator: Generator;
  readonly discriminator: Discriminator;
  readonly schedule: Schedule;
  /** The generator with averaged weights, where `ema` asks for one. */
  readonly averaged?: Generator;
  private readonly lossWeights: Record<1 | 2, LossWeights>;
  private readonly average?: MovingAverage;
  private readonly optimiserG: Adam;
  private readonly optimiserD: Adam;

  constructor(config: Partial<TrainLGGANConfig>, private readonly vgg?: Vgg19) {
    this.config = configure(TRAIN_LGGAN_DEFAULTS, config, 'train');
    const { checkpointEvery, keepCheckpoints, sampleEvery, evaluateEvery, stepsPerEpoch, ema, fakes, perceptual, lossWeights } = this.config;
    wholeNumbers({ checkpointEvery, keepCheckpoints, sampleEvery, evaluateEvery }, 'train');
    wholeNumbers({ stepsPerEpoch }, 'train', 0);
    oneOf(fakes, ['fresh', 'same'], 'train.fakes');
    oneOf(perceptual, PERCEPTUAL_CHOICES, 'train.perceptual');
    oneOf(this.config.onFault, FAULT_POLICIES, 'train.onFault');
    if (ema < 0 || ema >= 1) throw new UserError(`train.ema: expected at least 0 and less than 1, got ${ema}`);
    const changes = configure<{ 1: object; 2: object }>({ 1: {}, 2: {} }, lossWeights as { 1: object; 2: object }, 'train.lossWeights');
    this.lossWeights = {
      1: configure(LOSS_WEIGHTS[1], changes[1], 'train.lossWeights.1'),
      2: configure(LOSS_WEIGHTS[2], changes[2], 'train.lossWeights.2'),
    };
    this.schedule = new Schedule(this.config.schedule);
    this.generator = createGenerator(this.config.generator);
    const { classes, behaviour, seed } = this.generator.config;
    this.discriminator = new Discriminator({ classes, behaviour, seed, ...this.config.discriminator });
    const adam = { beta1: 0, beta2: 0.9, epsilonChoice: this.generator.behaviour.adamEpsilon };
    this.optimiserG = new Adam(this.generator.parameters.entries(), adam);
    this.optimiserD = new Adam(this.discriminator.parameters.entries(), adam);
    if (ema > 0) {
      this.averaged = createGenerator(this.config.generator);
      this.average = new MovingAverage(this.generator.parameters, this.averaged.parameters, ema);
    }
  }

  /** The generator to show and to evaluate. */
  get best(): Generator {
    return this.averaged ?? this.generator;
  }

  /**
   * One step of the generator, then one of the discriminator. `epoch` counts from 1.
   * @throws StepFault where a loss or a gradient is not finite: then the network that it belongs to, and what forward passes change, are as before
   */
  step(batch: Batch, epoch: number): Losses {
    const stage = this.schedule.stage(epoch);
    const weights = this.lossWeights[stage];
    const rates = this.schedule.learningRates(epoch);
    const labels = this.generator.prepare(batch.labels);
    const images = tf.tensor4d(batch.images, [batch.labels.length, labels.height, labels.width, 3]);
    const buffers = new Buffers([...this.generator.parameters.entries(), ...this.discriminator.parameters.entries()]);
    let fakes: tf.Tensor4D | undefined;
    try {
      const generator = this.stepGenerator(labels, images, weights, rates.generator);
      fakes = generator.fakes;
      const own = this.stepDiscriminator(labels, images, fakes, rates.discriminator);
      this.average?.update();
      return { ...generator.losses, ...own };
    } catch (e) {
      buffers.restore();
      throw e;
    } finally {
      images.dispose();
      fakes?.dispose();
      labels.dispose();
      buffers.dispose();
    }
  }

  private stepGenerator(labels: LabelPyramid, images: tf.Tensor4D, weights: LossWeights, learningRate: number) {
    const { vgg, discriminator } = this;
    const real = realSide(labels, images, discriminator, vgg, true);
    let terms!: Record<string, tf.Scalar>;
    let fakes!: tf.Tensor4D;
    const { value, gradients: g } = gradients(() => {
      const output = this.generator.forward(labels, { training: true });
      fakes = tf.keep(stackImages(output));
      const choices = this.generator.behaviour;
      terms = generatorLosses(output, fakes, labels, real, discriminator, vgg, weights, choices, this.config.perceptual);
      Object.values(terms).forEach((t) => tf.keep(t));
      return tf.addN(Object.values(terms)) as tf.Scalar;
    }, this.generator.parameters);
    const losses: Losses = { generator: value.dataSync()[0] };
    for (const [name, term] of Object.entries(terms)) losses[name] = term.dataSync()[0];
    const fault = faultOf('generator', losses, g);
    if (!fault) this.optimiserG.step(g, learningRate);
    tf.dispose([value, g, terms, real, ...(fault ? [fakes] : [])] as unknown as tf.TensorContainer);
    if (fault) throw new StepFault(fault, losses);
    return { losses, fakes };
  }

  private stepDiscriminator(labels: LabelPyramid, images: tf.Tensor4D, same: tf.Tensor4D, learningRate: number) {
    const oneHot = labels.at(labels.height, labels.width).oneHot;
    const fakes =
      this.config.fakes === 'same' ? same : tf.tidy(() => stackImages(this.generator.forward(labels, { training: true })));
    const [count, b] = [fakes.shape[0], labels.batch];
    let parts!: tf.Scalar[];
    const { value, gradients: g } = gradients(() => {
      const judged = this.discriminator.forward(oneHot, tf.concat([fakes, images]), true);
      const scores = (begin: number, size: number) =>
        judged.map((layers) => {
          const last = layers[layers.length - 1];
          return [tf.slice(last, [begin, 0, 0, 0], [size, -1, -1, -1])];
        });
      parts = [tf.mul(count / b, fakeHinge(scores(0, count))), tf.mul(count / b, realHinge(scores(count, b)))];
      parts.forEach((t) => tf.keep(t));
      return tf.addN(parts) as tf.Scalar;
    }, this.discriminator.parameters);
    const [discriminatorFake, discriminatorReal] = parts.map((t) => t.dataSync()[0]);
    const losses: Losses = { discriminatorFake, discriminatorReal };
    const fault = faultOf('discriminator', losses, g);
    if (!fault) this.optimiserD.step(g, learningRate);
    tf.dispose([value, g, parts] as unknown as tf.TensorContainer);
    if (fakes !== same) fakes.dispose();
    if (fault) throw new StepFault(fault, losses);
    return losses;
  }

  /** Begins with the weights of another generator, also in the average. @throws UserError where it is of another shape */
  beginWith(other: Generator): void {
    const weights = new Map(other.parameters.entries().map((e) => [e.name, e.variable]));
    const own = this.generator.parameters.entries();
    const stranger = own.find(({ name, variable }) => String(weights.get(name)?.shape) !== String(variable.shape));
    if (stranger || weights.size !== own.length) {
      throw new UserError(`${this.config.start}: this generator is of another shape${stranger ? ` (${stranger.name})` : ''}; leave the fields of train.generator to it.`);
    }
    for (const { name, variable } of own) variable.assign(weights.get(name)!);
    this.average?.reset();
  }

  /** Saves everything that the next step depends on. @throws UserError where a weight is not finite: nothing is written then */
  async save(name: 'latest' | 'best', state: Record<string, Json>): Promise<void> {
    await saveRun(this.config.output, name, this.kept, ({ optimiserG: G, optimiserD: D }) => ({ ...state, steps: { G, D, EMA: this.average?.step ?? 0 } }), {
      network: 'LGGAN',
      config: this.generator.config,
    }, this.config.keepCheckpoints);
  }

  /** Takes up a saved state; undefined where there is none. */
  async load(name: 'latest' | 'best', onMessage?: (m: string) => void): Promise<Record<string, Json> | undefined> {
    const stepsOf = (state: Record<string, Json>) => state.steps as { G: number; D: number; EMA: number };
    const state = await loadRun(this.config.output, name, this.kept, (s) => ({ optimiserG: stepsOf(s).G, optimiserD: stepsOf(s).D }), onMessage);
    if (state) this.average?.restore(stepsOf(state).EMA);
    return state;
  }

  private get kept(): Kept {
    return {
      networks: { G: this.generator.parameters, D: this.discriminator.parameters, ...(this.averaged && { EMA: this.averaged.parameters }) },
      optimisers: { optimiserG: this.optimiserG, optimiserD: this.optimiserD },
    };
  }

  dispose(): void {
    this.generator.dispose();
    this.averaged?.dispose();
    this.discriminator.dispose();
    this.optimiserG.dispose();
    this.optimiserD.dispose();
  }
}

export interface LGGANData {
  train: BatchSource;
  /** For the perceptual loss; without it there is none. The caller disposes of it. */
  vgg?: Vgg19;
}

/**
 * Trains LGGAN, or goes on with the run that `config.output` holds. Checkpoints, the history of every loss and the best generator are
 * kept there.
 */
export async function trainLGGAN(config: Partial<TrainLGGANConfig>, data: LGGANData, hooks: TrainLGGANHooks = {}): Promise<TrainLGGANResult> {
  const trainer = await begin(config, data.vgg);
  try {
    return await withFolderLock(trainer.config.output, () => run(trainer, data.train, hooks));
  } catch (e) {
    trainer.dispose();
    throw e;
  }
}

async function begin(config: Partial<TrainLGGANConfig>, vgg?: Vgg19): Promise<LGGANTrainer> {
  if (!config.start) return new LGGANTrainer(config, vgg);
  const start = await loadGenerator(config.start);
  try {
    const trainer = new LGGANTrainer({ ...config, generator: { ...start.config, ...config.generator } }, vgg);
    try {
      trainer.beginWith(start);
      return trainer;
    } catch (e) {
      trainer.dispose();
      throw e;
    }
  } finally {
    start.dispose();
  }
}

async function run(trainer: LGGANTrainer, batches: BatchSource, hooks: TrainLGGANHooks): Promise<TrainLGGANResult> {
  const { output, checkpointEvery, onFault, stage, sampleEvery, evaluateEvery } = trainer.config;
  const stepsPerEpoch = trainer.config.stepsPerEpoch || batches.batchesPerEpoch;
  const { epochs, secondStageFrom } = trainer.schedule.config;
  const total = (stage === 1 ? Math.min(epochs, secondStageFrom - 1) : epochs) * stepsPerEpoch;

  const { history, interrupted } = await runSteps<Batch, number>({
    output, batches, total, stepsPerEpoch, checkpointEvery, onFault,
    load: (onMessage) => trainer.load('latest', onMessage),
    save: (name, state) => trainer.save(name, state),
    check(step) {
      if ((stage === 1 && secondStageFrom < 2) || (stage === 2 && secondStageFrom > epochs)) {
        throw new UserError(`${output}: there is no stage ${stage} in ${epochs} epochs with the second stage from epoch ${secondStageFrom}.`);
      }
      if (stage === 2 && step < (secondStageFrom - 1) * stepsPerEpoch) {
        throw new UserError(`${output}: stage 2 goes on from the end of stage 1, and this run is at step ${step}; train stage 1 first.`);
      }
    },
    step: (batch, epoch) => trainer.step(batch, epoch),
    columns: (epoch) => ({ stage: trainer.schedule.stage(epoch) }),
    warning: divergence,
    async after({ step, epoch }, best) {
      if (step % sampleEvery === 0 || step === total) await hooks.onSample?.(trainer.best, step);
      if (!hooks.evaluate || step % (evaluateEvery * stepsPerEpoch)) return undefined;
      const value = await hooks.evaluate(trainer.best, epoch);
      return Number.isFinite(value) && (best === null || value < best) ? value : undefined;
    },
  }, hooks);
  return { generator: trainer.best, trainer, history, interrupted };
}
