import * as tf from '../tf';
import type { Choice } from '../config';
import { relu } from './activation';
import { Convolution } from './convolution';
import { gatherRows } from './gather_rows';
import type { LabelLevel, Neighbourhoods } from './label_pyramid';
import { BatchNorm } from './normalisation';
import { XAVIER, type Parameters } from './parameters';
import { convolveTable } from './window_table';

/**
 * Spatially-adaptive normalisation (SPADE, 1903.07291, eq. 1): batch norm without affine parameters, then a scale and a shift for
 * every pixel that two small convolutions compute from the label map: y = norm(x) * (1 + gamma(labels)) + beta(labels).
 *
 * gamma and beta at a pixel depend only on its 5x5 label neighbourhood (3x3 after 3x3), and a label map has few distinct ones. So
 * they are computed once for each distinct neighbourhood and looked up by pixel, exactly (`table`); where nearly all differ, for
 * every pixel (`dense`).
 */
export class Spade {
  private readonly norm: BatchNorm;
  private readonly shared: Convolution;
  private readonly gamma: Convolution;
  private readonly beta: Convolution;

  constructor(p: Parameters, channels: number, classes: number, hidden: number, runningVariance: Choice) {
    const conv = (name: string, cin: number, cout: number) =>
      new Convolution(p.scope(name), cin, cout, { kernel: 3, padding: 1, init: XAVIER });
    this.norm = new BatchNorm(p.scope('param_free_norm'), channels, runningVariance);
    this.shared = conv('mlp_shared.0', classes, hidden);
    this.gamma = conv('mlp_gamma', hidden, channels);
    this.beta = conv('mlp_beta', hidden, channels);
  }

  /** x [B,H,W,C], labels at the resolution of x -> [B,H,W,C]. */
  apply(x: tf.Tensor4D, labels: LabelLevel, training: boolean): tf.Tensor4D {
    const { gamma, beta } = this.modulation(labels);
    return modulate(this.norm.apply(x, training), gamma, beta);
  }

  /** gamma and beta, each [B,H,W,C]. */
  modulation(labels: LabelLevel): { gamma: tf.Tensor4D; beta: tf.Tensor4D } {
    return labels.neighbourhoods ? this.table(labels, labels.neighbourhoods) : this.dense(labels);
  }

  /** The definition. */
  dense(labels: LabelLevel): { gamma: tf.Tensor4D; beta: tf.Tensor4D } {
    const hidden = relu(this.shared.apply(labels.oneHot));
    return { gamma: this.gamma.apply(hidden), beta: this.beta.apply(hidden) };
  }

  private table(labels: LabelLevel, { count, index, windows, inner }: Neighbourhoods) {
    const hidden = relu(convolveTable(windows, this.shared));
    const channels = hidden.shape[1];
    const padded = tf.concat([hidden, tf.zeros([1, channels])]) as tf.Tensor2D;
    const rows = tf.reshape(gatherRows(padded, inner), [count, 9 * channels]) as tf.Tensor2D;
    const [b, h, w] = labels.oneHot.shape;
    const lookUp = ({ weight, bias }: Convolution) => {
      const out = weight.shape[3];
      const table = tf.add(tf.matMul(rows, tf.reshape(weight, [-1, out]) as tf.Tensor2D), bias!) as tf.Tensor2D;
      return tf.reshape(gatherRows(table, index), [b, h, w, out]) as tf.Tensor4D;
    };
    return { gamma: lookUp(this.gamma), beta: lookUp(this.beta) };
  }
}

/** x * (1 + gamma) + beta, keeping no intermediate for the gradient. */
function modulate(x: tf.Tensor4D, gamma: tf.Tensor4D, beta: tf.Tensor4D): tf.Tensor4D {
  const op = tf.customGrad((...args) => {
    const [a, g, b, save] = args as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    save([a, g]);
    return {
      value: tf.tidy(() => tf.add(tf.add(a, tf.mul(a, g)), b)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [tf.add(dy, tf.mul(dy, saved[1])), tf.mul(dy, saved[0]), dy],
    };
  });
  return op(x, gamma, beta) as tf.Tensor4D;
}
