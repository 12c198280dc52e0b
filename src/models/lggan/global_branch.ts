import * as tf from '../../engine/tf';
import type { Behaviour } from '../../common/config';
import { leakyRelu, tanh } from '../../layers/core/activation';
import { Convolution } from '../../layers/core/convolution';
import type { Parameters } from '../../layers/core/parameters';
import { upsampleNearest2 } from '../../layers/core/upsample';
import type { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import { SpadeBlock, type Conditions } from '../../layers/spade_block';
import { replace } from './replace';
import type { LGGANConfig } from './config';

/** The blocks: name, width before and after in units of ngf, whether the map is doubled before. */
const BLOCKS = [
  ['head_0', 16, 16, false],
  ['G_middle_0', 16, 16, true],
  ['G_middle_1', 16, 16, false],
  ['up_0', 16, 8, true],
  ['up_1', 8, 4, true],
  ['up_2', 4, 2, true],
  ['up_3', 2, 1, true],
] as const;

/** By what a painting's height and width are divided where noise comes in. */
export const NOISE_FACTORS = [...new Set(BLOCKS.map((_, i) => 32 / 2 ** BLOCKS.slice(0, i + 1).filter(([, , , doubled]) => doubled).length))];

/**
 * LGGAN's global branch (1912.12215, section 3.2; the generator of SPADE, 1903.07291): SPADE blocks from a thirty-second of the size up, then a
 * convolution to colours. features [B,H/16,W/16,16n] -> image [B,H,W,3] in -1..1.
 */
export class GlobalBranch {
  /** The SPADE blocks in their order. */
  readonly blocks: readonly { readonly name: string; readonly block: SpadeBlock; readonly upsampleBefore: boolean }[];
  private readonly image: Convolution;

  constructor(
    p: Parameters,
    { ngf, classes, spadeHidden, noise, style }: LGGANConfig,
    private readonly choices: Behaviour,
  ) {
    this.blocks = BLOCKS.map(([name, cin, cout, upsampleBefore]) => ({
      name,
      block: new SpadeBlock(p.scope(name), cin * ngf, cout * ngf, classes, spadeHidden, choices, { noise, style }),
      upsampleBefore,
    }));
    this.image = new Convolution(p.scope('conv_img'), ngf, 3, { kernel: 3, padding: 1 });
  }

  apply(features: tf.Tensor4D, labels: LabelPyramid, training: boolean, conditions: Conditions = {}): tf.Tensor4D {
    // From a sixteenth to a thirty-second: every second pixel is what nearest takes, the mean of 2x2 what bilinear does.
    let x: tf.Tensor4D = this.choices.encoderResize === 'original' ? tf.avgPool(features, 2, 2, 'valid') : tf.maxPool(features, 1, 2, 'valid');
    for (const { block, upsampleBefore } of this.blocks) {
      x = replace(x, (y) => {
        const input = upsampleBefore ? upsampleNearest2(y) : y;
        return block.apply(input, labels.at(input.shape[1], input.shape[2]), training, conditions);
      });
    }
    return replace(x, (y) => tanh(this.image.apply(leakyRelu(y))));
  }
}
