import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomVgg } from '../../proof/testing/toy';
import type { Batch } from '../data/batches';
import { LGGANTrainer } from './lggan';
import { PRETRAINED_RECIPE } from './recipe';

const [H, W] = [32, 64];
const batch: Batch = {
  images: Float32Array.from({ length: H * W * 3 }, (_, i) => Math.sin(i / 50)),
  labels: [{ data: Uint8Array.from({ length: H * W }, (_, i) => (i % W < 20 ? 0 : 3)), height: H, width: W }],
  names: ['a'],
};

test('the recipe trains alike in both stages, by one image, with a second opinion in each step and VGG19 in every fourth', () => {
  const vgg = randomVgg();
  const generator = { ...PRETRAINED_RECIPE.generator, ngf: 4, spadeHidden: 8, imageSize: [H, W] as const };
  const trainer = new LGGANTrainer({ ...PRETRAINED_RECIPE, generator, discriminator: { ...PRETRAINED_RECIPE.discriminator, ndf: 4, levels: 3 } }, vgg);
  const rows = [1, 1, 1, 1, 120].map((epoch) => trainer.step(batch, epoch));
  assert.deepEqual(
    rows.map((row) => [row.projected !== 0, row.vgg !== undefined && row.vgg > 0, 'featureMatching' in row]),
    rows.map((_, i) => [true, i % 4 === 0, false]),
  );
  assert.ok(trainer.averaged);
  assert.deepEqual(PRETRAINED_RECIPE.lossWeights[2], PRETRAINED_RECIPE.lossWeights[1]);
  trainer.dispose();
  vgg.dispose();
});
