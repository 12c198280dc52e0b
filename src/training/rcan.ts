import { existsSync } from 'node:fs';
import { UserError } from '../common/errors';
import { cluster, inPass, isFirst, newPasses } from '../engine/cluster';
import { compiled } from '../engine/compiled';
import * as tf from '../engine/tf';
import { loadCheckpoint, type Json } from '../checkpoints/checkpoint';
import { readSome } from '../data/dataset';
import { SrPatches, type SrBatch } from '../data/sr_batches';
import { bicubicEnlarged, type SrDataset, type SrPair } from '../data/sr_pairs';
import { l1 } from '../losses/pixel';
import { srPsnr, srQuality, type SrQuality } from '../metrics/sr_quality';
import { loadRCAN } from '../models/pretrained';
import { RCAN } from '../models/rcan';
import { deepened, startBilinear } from '../models/rcan_start';
import { Adam } from './adam';
import { agreed, gradients } from './gradients';
import { StepFault, faultOf, lossDivergence, squaresOf } from './guards';
import type { History } from './history';
import { runSteps, savingOf, withRunLock, type LoopHooks } from './loop';
import { beginsTrained, rcanLearningRate, trainRCANConfig, type TrainRCANConfig } from './rcan_config';
import { beginWith, loadRun, saveRun, type Kept } from './saved_run';

export interface RCANData {
  train: SrDataset;
  /** Pairs that training does not see. Without them there is no best checkpoint. */
  validation?: SrDataset;
}

/** Rows have `loss`, `learningRate`, `seconds`; after a validation `psnrRgb`, `psnrY`. */
export interface TrainRCANHooks extends LoopHooks {
  /** After each validation, with the network as it stands then. */
  onValidation?(network: RCAN, quality: SrQuality, bicubic: SrQuality, step: number): void | Promise<void>;
}

export interface TrainRCANResult {
  /** With the weights of the best validation where there was one, else the last. The caller disposes of it. */
  network: RCAN;
  history: History;
  /** The best validation and its step. */
  best?: SrQuality & { step: number };
  /** What bicubic enlargement reaches on the same pairs. */
  bicubic?: SrQuality;
  /** Steps done, of `total`. */
  step: number;
  total: number;
  /** Epochs that the run had before this call, a part of one counted as such. */
  epochsBefore: number;
  interrupted: boolean;
}

/** The network, its optimiser and one training step. */
export class RCANTrainer {
  readonly config: TrainRCANConfig;
  readonly network: RCAN;
  private readonly optimiser: Adam;
  private readonly passes = newPasses(1);

  /** `start` by a path is `trainRCAN`'s: here such weights are random. @throws UserError that names the field if one is unknown, ill-typed or out of range */
  constructor(config: Partial<TrainRCANConfig>) {
    this.config = trainRCANConfig(config);
    this.network = new RCAN(this.config.network);
    if (this.config.start === 'bilinear') startBilinear(this.network);
    this.optimiser = new Adam(this.network.parameters.entries(), { epsilonChoice: this.config.adamEpsilon });
  }

  /** Moves the weights against the gradient of the mean absolute difference, which it returns (in units of 0..255). @throws StepFault where it is not finite: no weight has moved then */
  step({ low, high, patch }: SrBatch, learningRate: number): number {
    const batch = high.length / (patch * patch * 3);
    const x = tf.tensor4d(low, [batch, patch / 2, patch / 2, 3]);
    const target = tf.tensor4d(high, [batch, patch, patch, 3]);
    const { losses, gradients: g, squares } = this.pass(x, target);
    const loss = losses.loss.dataSync()[0];
    const fault = faultOf('RCAN', { loss }, g, squares);
    if (!fault) this.optimiser.step(g, learningRate);
    tf.dispose([x, target, losses, squares, g]);
    if (fault) throw new StepFault(fault, { loss });
    return loss;
  }

  /** Everything up to the gradients, see docs/compiled.md. */
  private readonly pass = compiled(
    (x: tf.Tensor4D, target: tf.Tensor4D) =>
      inPass(this.passes, () => {
        const { parameters } = this.network;
        const { value, gradients: own } = gradients(() => l1(this.network.forward(x), target), parameters);
        const pass = agreed({ loss: value }, own, parameters);
        return { ...pass, squares: squaresOf(pass.gradients) };
      }),
    { name: 'the step of RCAN' },
  );

  /** How often the step was recorded, and why it runs eagerly where it does. */
  get compilation(): { recordings: number; eagerBecause?: string } {
    return { recordings: this.pass.recordings, eagerBecause: this.pass.eagerBecause };
  }

  /** Saves everything that the next step depends on. @throws UserError where a weight is not finite: nothing is written then */
  async save(name: 'latest' | 'best', state: Record<string, Json>): Promise<void> {
    await saveRun(
      this.config.output,
      name,
      this.kept,
      ({ optimiser }) => ({ ...state, optimiserSteps: optimiser }),
      {
        network: 'RCAN',
        config: this.network.config,
      },
      this.config.keepCheckpoints,
    );
  }

  /** Takes up a saved state; undefined where there is none. */
  load(name: 'latest' | 'best', onMessage?: (m: string) => void): Promise<Record<string, Json> | undefined> {
    return loadRun(this.config.output, name, this.kept, (s) => ({ optimiser: s.optimiserSteps as number }), onMessage);
  }

  private get kept(): Kept {
    return { networks: { RCAN: this.network.parameters }, optimisers: { optimiser: this.optimiser } };
  }

  /** Frees the optimiser's state; the network stays. */
  dispose(): void {
    this.pass.dispose();
    this.optimiser.dispose();
  }
}

/** Pairs without those that interpolation gives back exactly (flat pictures): their PSNR is infinite, and would be every mean. */
function measurable(pairs: readonly SrPair[], hooks: LoopHooks): SrPair[] | undefined {
  const kept = pairs.filter((pair) => {
    const { rgb, y } = srPsnr(bicubicEnlarged(pair), pair);
    return Number.isFinite(rgb) && Number.isFinite(y);
  });
  const left = pairs.length - kept.length;
  if (left)
    hooks.onMessage?.(`${left} of ${pairs.length} pictures of the validation are given back exactly by interpolation (flat ones); they are left out of it.`);
  return kept.length ? kept : undefined;
}

/**
 * Trains RCAN x2, or goes on with the run that `config.output` holds: the mean absolute difference of patches, by Adam, with a learning rate
 * that is halved every so many epochs. The latest and the best checkpoint (by PSNR on the validation pairs) and the history are kept there.
 * @throws UserError for a field, a file or a saved run that does not fit
 */
export async function trainRCAN(config: Partial<TrainRCANConfig>, data: RCANData, hooks: TrainRCANHooks = {}): Promise<TrainRCANResult> {
  const trainer = await begin(config);
  try {
    return await withRunLock(trainer.config.output, () => run(trainer, data, hooks));
  } catch (e) {
    trainer.network.dispose();
    throw e;
  } finally {
    trainer.dispose();
  }
}

async function begin(config: Partial<TrainRCANConfig>): Promise<RCANTrainer> {
  const { start } = trainRCANConfig(config);
  if (!beginsTrained(start)) return new RCANTrainer(config);
  if (!existsSync(start))
    throw new UserError(`trainRCAN.start: expected 'random', 'bilinear' or the path of a trained RCAN; there is no file or folder '${start}'.`);
  const trained = await loadRCAN(start);
  let source = trained;
  try {
    const groups = config.network?.groups;
    if (groups !== undefined && groups > trained.config.groups) source = deepened(trained, groups);
    const trainer = new RCANTrainer({ ...config, network: { ...trained.config, ...config.network } });
    try {
      beginWith(trainer.network.parameters, source.parameters, start, 'trainRCAN.network');
      return trainer;
    } catch (e) {
      trainer.network.dispose();
      trainer.dispose();
      throw e;
    }
  } finally {
    if (source !== trained) source.dispose();
    trained.dispose();
  }
}

async function run(trainer: RCANTrainer, data: RCANData, hooks: TrainRCANHooks): Promise<TrainRCANResult> {
  const { config, network } = trainer;
  const { batchSize, patch, repeat, seed, output, validateEvery } = config;
  const batches = new SrPatches(data.train, { batchSize, patch, repeat, seed, share: cluster() });
  const stepsPerEpoch = config.stepsPerEpoch || batches.batchesPerEpoch;
  const total = config.epochs * stepsPerEpoch;
  const validation = isFirst() ? data.validation : undefined;
  const shown = validation && (await readSome(validation, config.validationPairs || validation.length));
  const pairs = shown && measurable(shown, hooks);
  const bicubic = pairs && (await srQuality(pairs, bicubicEnlarged, config.psnrLog));

  type Best = SrQuality & { step: number };
  const { history, best, step, before, interrupted } = await runSteps<SrBatch, Best>(
    {
      ...savingOf(trainer),
      batches,
      total,
      stepsPerEpoch,
      step: (batch, epoch) => ({ loss: trainer.step(batch, rcanLearningRate(config, epoch)) }),
      // The loss is known later; it stands here for the order of the columns.
      columns: (epoch) => ({ loss: NaN, learningRate: rcanLearningRate(config, epoch) }),
      warning: lossDivergence,
      async measure(step) {
        if (!pairs || (step % validateEvery && step !== total)) return undefined;
        const quality = await srQuality(pairs, ({ low }) => network.upscale(low), config.psnrLog);
        return { psnrRgb: quality.rgb, psnrY: quality.y };
      },
      async after({ step, psnrRgb, psnrY }, best) {
        if (psnrRgb === undefined) return undefined;
        const quality = { rgb: psnrRgb, y: psnrY };
        await hooks.onValidation?.(network, quality, bicubic!, step);
        return best && best.rgb >= psnrRgb ? undefined : { ...quality, step };
      },
    },
    hooks,
  );
  if (best && isFirst()) await loadCheckpoint(output, 'best', { networks: { RCAN: network.parameters } });
  return { network, history, best: best ?? undefined, bicubic, step, total, epochsBefore: before / stepsPerEpoch, interrupted };
}
