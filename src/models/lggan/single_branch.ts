import type { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import { lgganConfig, type LGGANConfig } from './config';
import { Encoder } from './encoder';
import { Generator, type ForwardOptions, type GeneratorOutput } from './generator';
import { GlobalBranch } from './global_branch';
import { LGGAN } from './lggan';
import { LocalBranch } from './local_branch';

/** The encoder and the global branch alone, as in the papers' ablation. */
class GlobalGenerator extends Generator {
  private readonly encoder: Encoder;
  private readonly global: GlobalBranch;

  constructor(config: LGGANConfig) {
    super(config, [1, 2, 4, 8, 16, 32]);
    this.encoder = new Encoder(this.parameters, config.classes, config.ngf, 5);
    this.global = new GlobalBranch(this.parameters, config, this.behaviour);
  }

  forward(labels: LabelPyramid, { training = false, ...conditions }: ForwardOptions = {}): GeneratorOutput {
    const global = this.global.apply(this.encoder.apply(labels).deep, labels, training, conditions);
    return { final: global, global };
  }
}

/** Three layers of the encoder and the local branch alone, as in the papers' ablation. */
class LocalGenerator extends Generator {
  private readonly encoder: Encoder;
  private readonly local: LocalBranch;

  constructor(config: LGGANConfig) {
    super(config, [1]);
    this.encoder = new Encoder(this.parameters, config.classes, config.ngf, 3);
    this.local = new LocalBranch(this.parameters, config);
  }

  forward(labels: LabelPyramid, { attention = false, style }: ForwardOptions = {}): GeneratorOutput {
    const { inputs, ...painted } = this.local.apply(this.encoder.apply(labels).shallow, labels, style);
    const output = { final: painted.local, ...painted };
    if (!attention || this.config.upsampling !== 'sau') return output;
    return { ...output, attention: { local: this.local.climb.attention(inputs), weights: [] } };
  }
}

/**
 * The generator that a configuration describes: LGGAN, or one of its branches alone (`branches`), without the parameters of the other.
 * @throws UserError that names the field if one is unknown, ill-typed or out of range
 */
export function createGenerator(options: Partial<LGGANConfig> = {}): Generator {
  const config = lgganConfig(options);
  if (config.branches === 'both') return new LGGAN(config);
  return config.branches === 'global' ? new GlobalGenerator(config) : new LocalGenerator(config);
}
