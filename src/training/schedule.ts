import { configure, wholeNumbers } from '../common/config';
import { UserError } from '../common/errors';
import type { LossWeights } from '../losses/generator';

export interface ScheduleConfig {
  /** Passes over the training set. Default 120. */
  epochs: number;
  /** The last epochs, in which the learning rate falls linearly. Default 50. */
  decayEpochs: number;
  /** The first epoch, counted from 1, with the second stage's losses. Default 91. */
  secondStageFrom: number;
  /** Base learning rate: the generator learns at half, the discriminator at `discriminatorRate` times of it (two time scales, 1706.08500). Default 2e-4. */
  learningRate: number;
  /** The discriminator's part of `learningRate`. Default 2: four times as fast as the generator. */
  discriminatorRate: number;
}

export const SCHEDULE_DEFAULTS: ScheduleConfig = {
  epochs: 120,
  decayEpochs: 50,
  secondStageFrom: 91,
  learningRate: 2e-4,
  discriminatorRate: 2,
};

/** The weights of the losses in each stage. */
export const LOSS_WEIGHTS: Readonly<Record<1 | 2, LossWeights>> = {
  1: { gan: 1, projected: 0, featureMatching: 8, vgg: 3, l1: 2, local: 2, classScore: 5, totalVariation: 4 },
  2: { gan: 1, projected: 0, featureMatching: 10, vgg: 5, l1: 20, local: 20, classScore: 5, totalVariation: 4 },
};

/** Changes to `LOSS_WEIGHTS` that leave the class score out. */
export const NO_CLASS_LOSS: Readonly<Record<1 | 2, Partial<LossWeights>>> = { 1: { classScore: 0 }, 2: { classScore: 0 } };

/** The two stages of training and the learning rates, by epoch (from 1). */
export class Schedule {
  readonly config: ScheduleConfig;

  constructor(config: Partial<ScheduleConfig> = {}) {
    this.config = configure(SCHEDULE_DEFAULTS, config, 'schedule');
    const { epochs, decayEpochs, secondStageFrom, learningRate, discriminatorRate } = this.config;
    wholeNumbers({ epochs, secondStageFrom }, 'schedule');
    wholeNumbers({ decayEpochs }, 'schedule', 0);
    if (decayEpochs > epochs) throw new UserError('schedule.decayEpochs: more than there are epochs');
    if (learningRate <= 0) throw new UserError(`schedule.learningRate: expected more than 0, got ${learningRate}`);
    if (discriminatorRate <= 0) throw new UserError(`schedule.discriminatorRate: expected more than 0, got ${discriminatorRate}`);
  }

  stage(epoch: number): 1 | 2 {
    return epoch < this.config.secondStageFrom ? 1 : 2;
  }

  /** As the original: the full rate in the first epoch after the constant ones, then down by 1/decayEpochs an epoch. */
  learningRates(epoch: number): { generator: number; discriminator: number } {
    const { epochs, decayEpochs, learningRate, discriminatorRate } = this.config;
    const decayed = Math.max(0, epoch - 1 - (epochs - decayEpochs));
    const base = decayed === 0 ? learningRate : learningRate * (1 - decayed / decayEpochs);
    return { generator: base / 2, discriminator: base * discriminatorRate };
  }
}
