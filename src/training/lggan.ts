import { cluster, inPass, newPasses, workers } from '../engine/cluster';
import { canCompile, compiled } from '../engine/compiled';
import { excerpt, type Excerpt } from '../engine/tape';
import * as tf from '../engine/tf';
import { newestCheckpoint, type Json } from '../checkpoints/checkpoint';
import { configure, oneOf, wholeNumbers } from '../common/config';
import type { Batch, BatchSource } from '../data/batches';
import type { LabelMap } from '../data/types';
import { UserError } from '../common/errors';
import { Random } from '../common/random';
import { drawNoise } from '../layers/noise';
import type { Conditions } from '../layers/spade_block';
import { STYLE_WEIGHT, styleOf } from '../layers/style';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import { discriminatorLosses, judgement, judgementOfBoth, scoresOf, type Judgement } from '../losses/adversarial';
import { drawAugmentation, type Augmentation } from '../losses/augmentation';
import {
  JUDGED_CHOICES,
  PERCEPTUAL_CHOICES,
  generatorLosses,
  judgeAgainst,
  realSide,
  stackImages,
  viewOf,
  type Judged,
  type JudgedChoice,
  type LossWeights,
  type PerceptualChoice,
  type RealSide,
} from '../losses/generator';
import { drawSides, labelMix, mixConsistency, mixMask } from '../losses/label_mix';
import { pixelShares } from '../losses/segmentation';
import { Discriminator, type DiscriminatorConfig } from '../models/discriminator';
import type { LGGANConfig } from '../models/lggan/config';
import type { Generator } from '../models/lggan/generator';
import { STYLES } from '../models/lggan/style_bank';
import { createGenerator } from '../models/lggan/single_branch';
import { loadDiscriminator, loadGenerator } from '../models/pretrained';
import { HEADS } from '../models/projected_heads';
import { SegmentationDiscriminator, type SegmentationDiscriminatorConfig } from '../models/segmentation_discriminator';
import type { Vgg19 } from '../judges/vgg19';
import { Adam } from './adam';
import { MovingAverage } from './ema';
import { agreed, gradients } from './gradients';
import { Buffers, FAULT_POLICIES, StepFault, divergence, faultOf, squaresOf, type FaultPolicy } from './guards';
import type { History } from './history';
import { runSteps, savingOf, withRunLock, type LoopHooks } from './loop';
import { beginWith, loadRun, saveRun, type Kept } from './saved_run';
import { LOSS_WEIGHTS, Schedule, type ScheduleConfig } from './schedule';

export const DISCRIMINATOR_KINDS = ['patch', 'segmentation'] as const;
export type DiscriminatorKind = (typeof DISCRIMINATOR_KINDS)[number];

/** A kind of discriminator, and what differs from its defaults. */
export type DiscriminatorSettings = ({ kind?: 'patch' } & Partial<DiscriminatorConfig>) | ({ kind: 'segmentation' } & Partial<SegmentationDiscriminatorConfig>);

export interface TrainLGGANConfig {
  /**
   * A trained generator, file or folder of a run, whose weights the run begins with, and whose configuration it takes where `generator` does
   * not say otherwise. Default '': random weights. A run that is saved goes on from there.
   */
  start: string;
  /**
   * A trained discriminator of the kind and size that `discriminator` says, a `.safetensors` file, to begin with (see `loadDiscriminator`). Default '':
   * random weights.
   */
  startDiscriminator: string;
  generator: Partial<LGGANConfig>;
  /**
   * 'patch' (default): the original's multi-scale PatchGAN with hinge loss and feature matching. 'segmentation': one that gives each pixel a
   * class or "generated" (OASIS), with cross entropy balanced by class; feature matching falls away. Or the same with settings, such as
   * `{ kind: 'segmentation', ndf: 24 }`.
   */
  discriminator: DiscriminatorKind | DiscriminatorSettings;
  schedule: Partial<ScheduleConfig>;
  /** Changes to the weights of the losses of each stage; the rest are the original's (`LOSS_WEIGHTS`). */
  lossWeights: { 1?: Partial<LossWeights>; 2?: Partial<LossWeights> };
  /** 1: stop at the end of stage 1. 2: go on with a run that has got there. Default 0: both. */
  stage: 0 | 1 | 2;
  /** Steps that count as an epoch. Default 0: as many as the training set has batches. */
  stepsPerEpoch: number;
  /**
   * What the discriminator learns from: 'fresh' images of the generator after its step, as in the original, or 'same', those of the
   * generator's own step, which it judges once for both networks: a quarter of the time less. Default 'fresh'.
   */
  fakes: 'fresh' | 'same';
  /**
   * Which images the perceptual loss looks at: 'all' three (final, global, local), as in the original, or the 'final' one, which
   * saves two thirds of VGG19's time. Default 'all'.
   */
  perceptual: PerceptualChoice;
  /** The perceptual loss is taken every so many steps, with so many times its weight: VGG19 is most of a small network's step. Default 1. */
  perceptualEvery: number;
  /** Which images the discriminator looks at: 'all' three (final, global, local), as in the original, or the 'final' one. Default 'all'. */
  judged: JudgedChoice;
  /**
   * Weight of LabelMix in the loss of a discriminator that segments (see `mixConsistency`); OASIS takes 5 or 10. Of the final images alone, and
   * times as many as are judged, as the other losses. Default 0: none, and a pass of the discriminator less.
   */
  labelMix: number;
  /** The discriminator sees photos and paintings changed alike, in colour, moved, with a hole (DiffAugment, see `Augmentation`). Default false. */
  augment: boolean;
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
  startDiscriminator: '',
  generator: {},
  discriminator: 'patch',
  schedule: {},
  lossWeights: {},
  stage: 0,
  stepsPerEpoch: 0,
  fakes: 'fresh',
  perceptual: 'all',
  perceptualEvery: 1,
  judged: 'all',
  labelMix: 0,
  augment: false,
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
  /** Epochs that the run had before this call, a part of one counted as such. */
  epochsBefore: number;
  interrupted: boolean;
}

/** The mean and the pieces of a step's losses, weighted as they enter the sum. */
type Losses = Record<string, number>;

/** A network's losses and gradients, and the sums of the squares of these. */
type Pass = { losses: Record<string, tf.Scalar>; gradients: Record<string, tf.Tensor>; squares: tf.Tensor1D };

type Rates = ReturnType<Schedule['learningRates']>;

/** What a step draws: how the discriminator sees the images, for each class whether LabelMix takes it from the photo, and what is painted with. */
interface Chance {
  conditions: Conditions;
  augmentation?: Augmentation;
  sides?: tf.Tensor1D;
}

/** Photos and paintings mixed by class, [B,H,W,3], where the photos are, and what each pixel counts, [B,H,W,1]. */
type Mixture = { images: tf.Tensor4D; mask: tf.Tensor4D; shares: tf.Tensor4D };

/** Of the paintings the first ones of each label map, the final images. */
function mixture(oneHot: tf.Tensor4D, photos: tf.Tensor4D, paintings: tf.Tensor4D, sides: tf.Tensor1D): Mixture {
  const mask = mixMask(oneHot, sides);
  return { images: labelMix(photos, firstOnes(paintings, photos.shape[0]), mask), mask, shares: pixelShares(oneHot) };
}

/** Of all first, all second, ... images of a batch, or what is said of them, the first ones. */
const firstOnes = (x: tf.Tensor4D, batch: number) => tf.slice(x, 0, batch) as tf.Tensor4D;

/** The losses of a pass. @throws StepFault where a number is not finite */
function checked(network: string, { losses: scalars, gradients: g, squares }: Pass): Losses {
  const losses = Object.fromEntries(Object.entries(scalars).map(([name, t]) => [name, t.dataSync()[0]]));
  const fault = faultOf(network, losses, g, squares);
  if (fault) throw new StepFault(fault, losses);
  return losses;
}

/** `f` of passes, of which nothing is left afterwards. */
function freeing<P extends Pass[]>(passes: [...P], f: (passes: [...P]) => Losses): Losses {
  try {
    return f(passes);
  } finally {
    tf.dispose(passes);
  }
}

/** Generator, discriminator, their optimisers, and one training step of the two. */
export class LGGANTrainer {
  readonly config: TrainLGGANConfig;
  readonly generator: Generator;
  readonly discriminator: Discriminator | SegmentationDiscriminator;
  readonly schedule: Schedule;
  /** The generator with averaged weights, where `ema` asks for one. */
  readonly averaged?: Generator;
  private readonly lossWeights: Record<1 | 2, LossWeights>;
  private readonly average?: MovingAverage;
  /** Numbers of passes, see `Cluster.during`: the generator's or that of both at once, the same with VGG19, the discriminator's, and that of the scenes. */
  private readonly firstPass = newPasses(4);
  readonly optimiserG: Adam;
  readonly optimiserD: Adam;

  constructor(
    config: Partial<TrainLGGANConfig>,
    private readonly vgg?: Vgg19,
  ) {
    this.config = configure(TRAIN_LGGAN_DEFAULTS, config, 'train');
    const { checkpointEvery, keepCheckpoints, sampleEvery, evaluateEvery, stepsPerEpoch, ema, fakes, perceptual, perceptualEvery, lossWeights, labelMix } =
      this.config;
    wholeNumbers({ checkpointEvery, keepCheckpoints, sampleEvery, evaluateEvery, perceptualEvery }, 'train');
    wholeNumbers({ stepsPerEpoch }, 'train', 0);
    oneOf(fakes, ['fresh', 'same'], 'train.fakes');
    oneOf(perceptual, PERCEPTUAL_CHOICES, 'train.perceptual');
    oneOf(this.config.judged, JUDGED_CHOICES, 'train.judged');
    oneOf(this.config.onFault, FAULT_POLICIES, 'train.onFault');
    if (ema < 0 || ema >= 1) throw new UserError(`train.ema: expected at least 0 and less than 1, got ${ema}`);
    const changes = configure<{ 1: object; 2: object }>({ 1: {}, 2: {} }, lossWeights as { 1: object; 2: object }, 'train.lossWeights');
    this.lossWeights = {
      1: configure(LOSS_WEIGHTS[1], changes[1], 'train.lossWeights.1'),
      2: configure(LOSS_WEIGHTS[2], changes[2], 'train.lossWeights.2'),
    };
    if (labelMix < 0) throw new UserError(`train.labelMix: expected at least 0, got ${labelMix}`);
    if (split(this.config.discriminator).kind === 'patch' && labelMix) {
      throw new UserError("train.labelMix: this is for a discriminator that segments; set discriminator to 'segmentation', or labelMix to 0.");
    }
    if (split(this.config.discriminator).kind === 'segmentation') refuseFeatureMatching(lossWeights);
    for (const stage of [1, 2] as const) {
      const { projected } = this.lossWeights[stage];
      if (projected < 0) throw new UserError(`train.lossWeights.${stage}.projected: expected at least 0, got ${projected}`);
      if (projected && !vgg) {
        throw new UserError(
          `train.lossWeights.${stage}.projected: a second opinion goes by features of VGG19, which is not given (--vgg); without it leave the field out.`,
        );
      }
    }
    const projected = Object.values(this.lossWeights).some((weights) => weights.projected > 0);
    this.schedule = new Schedule(this.config.schedule);
    this.generator = createGenerator(this.config.generator);
    const { classes, behaviour, seed } = this.generator.config;
    this.discriminator = makeDiscriminator(this.config.discriminator, { classes, behaviour, seed }, projected ? vgg?.fed('imagenet') : undefined);
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
   * One step of the generator, then one of the discriminator; or of both at once (`fakes: 'same'`). `epoch` counts from 1.
   * @throws StepFault where a loss or a gradient is not finite: then both networks, and what forward passes change, are as before
   */
  step(batch: Batch, epoch: number): Losses {
    const stage = this.schedule.stage(epoch);
    const weights = this.lossWeights[stage];
    const rates = this.schedule.learningRates(epoch);
    const labels = this.generator.prepare(batch.labels, { compiled: canCompile() });
    const images = tf.tensor4d(batch.images, [batch.labels.length, labels.height, labels.width, 3]);
    const buffers = new Buffers([...this.generator.parameters.entries(), ...this.discriminator.parameters.entries()]);
    const same = this.config.fakes === 'same';
    let chance: Chance = { conditions: {} };
    const styles = this.generator.styles && stylesOf(batch);
    const seenBefore = this.optimiserD.stepsTaken * batch.labels.length * workers();
    // Images painted anew by what the generator became may be what makes the discriminator's losses infinite: then its step is taken back.
    const snapshot = same ? undefined : this.optimiserG.snapshot();
    try {
      chance = this.draw(labels, styles);
      const losses = same ? this.stepAtOnce(labels, images, chance, weights, rates) : this.stepGenerator(labels, images, chance, weights, rates.generator);
      if (!same) Object.assign(losses, this.stepDiscriminator(labels, images, chance, rates.discriminator));
      if (styles) this.keepScenes(seenBefore, styles, batch.labels);
      this.average?.update();
      return losses;
    } catch (e) {
      buffers.restore();
      snapshot?.restore();
      throw e;
    } finally {
      snapshot?.dispose();
      tf.dispose([images, chance.conditions, ...Object.values(chance.augmentation ?? {}), chance.sides ?? []]);
      labels.dispose();
      buffers.dispose();
    }
  }

  /** By the seed and the steps taken, which a resumed run goes on with. */
  private draw({ batch, height, width }: LabelPyramid, styles: number[][] | undefined): Chance {
    const { labelMix, augment } = this.config;
    const { seed, classes } = this.generator.config;
    const [low, high] = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)];
    // The last number tells them from those of the data, see `Sequence`.
    const random = (...purpose: [number, number]) => new Random([low, high, this.optimiserD.stepsTaken, ...purpose]);
    // The same sides for all workers; each has its part of the batch's images.
    const first = batch * (cluster()?.rank ?? 0);
    const ofImages = (before: number, kind: number) => Array.from({ length: batch }, (_, b) => random(before + first + b, kind));
    const sizes = this.generator.noiseSizes([height, width]);
    return {
      sides: labelMix > 0 ? drawSides(random(0, 2), classes) : undefined,
      augmentation: augment ? drawAugmentation(ofImages(1, 2), [height, width]) : undefined,
      conditions: { ...(sizes.length && { noise: drawNoise(sizes, ofImages(0, 3)) }), ...(styles && { style: tf.tensor2d(styles) }) },
    };
  }

  /** Those of all workers, by rank, so that all keep the same. */
  private keepScenes(seenBefore: number, styles: number[][], maps: readonly LabelMap[]): void {
    const bank = this.generator.styles!;
    const own = bank.rowsOf(styles, maps);
    const group = cluster();
    bank.add(seenBefore, group ? inPass(this.firstPass + 3, () => tf.tidy(() => group.gather(tf.tensor1d(own)).dataSync<'float32'>())) : own);
  }

  private stepGenerator(labels: LabelPyramid, images: tf.Tensor4D, chance: Chance, weights: LossWeights, rate: number): Losses {
    return freeing([this.generatorPass(labels, images, chance.conditions, chance.augmentation, ...this.perception(weights))], ([pass]) => {
      const losses = checked('generator', pass);
      this.optimiserG.step(pass.gradients, rate);
      return losses;
    });
  }

  /** Against what the generator paints now. */
  private stepDiscriminator(labels: LabelPyramid, images: tf.Tensor4D, chance: Chance, rate: number): Losses {
    return freeing([this.discriminatorPass(labels, images, chance.conditions, chance.augmentation, chance.sides)], ([pass]) => {
      const losses = checked('discriminator', pass);
      this.optimiserD.step(pass.gradients, rate);
      return losses;
    });
  }

  /** Both by the same images, which the discriminator judges once. */
  private stepAtOnce(labels: LabelPyramid, images: tf.Tensor4D, chance: Chance, weights: LossWeights, rates: Rates): Losses {
    return freeing(this.bothPasses(labels, images, chance.conditions, chance.augmentation, chance.sides, ...this.perception(weights)), ([g, d]) => {
      const losses = { ...checked('generator', g), ...checked('discriminator', d) };
      this.optimiserD.step(d.gradients, rates.discriminator);
      this.optimiserG.step(g.gradients, rates.generator);
      return losses;
    });
  }

  /** The weights of this step's losses, and whether VGG19 has a part in it. Counted by the optimiser's steps, which a resumed run goes on with. */
  private perception(weights: LossWeights): [LossWeights, boolean] {
    const { perceptualEvery } = this.config;
    return [{ ...weights, vgg: perceptualEvery * weights.vgg }, this.vgg !== undefined && this.optimiserG.stepsTaken % perceptualEvery === 0];
  }

  /** Everything up to the gradients of the generator. What may differ from step to step is an argument: docs/compiled.md. */
  private readonly generatorPass = compiled(
    (labels: LabelPyramid, images: tf.Tensor4D, conditions: Conditions, augmentation: Augmentation | undefined, weights: LossWeights, perceived: boolean) =>
      inPass(this.firstPass + Number(perceived), () => {
        const vgg = perceived ? this.vgg : undefined;
        const judge = judgeAgainst(this.discriminator, viewOf(labels, augmentation), images, true);
        return this.generatorGradients(labels, conditions, realSide(images, vgg), judge, weights, vgg);
      }),
    { name: 'the step of the generator' },
  );

  /** Everything up to the gradients of the discriminator, on images that are painted anew. */
  private readonly discriminatorPass = compiled(
    (labels: LabelPyramid, images: tf.Tensor4D, conditions: Conditions, augmentation?: Augmentation, sides?: tf.Tensor1D) =>
      inPass(this.firstPass + 2, () => {
        const view = viewOf(labels, augmentation);
        const fakes = tf.tidy(() => stackImages(this.generator.forward(labels, { training: true, ...conditions })));
        const photos = view.of(images);
        const seen = view.of(this.config.judged === 'all' ? fakes : firstOnes(fakes, labels.batch));
        const mixed = sides && mixture(view.oneHot, photos, seen, sides);
        return this.discriminatorGradients(view.oneHot, () => judgementOfBoth(this.discriminator, view.oneHot, seen, photos), mixed);
      }),
    { name: 'the step of the discriminator' },
  );

  /** Everything up to the gradients of both, by what the discriminator says once. */
  private readonly bothPasses = compiled(
    (
      labels: LabelPyramid,
      images: tf.Tensor4D,
      conditions: Conditions,
      augmentation: Augmentation | undefined,
      sides: tf.Tensor1D | undefined,
      weights: LossWeights,
      perceived: boolean,
    ): [generator: Pass, discriminator: Pass] =>
      inPass(this.firstPass + Number(perceived), () => {
        const { discriminator } = this;
        const { oneHot, of } = viewOf(labels, augmentation);
        const photos = of(images);
        const vgg = perceived ? this.vgg : undefined;
        let said!: Excerpt<{ fake: Judgement; real: Judgement }>;
        let mixed: Mixture | undefined;
        const judge = (fakes: tf.Tensor4D) => {
          const seen = of(fakes);
          said = excerpt(() => ({ real: judgement(discriminator, oneHot, photos, true), fake: judgement(discriminator, oneHot, seen) }));
          const { fake, real } = said.result;
          [fake, real].flatMap(scoresOf).forEach((t) => tf.keep(t));
          if (sides) Object.values((mixed = mixture(oneHot, photos, seen, sides))).forEach((t) => tf.keep(t));
          return { ...said.result, oneHot };
        };
        const ofGenerator = this.generatorGradients(labels, conditions, realSide(images, vgg), judge, weights, vgg);
        const { fake, real } = said.result;
        const ofDiscriminator = this.discriminatorGradients(
          oneHot,
          () => {
            said.replay();
            return [fake, real];
          },
          mixed,
        );
        tf.dispose([scoresOf(fake), scoresOf(real), ...Object.values(mixed ?? {})]);
        return [ofGenerator, ofDiscriminator];
      }),
    { name: 'the step' },
  );

  private generatorGradients(
    labels: LabelPyramid,
    conditions: Conditions,
    real: RealSide,
    judge: (images: tf.Tensor4D) => Judged,
    weights: LossWeights,
    vgg?: Vgg19,
  ): Pass {
    const { parameters, behaviour } = this.generator;
    const { perceptual, judged } = this.config;
    let terms!: Record<string, tf.Scalar>;
    const { value, gradients: own } = gradients(() => {
      const output = this.generator.forward(labels, { training: true, ...conditions });
      terms = generatorLosses(output, stackImages(output), labels, real, judge, vgg, weights, behaviour, perceptual, judged);
      Object.values(terms).forEach((t) => tf.keep(t));
      return tf.addN(Object.values(terms)) as tf.Scalar;
    }, parameters);
    const pass = agreed({ generator: value, ...terms }, own, parameters);
    return { ...pass, squares: squaresOf(pass.gradients) };
  }

  private discriminatorGradients(oneHot: tf.Tensor4D, judge: () => [fake: Judgement, real: Judgement], mixed?: Mixture): Pass {
    const { parameters } = this.discriminator;
    let parts!: tf.Scalar[];
    const { value, gradients: own } = gradients(() => {
      const [fake, real] = judge();
      parts = discriminatorLosses(fake, real, oneHot);
      if (mixed) parts.push(this.consistency(fake.said, real.said, mixed));
      parts.forEach((t) => tf.keep(t));
      return tf.addN(parts) as tf.Scalar;
    }, parameters);
    value.dispose();
    const [discriminatorFake, discriminatorReal, discriminatorMix] = parts;
    const pass = agreed({ discriminatorFake, discriminatorReal, ...(mixed && { discriminatorMix }) }, own, parameters);
    return { ...pass, squares: squaresOf(pass.gradients) };
  }

  /** LabelMix of the final images, which come first. */
  private consistency(fake: Judgement['said'], real: Judgement['said'], { images, mask, shares }: Mixture): tf.Scalar {
    if (!(this.discriminator instanceof SegmentationDiscriminator && fake instanceof tf.Tensor && real instanceof tf.Tensor))
      throw new Error('no logits to mix');
    const ofFinal = firstOnes(fake, real.shape[0]);
    const n = fake.shape[0] / real.shape[0];
    return tf.mul(n * this.config.labelMix, mixConsistency(this.discriminator.forward(images), real, ofFinal, mask, shares));
  }

  /** How often the step was recorded, and why it runs eagerly where it does. */
  get compilation(): { recordings: number; eagerBecause?: string } {
    const passes = [this.generatorPass, this.discriminatorPass, this.bothPasses];
    return { recordings: passes.reduce((n, p) => n + p.recordings, 0), eagerBecause: passes.map((p) => p.eagerBecause).find(Boolean) };
  }

  /** Begins with the weights of another generator, also in the average. @throws UserError where it is of another shape */
  beginWith(other: Generator): string | undefined {
    const begun = beginWith(this.generator.parameters, other.parameters, this.config.start, 'train.generator', ofStyle);
    this.average?.reset();
    return begun ? `${this.config.start}: this network has no style; it begins without effect, and no scene is known.` : undefined;
  }

  /** Saves everything that the next step depends on. @throws UserError where a weight is not finite: nothing is written then */
  async save(name: 'latest' | 'best', state: Record<string, Json>): Promise<void> {
    await saveRun(
      this.config.output,
      name,
      this.kept,
      ({ optimiserG: G, optimiserD: D }) => ({ ...state, steps: { G, D, EMA: this.average?.step ?? 0 } }),
      {
        network: 'LGGAN',
        config: this.generator.config,
      },
      this.config.keepCheckpoints,
    );
  }

  /** Takes up a saved state; undefined where there is none. */
  async load(name: 'latest' | 'best', onMessage?: (m: string) => void): Promise<Record<string, Json> | undefined> {
    const stepsOf = (state: Record<string, Json>) => state.steps as { G: number; D: number; EMA: number };
    const loading = loadRun(this.config.output, name, this.kept, (s) => ({ optimiserG: stepsOf(s).G, optimiserD: stepsOf(s).D }), onMessage);
    const state = await loading.catch((e) => {
      if (!(e instanceof UserError) || !e.message.includes(`${HEADS}.`)) throw e;
      const begun = this.discriminator.projected
        ? 'without a second opinion (lossWeights.projected); leave it out'
        : 'with a second opinion (lossWeights.projected); give it';
      throw new UserError(`${this.config.output}: this run was begun ${begun}, or choose another folder. ${e.message}`, { cause: e });
    });
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
    this.generatorPass.dispose();
    this.discriminatorPass.dispose();
    this.bothPasses.dispose();
    this.generator.dispose();
    this.average?.dispose();
    this.averaged?.dispose();
    this.discriminator.dispose();
    this.optimiserG.dispose();
    this.optimiserD.dispose();
  }
}

export interface LGGANData {
  train: BatchSource;
  /** For the perceptual loss and a second opinion (`LossWeights.projected`); without it there is neither. The caller disposes of it. */
  vgg?: Vgg19;
}

/** What a network with a style has beside one without. */
const ofStyle = (name: string) => name === STYLES || name.endsWith(STYLE_WEIGHT);

/** Of each photo. */
function stylesOf({ images, labels }: Batch): number[][] {
  const size = images.length / labels.length;
  return labels.map(({ height, width }, i) => styleOf(images.subarray(i * size, (i + 1) * size), height, width));
}

function split(setting: TrainLGGANConfig['discriminator']) {
  const { kind = 'patch', ...own } = typeof setting === 'string' ? { kind: setting } : setting;
  oneOf(kind, DISCRIMINATOR_KINDS, 'train.discriminator');
  return { kind, own };
}

function makeDiscriminator(setting: TrainLGGANConfig['discriminator'], shared: Pick<LGGANConfig, 'classes' | 'behaviour' | 'seed'>, vgg?: Vgg19) {
  const { kind, own } = split(setting);
  return kind === 'patch' ? new Discriminator({ ...shared, ...own }, vgg) : new SegmentationDiscriminator({ ...shared, ...own }, vgg);
}

function refuseFeatureMatching(changes: TrainLGGANConfig['lossWeights']): void {
  for (const stage of [1, 2] as const) {
    if (changes[stage]?.featureMatching) {
      throw new UserError(`train.lossWeights.${stage}.featureMatching: a discriminator that segments has no feature matching; set it to 0 or leave it out.`);
    }
  }
}

/**
 * Trains LGGAN, or goes on with the run that `config.output` holds. Checkpoints, the history of every loss and the best generator are
 * kept there.
 */
export async function trainLGGAN(config: Partial<TrainLGGANConfig>, data: LGGANData, hooks: TrainLGGANHooks = {}): Promise<TrainLGGANResult> {
  const trainer = await begin(config, data.vgg, hooks.onMessage);
  try {
    return await withRunLock(trainer.config.output, () => run(trainer, data, hooks));
  } catch (e) {
    trainer.dispose();
    throw e;
  }
}

async function begin(config: Partial<TrainLGGANConfig>, vgg?: Vgg19, onMessage?: (message: string) => void): Promise<LGGANTrainer> {
  const start = config.start ? await loadGenerator(config.start) : undefined;
  try {
    const trainer = new LGGANTrainer(start ? { ...config, generator: { ...start.config, ...config.generator } } : config, vgg);
    try {
      const said = [
        start && trainer.beginWith(start),
        config.startDiscriminator && (await loadDiscriminator(config.startDiscriminator, trainer.discriminator.parameters)),
      ];
      const sentences = said.filter((sentence) => sentence);
      // A run that goes on takes up its own weights.
      if (sentences.length && !(await newestCheckpoint(trainer.config.output, 'latest'))) sentences.forEach((sentence) => onMessage?.(sentence!));
      return trainer;
    } catch (e) {
      trainer.dispose();
      throw e;
    }
  } finally {
    start?.dispose();
  }
}

async function run(trainer: LGGANTrainer, { train: batches, vgg }: LGGANData, hooks: TrainLGGANHooks): Promise<TrainLGGANResult> {
  const { output, stage, sampleEvery, evaluateEvery } = trainer.config;
  const stepsPerEpoch = trainer.config.stepsPerEpoch || batches.batchesPerEpoch;
  const { epochs, secondStageFrom } = trainer.schedule.config;
  const total = (stage === 1 ? Math.min(epochs, secondStageFrom - 1) : epochs) * stepsPerEpoch;

  const { history, before, interrupted } = await runSteps<Batch, number>(
    {
      ...savingOf(trainer),
      batches,
      total,
      stepsPerEpoch,
      same: { 'network for the perceptual loss': vgg?.name ?? '' },
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
    },
    hooks,
  );
  return { generator: trainer.best, trainer, history, epochsBefore: before / stepsPerEpoch, interrupted };
}
