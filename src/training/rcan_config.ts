import { configure, oneOf, wholeNumbers, type Choice } from '../common/config';
import { UserError } from '../common/errors';
import type { RCANConfig } from '../models/rcan';
import { FAULT_POLICIES, type FaultPolicy } from './guards';

export interface TrainRCANConfig {
  network: Partial<RCANConfig>;
  /**
   * The weights it starts from. `random`: PyTorch's initial weights, as the original. `bilinear`: changed so that the network starts as
   * bilinear enlargement (see `startBilinear`), for short runs. Anything else is the path of a trained RCAN, file or folder of a run, whose
   * configuration it takes; more `groups` than that has may be asked for, and begin without effect (see `deepened`). A run that is saved goes on from there. Default `random`.
   */
  start: string;
  /** Default 100. */
  epochs: number;
  /** Steps that count as an epoch. Default 0: as many as the training set has batches. */
  stepsPerEpoch: number;
  /** Default 2e-4. */
  learningRate: number;
  /** Epochs after which the learning rate is halved, again and again. Default 25. */
  halveEvery: number;
  /** Patches a step. Default 32. */
  batchSize: number;
  /** Side of the high-resolution patches, even. Default 96. */
  patch: number;
  /** Patches of each picture an epoch. Default 1. */
  repeat: number;
  /** Seed of the order and the patches. Default 628. */
  seed: number;
  /** Where to add Adam's epsilon, see `Adam`. Default `paper`. */
  adamEpsilon: Choice;
  /**
   * PSNR of a validation. `paper`: the mean over the images. `original`: that of each batch of 4 images, summed and divided by the number of
   * images, so that the log shows a quarter. Default `paper`.
   */
  psnrLog: Choice;
  /** Steps between validations, which choose the best checkpoint. Default 500. */
  validateEvery: number;
  /** Pairs that a validation looks at, spread evenly over the set; 0 for all. Default 32. */
  validationPairs: number;
  /** Steps between checkpoints. Default 500. */
  checkpointEvery: number;
  /** What happens when a loss or a gradient is not finite, see `FaultPolicy`. Default 'skip'. */
  onFault: FaultPolicy;
  /** How many of the latest checkpoints stay, and how many of the best. Default 2. */
  keepCheckpoints: number;
  /** Where checkpoints and the history go. Default 'checkpoints/rcan'. */
  output: string;
}

/** The original's training: L1, Adam, 2e-4 halved every 25 of 100 epochs, 32 patches of 96 pixels. */
export const TRAIN_RCAN_DEFAULTS: TrainRCANConfig = {
  network: {},
  start: 'random',
  epochs: 100,
  stepsPerEpoch: 0,
  learningRate: 2e-4,
  halveEvery: 25,
  batchSize: 32,
  patch: 96,
  repeat: 1,
  seed: 628,
  adamEpsilon: 'paper',
  psnrLog: 'paper',
  validateEvery: 500,
  validationPairs: 32,
  checkpointEvery: 500,
  keepCheckpoints: 2,
  onFault: 'skip',
  output: 'checkpoints/rcan',
};

/** @throws UserError that names the field if one is unknown, ill-typed or out of range */
export function trainRCANConfig(overrides: Partial<TrainRCANConfig>): TrainRCANConfig {
  const config = configure(TRAIN_RCAN_DEFAULTS, overrides, 'trainRCAN');
  const { epochs, halveEvery, batchSize, patch, repeat, validateEvery, checkpointEvery, keepCheckpoints } = config;
  wholeNumbers({ epochs, halveEvery, batchSize, patch, repeat, validateEvery, checkpointEvery, keepCheckpoints }, 'trainRCAN');
  wholeNumbers({ stepsPerEpoch: config.stepsPerEpoch, validationPairs: config.validationPairs }, 'trainRCAN', 0);
  oneOf(config.adamEpsilon, ['paper', 'original'], 'trainRCAN.adamEpsilon');
  oneOf(config.psnrLog, ['paper', 'original'], 'trainRCAN.psnrLog');
  oneOf(config.onFault, FAULT_POLICIES, 'trainRCAN.onFault');
  if (config.learningRate <= 0) throw new UserError(`trainRCAN.learningRate: expected more than 0, got ${config.learningRate}`);
  const { scale = 2 } = config.network;
  if (scale !== 2) throw new UserError(`trainRCAN.network.scale: the pairs of this project differ by a factor of 2, got ${scale}`);
  return config;
}

/** Whether a run begins with the weights of a trained network. */
export const beginsTrained = (start: string): boolean => start !== 'random' && start !== 'bilinear';

/** The learning rate of an epoch, counted from 1. */
export function rcanLearningRate({ learningRate, halveEvery }: TrainRCANConfig, epoch: number): number {
  return learningRate * 0.5 ** Math.floor((epoch - 1) / halveEvery);
}
