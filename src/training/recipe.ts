import type { TrainLGGANConfig } from './lggan';

const WEIGHTS = { projected: 2, vgg: 3, l1: 1, local: 1, totalVariation: 1 };

/**
 * The losses that the network that comes with the project was last trained by, with the widths and the rate of a run from random weights
 * (docs/pretrained.md): for `trainLGGAN({ ...PRETRAINED_RECIPE, ... })` with VGG19, by whose features the discriminator judges, too. A small network is
 * past flat colours with these losses within minutes (measured without a style), where with the original's, made for days on a GPU, it is not. Two pairs a step, and random windows
 * of 0.7 to 1 of a photo's side (`TrainingBatches`), belong to it. A run that begins with a network without a style gets one.
 */
export const PRETRAINED_RECIPE = {
  generator: { ngf: 22, spadeHidden: 32, residualBlocks: 4, noise: true, style: true },
  discriminator: { kind: 'segmentation', ndf: 24 },
  schedule: { learningRate: 6e-4, decayEpochs: 0 },
  lossWeights: { 1: WEIGHTS, 2: WEIGHTS },
  judged: 'final',
  perceptual: 'final',
  perceptualEvery: 4,
  fakes: 'same',
  ema: 0.998,
} satisfies Partial<TrainLGGANConfig>;
