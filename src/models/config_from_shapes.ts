import { listed } from '../checkpoints/safetensors';
import type { Choice } from '../common/config';
import { UserError } from '../common/errors';
import { STYLES } from './lggan/style_bank';

/** Which of the system's networks a file of weights holds, and the part of its configuration that its shapes tell. */
export type NetworkGuess =
  | {
      network: 'LGGAN';
      config: {
        classes: number;
        ngf: number;
        spadeHidden: number;
        residualBlocks: number;
        upsampling: 'sau' | 'transposed';
        sauCompressed?: number;
        noise: boolean;
        style: boolean;
      };
    }
  | { network: 'Discriminator'; config: { classes: number; ndf: number; scales: number; layers: number; behaviour: { spectralNorm: Choice } } }
  | { network: 'RCAN'; config: { groups: number; blocks: number; features: number; reduction: number; scale: number } };

/**
 * Tells by names and shapes whose weights these are; throws a UserError if they are of none of the system's networks.
 */
export function guessNetwork(file: string, tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>): NetworkGuess {
  const names = [...tensors.keys()];
  const shape = (name: string) => tensors.get(name)?.shape ?? tensors.get(`${name}_orig`)?.shape;
  const count = (pattern: RegExp) => new Set(names.flatMap((n) => pattern.exec(n)?.[1] ?? [])).size;
  const conv1 = shape('conv1.weight');
  const hidden = shape('head_0.norm_0.mlp_shared.0.weight');
  if (conv1?.length === 4 && hidden?.length === 4) {
    const compression = shape('deconv3_local.sakg_block.feature_channel_compression.weight');
    return {
      network: 'LGGAN',
      config: {
        classes: conv1[1],
        ngf: conv1[0],
        spadeHidden: hidden[0],
        residualBlocks: count(/^resnet_blocks(\d+)\.conv1\.weight/),
        upsampling: compression ? 'sau' : 'transposed',
        ...(compression && { sauCompressed: compression[0] }),
        noise: names.some((n) => n.endsWith('.noise.scale')),
        style: names.includes(STYLES),
      },
    };
  }
  const first = shape('model.discriminator_0.model.model0.0.weight');
  if (first?.length === 4) {
    return {
      network: 'Discriminator',
      config: {
        classes: first[1] - 3,
        ndf: first[0],
        scales: count(/^model\.discriminator_(\d+)\./),
        layers: count(/^model\.discriminator_0\.model\.model(\d+)\./) - 1,
        behaviour: { spectralNorm: names.some((n) => /^model\..*(weight_u|weight\.0\._u)$/.test(n)) ? 'paper' : 'original' },
      },
    };
  }
  const head = shape('head.0.weight');
  const squeeze = shape('body.0.body.0.body.3.conv_du.0.weight');
  const up = shape('tail.0.0.weight');
  if (head?.length === 4 && squeeze?.length === 4 && up?.length === 4) {
    return {
      network: 'RCAN',
      config: {
        groups: count(/^body\.(\d+)\.body\.0\.body\.0\.weight/),
        blocks: count(/^body\.0\.body\.(\d+)\.body\.0\.weight/),
        features: head[0],
        reduction: head[0] / squeeze[0],
        scale: tensors.has('tail.0.2.weight') ? 4 : Math.sqrt(up[0] / head[0]),
      },
    };
  }
  throw new UserError(`${file} holds the weights of none of these networks: generator, discriminator, RCAN. Its names begin with ${listed(names, 3)}.`);
}
