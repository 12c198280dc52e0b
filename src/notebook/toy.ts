/** What LGGAN_TOY=1 puts in the place of a notebook's settings, so that tests run every cell within seconds. */
import type { EmbeddedOptions } from '../data/embedded';

/** The data set in `datasets/toy`. */
export const TOY_EMBEDDED: EmbeddedOptions = { count: 12, val: 4, size: [96, 128] };

const data = { dataset: 'datasets/toy' };

export type NotebookName = 'split_dataset' | 'construct_sr_dataset' | 'train_lggan' | 'train_rcan' | 'evaluate';

export const TOY: Readonly<Record<NotebookName, object>> = {
  split_dataset: { ...data, val: 4 },
  construct_sr_dataset: data,
  train_lggan: {
    ...data,
    start: '',
    generator: { ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [96, 128] },
    discriminator: { ndf: 4 },
    schedule: { epochs: 2, decayEpochs: 1, secondStageFrom: 2, learningRate: 1e-3 },
    stepsPerEpoch: 3,
    output: 'checkpoints/toy_lggan',
  },
  train_rcan: {
    ...data,
    training: {
      network: { groups: 1, blocks: 1, features: 8, reduction: 4 },
      start: 'bilinear',
      batchSize: 2,
      patch: 16,
      learningRate: 1e-3,
      epochs: 2,
      halveEvery: 1,
      stepsPerEpoch: 3,
      validateEvery: 3,
      validationPairs: 2,
      output: 'checkpoints/toy_rcan',
    },
  },
  evaluate: { ...data, networks: { 'is a toy': 'checkpoints/toy_lggan' }, rcan: 'checkpoints/toy_rcan', segmenterSteps: 3, windows: 1 },
};
