import assert from 'node:assert/strict';
import test from 'node:test';
import { asOptions } from './field_names';

const options = {
  batch_size: { type: 'integer', help: '' },
  decay_epochs: { type: 'integer', help: '' },
  epochs: { type: 'integer', help: '' },
  ngf: { type: 'integer', help: '' },
  crop_min: { type: 'number', help: '' },
  loss_weights: { type: 'string', help: '' },
  image_size: { type: 'string', help: '' },
  json: { type: 'flag', help: '' },
} as const;

test('fields become the options of the command, and nothing else changes', () => {
  const cases: [string, string][] = [
    ['set: its 1 items do not fill a batch of 2; lower batchSize or add more.', 'set: its 1 items do not fill a batch of 2; lower --batch_size or add more.'],
    ['schedule.decayEpochs: more than there are epochs', '--decay_epochs: more than there are epochs'],
    ['schedule.epochs: expected a whole number', '--epochs: expected a whole number'],
    ['LGGAN.ngf: expected an even number, got 3', '--ngf: expected an even number, got 3'],
    ['LGGAN.imageSize: height and width', '--image_size: height and width'],
    ['imageSize.height: expected', '--image_size.height: expected'],
    ['crops.minHeight: expected', '--crop_min: expected'],
    ["train.lossWeights.1: there is no field 'l3'", "--loss_weights.1: there is no field 'l3'"],
    // No option of this command, a file, a folder, a word: as they were.
    ['RCAN.reduction: 3 does not divide', 'RCAN.reduction: 3 does not divide'],
    ['train.json: this is not valid JSON', 'train.json: this is not valid JSON'],
    ['/home/batchSize/epochs/batchSize.png: damaged', '/home/batchSize/epochs/batchSize.png: damaged'],
    ['batchSize-2/a.png: the epochs of ngf', 'batchSize-2/a.png: the epochs of ngf'],
  ];
  for (const [from, to] of cases) assert.equal(asOptions(from, options, { minHeight: 'crop_min' }), to);
});
