/**
 * What LGGAN_TOY puts in the place of a notebook's settings, so that tests run every cell within seconds. With LGGAN_TOY=1 toy runs write into
 * the project's folders, under names of their own; any other value is the folder that they write into.
 */
import { join } from 'node:path';
import type { EmbeddedOptions } from '../data/embedded';

/** Whether notebooks run at toy size. */
export const atToySize = (): boolean => !!process.env.LGGAN_TOY;

/** Where a toy run has its `datasets/...`, `checkpoints/...` or `figures/...`. */
export const toyPath = (path: string): string => (process.env.LGGAN_TOY === '1' ? path : join(process.env.LGGAN_TOY ?? '', path));

/** The data set in `datasets/toy`. */
export const TOY_EMBEDDED: EmbeddedOptions = { count: 12, val: 4, size: [96, 128] };

export type NotebookName = 'split_dataset' | 'construct_sr_dataset' | 'train_lggan' | 'train_rcan' | 'evaluate';

export function toySettings(notebook: NotebookName): object {
  const data = { dataset: toyPath('datasets/toy') };
  const toys: Readonly<Record<NotebookName, object>> = {
    split_dataset: { ...data, val: 4 },
    construct_sr_dataset: data,
    train_lggan: {
      ...data,
      start: '',
      generator: { ngf: 4, spadeHidden: 8, residualBlocks: 1, sauCompressed: 8, imageSize: [96, 128] },
      startDiscriminator: '',
      discriminator: { kind: 'segmentation', ndf: 4 },
      schedule: { epochs: 2, decayEpochs: 1, secondStageFrom: 2, learningRate: 1e-3 },
      stepsPerEpoch: 3,
      output: toyPath('checkpoints/toy_lggan'),
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
        output: toyPath('checkpoints/toy_rcan'),
      },
    },
    evaluate: { ...data, networks: { 'is a toy': toyPath('checkpoints/toy_lggan') }, rcan: toyPath('checkpoints/toy_rcan'), windows: 1 },
  };
  return toys[notebook];
}
