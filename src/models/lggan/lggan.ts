import { UserError } from '../../common/errors';
import type { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import { lgganConfig, type LGGANConfig } from './config';
import { Encoder } from './encoder';
import { Fusion } from './fusion';
import { Generator, type ForwardOptions, type GeneratorOutput } from './generator';
import { GlobalBranch } from './global_branch';
import { LocalBranch } from './local_branch';

/** The resolutions of both branches' label maps: whole, a half, ... */
const FACTORS = [1, 2, 4, 8, 16, 32];

/** What LGGAN computes. Tensors: free them with `tf.dispose`, or call the generator inside `tf.tidy`. */
export type LGGANOutput = Required<Omit<GeneratorOutput, 'attention' | 'inSlots'>> & Pick<GeneratorOutput, 'attention' | 'inSlots'>;

/**
 * LGGAN (1912.12215) with LGGAN++'s semantic-aware upsampling (2203.00047): from label maps to photos. A SPADE generator paints the
 * whole image (global branch), a class-specific one paints each class apart (local branch), and learned weight maps fuse the two.
 * Parameters carry the original's state-dict names.
 */
export class LGGAN extends Generator<LGGANOutput> {
  readonly encoder: Encoder;
  readonly global: GlobalBranch;
  readonly local: LocalBranch;
  readonly fusion: Fusion;

  /** @throws UserError that names the field if one is unknown, ill-typed or out of range */
  constructor(options: Partial<LGGANConfig> = {}) {
    super(lgganConfig(options), FACTORS);
    const { config, parameters } = this;
    if (config.branches !== 'both') throw new UserError(`LGGAN.branches: a generator of the ${config.branches} branch alone is made by createGenerator.`);
    this.encoder = new Encoder(parameters, config.classes, config.ngf, 5);
    this.global = new GlobalBranch(parameters, config, this.behaviour);
    this.local = new LocalBranch(parameters, config);
    this.fusion = new Fusion(parameters, config);
  }

  forward(labels: LabelPyramid, { training = false, attention = false, ...conditions }: ForwardOptions = {}): LGGANOutput {
    const { shallow, deep } = this.encoder.apply(labels);
    const global = this.global.apply(deep, labels, training, conditions);
    const { inputs, ...painted } = this.local.apply(shallow, labels, conditions.style);
    const { weights, inputs: weighed } = this.fusion.apply(shallow);
    const final = this.fusion.blend(weights, painted.local, global);
    const output = { final, global, weights, ...painted };
    if (!attention || this.config.upsampling !== 'sau') return output;
    return { ...output, attention: { local: this.local.climb.attention(inputs), weights: this.fusion.climb.attention(weighed) } };
  }
}
