import * as tf from '../../engine/tf';
import { Convolution } from '../../layers/core/convolution';
import type { Parameters } from '../../layers/core/parameters';
import { Climb } from './climb';
import type { LGGANConfig } from './config';

/**
 * LGGAN's weight maps (1912.12215, section 3.4): how much of each pixel comes from the local and how much from the global image.
 * features [B,H/4,W/4,4n] -> [B,H,W,2], summing to 1: local, global.
 */
export class Fusion {
  readonly climb: Climb;
  private readonly maps: Convolution;

  constructor(p: Parameters, config: LGGANConfig) {
    this.climb = new Climb(p, 'attention', config);
    this.maps = new Convolution(p.scope('deconv5_attention'), config.ngf, 2, { kernel: 1 });
  }

  apply(shallow: tf.Tensor4D): { weights: tf.Tensor4D; inputs: tf.Tensor4D[] } {
    const { features, inputs } = this.climb.apply(shallow);
    return { weights: tf.softmax(this.maps.apply(features)) as tf.Tensor4D, inputs };
  }

  /** I = W_local * I_local + W_global * I_global (eq. 6). */
  blend(weights: tf.Tensor4D, local: tf.Tensor4D, global: tf.Tensor4D): tf.Tensor4D {
    const [localShare, globalShare] = tf.split(weights, 2, 3);
    return tf.add(tf.mul(localShare, local), tf.mul(globalShare, global)) as tf.Tensor4D;
  }
}
