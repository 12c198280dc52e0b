/** Training of the judge that comes with the project: a segmenter that learns from label maps made by people. */
import { configure, wholeNumbers, oneOf } from '../../src/common/config';
import { UserError } from '../../src/common/errors';
import { withFolderLock } from '../../src/common/lock';
import type { Json } from '../../src/checkpoints/checkpoint';
import { centreCrops } from '../../src/data/crops';
import { itemsOf, readAll } from '../../src/data/dataset';
import { SegmentBatches, type SegmentBatch } from './segment_batches';
import { IGNORE, type PairDataset, type Size } from '../../src/data/types';
import { compiled } from '../../src/engine/compiled';
import * as tf from '../../src/engine/tf';
import { Segmenter, type SegmenterConfig } from './segmenter';
import { maskAccuracy } from './mask_accuracy';
import { Adam } from '../../src/training/adam';
import { gradients } from '../../src/training/gradients';
import { FAULT_POLICIES, StepFault, faultOf, lossDivergence, squaresOf, type FaultPolicy } from '../../src/training/guards';
import type { History } from '../../src/training/history';
import { runSteps, savingOf, type LoopHooks } from '../../src/training/loop';
import { loadRun, saveRun, type Kept } from '../../src/training/saved_run';
import { pixelCrossEntropy } from './train_segmenter';

export interface TrainJudgeConfig {
  network: Partial<SegmenterConfig>;
  /** Height and width of the windows that it learns from, multiples as those of the network's size. Default [128, 160]. */
  window: Size;
  /** Default 11000. A run can go on with more, or fewer: the learning rate follows. */
  steps: number;
  /** Default 8. */
  batchSize: number;
  /** Of Adam; it falls to zero in a straight line. Default 2e-3. */
  learningRate: number;
  /** A pixel of a class counts by the class's share of all pixels to the power of minus this, at most `MOST_WEIGHT` times as much as the mean pixel. Default 0: all alike. */
  balance: number;
  /** See `SegmentBatchOptions`. Default 0.45 and 0.4. */
  smallest: number;
  jitter: number;
  /** Of weights, order, windows and light. Default 628. */
  seed: number;
  /** Steps between validations. Default 500. */
  validateEvery: number;
  /** Default 250. */
  checkpointEvery: number;
  /** Default 2. */
  keepCheckpoints: number;
  /** What happens when a loss or a gradient is not finite, see `FaultPolicy`. Default 'skip'. */
  onFault: FaultPolicy;
  /** Where checkpoints and the history go. Default 'checkpoints/judge'. */
  output: string;
}

/** 1.4 million weights: 2.8 MB in half precision. */
export const JUDGE_NETWORK: Partial<SegmenterConfig> = { imageSize: [192, 256], block: 4, levels: 4, features: 48, widest: 160 };

export const TRAIN_JUDGE_DEFAULTS: TrainJudgeConfig = {
  network: JUDGE_NETWORK,
  window: [128, 160],
  steps: 11_000,
  batchSize: 8,
  learningRate: 2e-3,
  balance: 0,
  smallest: 0.45,
  jitter: 0.4,
  seed: 628,
  validateEvery: 500,
  checkpointEvery: 250,
  keepCheckpoints: 2,
  onFault: 'skip',
  output: 'checkpoints/judge',
};

/** See `TrainJudgeConfig.balance`. */
export const MOST_WEIGHT = 10;
/** A class with a smaller share of the pixels has not been learnt: the judge is not asked about it. */
export const LEARNT_FROM = 1e-3;

/** @throws UserError that names the field if one is unknown, ill-typed or out of range */
export function trainJudgeConfig(overrides: Partial<TrainJudgeConfig>): TrainJudgeConfig {
  const config = configure(TRAIN_JUDGE_DEFAULTS, overrides, 'trainJudge');
  config.network = { ...JUDGE_NETWORK, ...overrides.network };
  const { steps, batchSize, validateEvery, checkpointEvery, keepCheckpoints } = config;
  wholeNumbers({ steps, batchSize, validateEvery, checkpointEvery, keepCheckpoints }, 'trainJudge');
  oneOf(config.onFault, FAULT_POLICIES, 'trainJudge.onFault');
  if (!(config.learningRate > 0)) throw new UserError(`trainJudge.learningRate: expected more than 0, got ${config.learningRate}`);
  if (!(config.balance >= 0 && config.balance <= 1)) throw new UserError(`trainJudge.balance: expected 0 to 1, got ${config.balance}`);
  return config;
}

/** The share of each class of the pixels that have one, [classes]. @throws UserError where a label map holds another class, or none has any */
export async function classShares(dataset: PairDataset, classes: number): Promise<number[]> {
  const counts = new Array<number>(classes).fill(0);
  for await (const { name, labels } of itemsOf(dataset)) {
    for (const c of labels.data) {
      if (c === IGNORE) continue;
      if (c >= classes) throw new UserError(`${dataset.source}, ${name}: the label map holds ${c}, the judge has ${classes} classes.`);
      counts[c]++;
    }
  }
  const all = counts.reduce((a, b) => a + b, 0);
  if (!all) throw new UserError(`${dataset.source} holds no pixel with a class.`);
  return counts.map((n) => n / all);
}

/** How much a pixel of each class counts; the mean pixel counts 1 before the limit. */
export function classWeights(shares: readonly number[], balance: number): number[] {
  const raw = shares.map((s) => (s > 0 ? s ** -balance : 0));
  const mean = raw.reduce((sum, w, c) => sum + w * shares[c], 0);
  return raw.map((w) => Math.min(MOST_WEIGHT, w / mean));
}

/** The network, its optimiser and one training step. */
export class JudgeTrainer {
  readonly config: TrainJudgeConfig;
  readonly network: Segmenter;
  private readonly optimiser: Adam;
  private readonly weights: tf.Tensor1D;

  /** @param shares of the classes in the training set @throws UserError that names the field if one is unknown, ill-typed or out of range */
  constructor(config: Partial<TrainJudgeConfig>, shares: readonly number[]) {
    this.config = trainJudgeConfig(config);
    this.network = new Segmenter({ seed: this.config.seed, ...this.config.network });
    this.optimiser = new Adam(this.network.parameters.entries());
    this.weights = tf.tensor1d(classWeights(shares, this.config.balance));
  }

  /** Moves the weights against the gradient of the cross entropy, which it returns. @throws StepFault where it is not finite: no weight has moved then */
  step({ images, labels }: SegmentBatch, learningRate: number): number {
    const [height, width] = this.config.window;
    const { block } = this.network.config;
    const x = tf.tensor4d(images, [images.length / (height * width * 3), height, width, 3]);
    const truth = tf.tensor3d(labels, [x.shape[0], height / block, width / block], 'int32');
    const { value, gradients: g, squares } = this.pass(x, truth);
    const loss = value.dataSync()[0];
    const fault = faultOf('the judge', { loss }, g, squares);
    if (!fault) this.optimiser.step(g, learningRate);
    tf.dispose([x, truth, value, squares, g]);
    if (fault) throw new StepFault(fault, { loss });
    return loss;
  }

  /** Everything up to the gradients, see docs/compiled.md. */
  private readonly pass = compiled(
    (x: tf.Tensor4D, truth: tf.Tensor3D) => {
      const { network, weights, config } = this;
      const pass = gradients(() => pixelCrossEntropy(network.logits(x, true), truth, config.balance ? weights : undefined), network.parameters);
      return { ...pass, squares: squaresOf(pass.gradients) };
    },
    { name: 'the step of the judge' },
  );

  get stepsTaken(): number {
    return this.optimiser.stepsTaken;
  }

  /** How often the step was recorded, and why it runs eagerly where it does. */
  get compilation(): { recordings: number; eagerBecause?: string } {
    return { recordings: this.pass.recordings, eagerBecause: this.pass.eagerBecause };
  }

  /** Saves everything that the next step depends on. @throws UserError where a weight is not finite: nothing is written then */
  async save(name: 'latest' | 'best', state: Record<string, Json>): Promise<void> {
    const metadata = { network: 'judge', config: this.network.config };
    await saveRun(this.config.output, name, this.kept, ({ optimiser }) => ({ ...state, optimiserSteps: optimiser }), metadata, this.config.keepCheckpoints);
  }

  /** Takes up a saved state; undefined where there is none. */
  load(name: 'latest' | 'best', onMessage?: (m: string) => void): Promise<Record<string, Json> | undefined> {
    return loadRun(this.config.output, name, this.kept, (s) => ({ optimiser: s.optimiserSteps as number }), onMessage);
  }

  private get kept(): Kept {
    return { networks: { judge: this.network.parameters }, optimisers: { optimiser: this.optimiser } };
  }

  /** Frees the optimiser's state; the network stays. */
  dispose(): void {
    this.pass.dispose();
    this.optimiser.dispose();
    this.weights.dispose();
  }
}

export interface JudgeData {
  train: PairDataset;
  /** Pairs that training does not see; they are looked at, and choose nothing. */
  validation?: PairDataset;
}

/** Rows have `loss`, `learningRate`, `seconds`; after a validation `accuracy` and `meanIou`. */
export interface TrainJudgeHooks extends LoopHooks {
  onValidation?(quality: { accuracy: number; meanIou: number }, step: number): void;
}

export interface TrainJudgeResult {
  /** As its last step left it. The caller disposes of it. */
  network: Segmenter;
  history: History;
  /** Of each class, of the pixels of the training set. */
  shares: number[];
  step: number;
  /** Steps that were done before this call. */
  before: number;
  interrupted: boolean;
}

/**
 * Trains the judge, or goes on with the run that `config.output` holds: cross entropy over the pixels that have a class, on windows of
 * photographs in changing light, by Adam. Only what people labelled should go in, and never what a network painted.
 * @throws UserError for a field, a file or a saved run that does not fit
 */
export async function trainJudge(config: Partial<TrainJudgeConfig>, data: JudgeData, hooks: TrainJudgeHooks = {}): Promise<TrainJudgeResult> {
  const { classes = 29 } = trainJudgeConfig(config).network;
  const shares = await classShares(data.train, classes);
  const trainer = new JudgeTrainer(config, shares);
  try {
    return await withFolderLock(trainer.config.output, () => run(trainer, data, shares, hooks));
  } catch (e) {
    trainer.network.dispose();
    throw e;
  } finally {
    trainer.dispose();
  }
}

async function run(trainer: JudgeTrainer, data: JudgeData, shares: number[], hooks: TrainJudgeHooks): Promise<TrainJudgeResult> {
  const { config, network } = trainer;
  const { window, batchSize, seed, smallest, jitter, steps, validateEvery } = config;
  const batches = new SegmentBatches(data.train, { window, block: network.config.block, batchSize, seed, smallest, jitter });
  const pairs = data.validation && (await readAll(centreCrops(data.validation, network.config.imageSize)));
  const { history, step, before, interrupted } = await runSteps<SegmentBatch, null>(
    {
      ...savingOf(trainer),
      batches,
      total: steps,
      stepsPerEpoch: batches.batchesPerEpoch,
      step(batch) {
        const learningRate = config.learningRate * (1 - trainer.stepsTaken / steps);
        return { loss: trainer.step(batch, learningRate), learningRate };
      },
      columns: () => ({ loss: NaN, learningRate: NaN }),
      warning: lossDivergence,
      async measure(step) {
        if (!pairs || (step % validateEvery && step !== steps)) return undefined;
        const { accuracy, meanIou } = await maskAccuracy(network, pairs, { kind: 'validation' });
        hooks.onValidation?.({ accuracy: accuracy.value, meanIou: meanIou.value }, step);
        return { accuracy: accuracy.value, meanIou: meanIou.value };
      },
    },
    hooks,
  );
  const photographs = `${data.train.length} pairs of ${data.train.source}`;
  network.trainedOn = `trained on ${photographs}, ${step} steps of ${batchSize}, seed ${seed}`;
  network.learnt = shares.flatMap((share, c) => (share >= LEARNT_FROM ? [c] : []));
  return { network, history, shares, step, before, interrupted };
}
