import * as tf from '../engine/tf';
import { relu } from './core/activation';
import { Convolution } from './core/convolution';
import { instanceNorm } from './core/normalisation';
import type { Parameters } from './core/parameters';

/** x + IN(conv3(pad(relu(IN(conv3(pad(x))))))), reflect-padded by 1, as in LGGAN's local generator. [B,H,W,C] -> [B,H,W,C]. */
export class ResidualBlock {
  private readonly conv1: Convolution;
  private readonly conv2: Convolution;

  constructor(p: Parameters, channels: number) {
    const conv = (name: string) => new Convolution(p.scope(name), channels, channels, { kernel: 3, padding: 1, paddingMode: 'reflect' });
    this.conv1 = conv('conv1');
    this.conv2 = conv('conv2');
  }

  apply(x: tf.Tensor4D): tf.Tensor4D {
    const y = relu(instanceNorm(this.conv1.apply(x)));
    return tf.add(x, instanceNorm(this.conv2.apply(y)));
  }
}
