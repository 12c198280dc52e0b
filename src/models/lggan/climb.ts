import * as tf from '../../engine/tf';
import { relu } from '../../layers/core/activation';
import { instanceNorm } from '../../layers/core/normalisation';
import type { Parameters } from '../../layers/core/parameters';
import { upsampler, type Upsampler } from '../../layers/upsampler';
import type { LGGANConfig } from './config';

/** Two upsamplers, each with instance norm and relu: [B,H/4,W/4,4n] -> [B,H,W,n]. */
export class Climb {
  readonly upsamplers: readonly [Upsampler, Upsampler];

  constructor(p: Parameters, branch: 'local' | 'attention', { ngf, upsampling, sauCompressed }: LGGANConfig) {
    const make = (name: string, channels: number) => upsampler(upsampling, p.scope(`${name}_${branch}`), channels, sauCompressed);
    this.upsamplers = [make('deconv3', 4 * ngf), make('deconv4', 2 * ngf)];
  }

  /** The features, and what went into each upsampler. */
  apply(x: tf.Tensor4D): { features: tf.Tensor4D; inputs: tf.Tensor4D[] } {
    const inputs: tf.Tensor4D[] = [];
    for (const up of this.upsamplers) {
      inputs.push(x);
      const input = x;
      x = tf.tidy(() => relu(instanceNorm(up.apply(input))));
    }
    return { features: x, inputs };
  }

  /** SAU's weights for those inputs, [B,H/2,W/2,25] and [B,H,W,25]. Computed anew: `apply` does not keep them. */
  attention(inputs: readonly tf.Tensor4D[]): tf.Tensor4D[] {
    return this.upsamplers.map((up, i) => up.attention!(inputs[i]));
  }
}
