import { configure, oneOf, wholeNumbers, type BehaviourOption } from '../../common/config';
import { UserError } from '../../common/errors';
import type { Size } from '../../data/types';
import { UPSAMPLINGS, type Upsampling } from '../../layers/upsampler';

/** Which branches paint. `both` are fused by learned weights; of one alone the image is the result, as in the papers' ablation. */
export type Branches = 'both' | 'global' | 'local';
export const BRANCHES: readonly Branches[] = ['both', 'global', 'local'];

export interface LGGANConfig {
  /** How many classes a label map can hold. Default 29. */
  classes: number;
  /** Height and width of the images, multiples of 32. `generate` resizes label maps to it. Default [192, 256]. */
  imageSize: Size;
  /** Width of the network: channels of the finest layers. Default 64 (110 M parameters); 16 is a small network. */
  ngf: number;
  /** Channels of SPADE's hidden layer. Default 128, fixed in the original. */
  spadeHidden: number;
  /** Residual blocks of the local branch. Default 9. */
  residualBlocks: number;
  /** Channels that SAU compresses features to before it computes its kernels. Default 64. */
  sauCompressed: number;
  /** How the local branch and the weight maps are upsampled. Default 'sau'. */
  upsampling: Upsampling;
  /**
   * Noise inputs in the global branch (see `NoiseInput`): helps where there are few photos to learn from, and large regions of one class to
   * paint. Default false, as in the papers.
   */
  noise: boolean;
  /**
   * The network is told the style of the photo, eight numbers of its light and colours (see `styleOf`), and paints in any. Default false, as in
   * the papers.
   */
  style: boolean;
  /** Which branches there are; one alone is made by `createGenerator`, which builds what it needs and no more. Default 'both'. */
  branches: Branches;
  /** Where to follow the original rather than the papers. Default 'paper'. */
  behaviour: BehaviourOption;
  /** Seed of the initial weights. Default 628. */
  seed: number;
}

export const LGGAN_DEFAULTS: LGGANConfig = {
  classes: 29,
  imageSize: [192, 256],
  ngf: 64,
  spadeHidden: 128,
  residualBlocks: 9,
  sauCompressed: 64,
  upsampling: 'sau',
  noise: false,
  style: false,
  branches: 'both',
  behaviour: 'paper',
  seed: 628,
};

/** The defaults with changes. @throws UserError that names the field if one is unknown, ill-typed or out of range */
export function lgganConfig(overrides: Partial<LGGANConfig>): LGGANConfig {
  const config = configure(LGGAN_DEFAULTS, overrides, 'LGGAN');
  const { classes, ngf, spadeHidden, residualBlocks, sauCompressed, imageSize } = config;
  wholeNumbers({ classes, ngf, spadeHidden, sauCompressed }, 'LGGAN');
  wholeNumbers({ residualBlocks }, 'LGGAN', 0);
  if (ngf % 2) throw new UserError(`LGGAN.ngf: expected an even number, got ${ngf}`);
  if (classes > 254) throw new UserError(`LGGAN.classes: a label map of 8 bits holds at most 254 classes, got ${classes}`);
  oneOf(config.upsampling, UPSAMPLINGS, 'LGGAN.upsampling');
  oneOf(config.branches, BRANCHES, 'LGGAN.branches');
  if (imageSize.length !== 2) throw new UserError('LGGAN.imageSize: expected [height, width]');
  checkSize(imageSize[0], imageSize[1], 'LGGAN.imageSize');
  return config;
}

/** @throws UserError unless both are multiples of 32 */
export function checkSize(height: number, width: number, what: string): void {
  const fits = (n: number) => Number.isInteger(n) && n > 0 && n % 32 === 0;
  if (!fits(height) || !fits(width)) {
    throw new UserError(`${what}: height and width have to be multiples of 32, got ${height}x${width}`);
  }
}
