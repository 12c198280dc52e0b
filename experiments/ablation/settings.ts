import type { Size } from '../../src/data/types';
import { configure, oneOf, wholeNumbers } from '../../src/common/config';
import { UserError } from '../../src/common/errors';

/** What all runs of an ablation share. */
export interface AblationSettings {
  /** Few large photographs with label maps; the right quarter of each is held out. With `val` a set of many pairs. Default 'datasets/photos'. */
  input: string;
  /** Pairs to judge on, whose middles are painted. Default '': the held-out quarters of `input`. */
  val: string;
  /**
   * A trained generator: every variant begins with its weights and has its widths, all but the upsamplers, which begin at random in every
   * variant, SAU too. Default '': all weights random.
   */
  start: string;
  /** A discriminator to begin with, of the recipe's kind and of `ndf`. Default ''. */
  startDiscriminator: string;
  /**
   * 'original': its losses. 'pretrained': those of `PRETRAINED_RECIPE`, by a discriminator that segments, on the final image, with VGG19 every
   * fourth step and in every step its second opinion, both with `vgg` alone. Default 'original'.
   */
  recipe: 'original' | 'pretrained';
  /** Training steps of a run. Default 200. */
  steps: number;
  /** Height and width of the images. Default [64, 96]. */
  imageSize: Size;
  /** Windows a step. Default 2. */
  batchSize: number;
  /** Widths of the networks, see `LGGANConfig`. Defaults 8, 16, 2, 16, and 8 for the discriminator. */
  ngf: number;
  spadeHidden: number;
  residualBlocks: number;
  sauCompressed: number;
  ndf: number;
  /** Default 2e-3: a few hundred steps have to do. */
  learningRate: number;
  /** Decay of the averaged weights, which paint what is judged. Default 0.98. */
  ema: number;
  /** Held-out windows of a photograph that are painted and judged, or pairs of `val` in all. Default 6. */
  windows: number;
  /** VGG19's weights for the perceptual loss of training, and the second opinion of the recipe 'pretrained'; 'none' for none. Default 'none': the loss takes more time than all else. */
  vgg: string;
  /** Steps of the own segmenter, where it has to stand in for a judge. Default 200. */
  segmenterSteps: number;
}

export const ABLATION_DEFAULTS: AblationSettings = {
  input: 'datasets/photos',
  val: '',
  start: '',
  startDiscriminator: '',
  recipe: 'original',
  steps: 200,
  imageSize: [64, 96],
  batchSize: 2,
  ngf: 8,
  spadeHidden: 16,
  residualBlocks: 2,
  sauCompressed: 16,
  ndf: 8,
  learningRate: 2e-3,
  ema: 0.98,
  windows: 6,
  vgg: 'none',
  segmenterSteps: 200,
};

/** @throws UserError that names a field which is unknown or out of range */
export function ablationSettings(overrides: Partial<AblationSettings> = {}): AblationSettings {
  const settings = configure(ABLATION_DEFAULTS, overrides, 'ablation');
  const { steps, batchSize, windows, segmenterSteps, imageSize } = settings;
  wholeNumbers({ steps, batchSize, windows, segmenterSteps }, 'ablation');
  if (steps > 10 && steps % 10) throw new UserError(`ablation.steps: expected a multiple of 10, since a run has ten epochs, got ${steps}`);
  oneOf(settings.recipe, ['original', 'pretrained'], 'ablation.recipe');
  if (imageSize.length !== 2) throw new UserError('ablation.imageSize: expected [height, width]');
  return settings;
}
