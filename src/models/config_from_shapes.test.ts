import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originalShape } from '../checkpoints/layout';
import type { Parameters } from '../layers/core/parameters';
import { guessNetwork } from './config_from_shapes';
import { Discriminator } from './discriminator';
import { LGGAN } from './lggan/lggan';
import { RCAN } from './rcan';

/** The shapes of a network as a checkpoint of it has them. */
const shapes = (p: Parameters) => new Map(p.entries().map((e) => [e.name, { shape: originalShape(e.kind, e.variable.shape) }]));

test('the size of each network follows from the names and shapes of its checkpoint', () => {
  const discriminator = { classes: 5, ndf: 4, scales: 3, layers: 2, behaviour: { spectralNorm: 'original' } } as const;
  const rcan = { groups: 2, blocks: 3, features: 6, reduction: 3, scale: 2 };
  const lggan = { classes: 5, ngf: 4, spadeHidden: 8, residualBlocks: 2, upsampling: 'sau', sauCompressed: 6, noise: false, style: false } as const;
  const networks = [
    ['Discriminator', discriminator, new Discriminator(discriminator)],
    ['RCAN', rcan, new RCAN(rcan)],
    ['RCAN', { ...rcan, scale: 4 }, new RCAN({ ...rcan, scale: 4 })],
    ['LGGAN', lggan, new LGGAN({ ...lggan, imageSize: [32, 64] })],
    ['LGGAN', { ...lggan, noise: true, style: true }, new LGGAN({ ...lggan, noise: true, style: true, imageSize: [32, 64] })],
  ] as const;
  for (const [network, config, built] of networks) {
    assert.deepEqual(guessNetwork('x', shapes(built.parameters)), { network, config });
    built.dispose();
  }
  assert.throws(() => guessNetwork('x.pkl', new Map([['a', { shape: [1] }]])), /x\.pkl holds the weights of none of these networks/);
});
