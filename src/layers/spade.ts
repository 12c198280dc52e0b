import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';
import { hasOwnKernels, modulateByRows, modulateByRowsGradient } from '../engine/own_kernels';
import type { Choice } from '../common/config';
import { relu } from './core/activation';
import { Convolution } from './core/convolution';
import { affine, gatherRows, lookUp, ninefold, rowsOf, sumRows } from './core/rows';
import type { LabelLevel, Neighbourhoods } from './neighbourhoods/label_pyramid';
import { BatchNorm, EPSILON, norm, type OnStatistics } from './core/normalisation';
import { XAVIER, type Parameters } from './core/parameters';
import { convolveTable } from './neighbourhoods/window_table';

/**
 * Spatially-adaptive normalisation (SPADE, 1903.07291, eq. 1): batch norm without affine parameters, then a scale and a shift for
 * every pixel that two small convolutions compute from the label map: y = norm(x) * (1 + gamma(labels)) + beta(labels).
 *
 * gamma and beta at a pixel depend only on its 5x5 label neighbourhood (3x3 after 3x3), and a label map has few distinct ones. So
 * they are computed once for each distinct neighbourhood and looked up by pixel, exactly (`tables`); where nearly all differ, for
 * every pixel, as written.
 */
export class Spade {
  private readonly norm: BatchNorm;
  private readonly shared: Convolution;
  private readonly gamma: Convolution;
  private readonly beta: Convolution;

  constructor(p: Parameters, channels: number, classes: number, hidden: number, runningVariance: Choice) {
    const conv = (name: string, cin: number, cout: number) => new Convolution(p.scope(name), cin, cout, { kernel: 3, padding: 1, init: XAVIER });
    this.norm = new BatchNorm(p.scope('param_free_norm'), channels, runningVariance);
    this.shared = conv('mlp_shared.0', classes, hidden);
    this.gamma = conv('mlp_gamma', hidden, channels);
    this.beta = conv('mlp_beta', hidden, channels);
  }

  /** The equation, every pixel by itself. x [B,H,W,C], labels at the resolution of x -> [B,H,W,C]. */
  asWritten(x: tf.Tensor4D, labels: LabelLevel, training: boolean): tf.Tensor4D {
    const { gamma, beta } = this.modulationAsWritten(labels);
    return tf.add(tf.mul(this.norm.apply(x, training), tf.add(gamma, 1)), beta) as tf.Tensor4D;
  }

  /** gamma and beta by the two convolutions, each [B,H,W,C]. */
  modulationAsWritten(labels: LabelLevel): { gamma: tf.Tensor4D; beta: tf.Tensor4D } {
    const hidden = relu(this.shared.apply(labels.oneHot));
    return { gamma: this.gamma.apply(hidden), beta: this.beta.apply(hidden) };
  }

  /** The same as `asWritten`, by tables where the labels have them. */
  apply(x: tf.Tensor4D, labels: LabelLevel, training: boolean): tf.Tensor4D {
    const { neighbourhoods } = labels;
    if (neighbourhoods && training && tf.hasNativeKernels()) {
      const { gamma, beta } = this.tables(neighbourhoods);
      return normaliseByTable(x, gamma, beta, neighbourhoods.index, this.norm.observe);
    }
    if (neighbourhoods && !training) {
      // The running statistics go into the tables: (x * scale + shift) * (1 + gamma) + beta.
      const { scale, shift } = this.norm.evaluation();
      const { gamma, beta } = this.tables(neighbourhoods);
      const factor = tf.add(gamma, 1);
      const look = (table: tf.Tensor2D) => tf.reshape(gatherRows(table, neighbourhoods.index), x.shape);
      const offset = tf.add(tf.mul(factor, shift), beta) as tf.Tensor2D;
      return tf.add(tf.mul(x, look(tf.mul(factor, scale))), look(offset)) as tf.Tensor4D;
    }
    const { gamma, beta } = this.modulation(labels);
    return modulate(this.norm.apply(x, training), gamma, beta);
  }

  /** gamma and beta, each [B,H,W,C]. */
  modulation(labels: LabelLevel): { gamma: tf.Tensor4D; beta: tf.Tensor4D } {
    const { neighbourhoods } = labels;
    if (!neighbourhoods) return this.modulationAsWritten(labels);
    const [b, h, w] = labels.oneHot.shape;
    const look = (table: tf.Tensor2D) => tf.reshape(gatherRows(table, neighbourhoods.index), [b, h, w, table.shape[1]]) as tf.Tensor4D;
    const { gamma, beta } = this.tables(neighbourhoods);
    return { gamma: look(gamma), beta: look(beta) };
  }

  /** gamma and beta of each distinct neighbourhood, [count,C]. */
  private tables({ windows, inner }: Neighbourhoods): { gamma: tf.Tensor2D; beta: tf.Tensor2D } {
    const rows = ninefold(relu(convolveTable(windows, this.shared)), inner);
    const table = ({ weight, bias }: Convolution) => affine(rows, tf.reshape(weight, [-1, weight.shape[3]]) as tf.Tensor2D, bias!);
    return { gamma: table(this.gamma), beta: table(this.beta) };
  }
}

/**
 * norm(x) * (1 + gamma) + beta with rows looked up by pixel; statistics of the batch. Of the maps only x is kept for the gradient: norm(x)
 * and the factors are made again.
 * @param gamma that of each neighbourhood, as `beta` [count,C]
 */
function normaliseByTable(x: tf.Tensor4D, gamma: tf.Tensor2D, beta: tf.Tensor2D, index: tf.Tensor1D, onStatistics: OnStatistics): tf.Tensor4D {
  const channels = gamma.shape[1];
  return customGradient([x, gamma, beta], (save, input, g, b) => {
    const look = (table: tf.Tensor) => tf.reshape(lookUp(table as tf.Tensor2D, index), input.shape);
    const { y, mean, variance, count, kept, gradient } = norm(input, true);
    onStatistics(mean, variance, count);
    // Biased variance, as the norm takes it.
    const root = tf.rsqrt(tf.add(tf.mul(variance, Math.max(count - 1, 1) / count), EPSILON));
    save([input, g, mean, root, ...kept]);
    const gradFunc = (dy: tf.Tensor, [x, table, mean0, root0, ...rest]: tf.Tensor[]) => {
      if (hasOwnKernels()) {
        const [dNormal, dGamma, dBeta] = modulateByRowsGradient(dy, x, mean0, root0, table, index);
        return [gradient(dNormal, x, rest), dGamma, dBeta];
      }
      const sums = (t: tf.Tensor) => sumRows(tf.reshape(t, [-1, channels]), index, rowsOf(table));
      const normal = tf.mul(tf.sub(x, mean0), root0);
      return [gradient(tf.mul(dy, look(tf.add(table, 1))), x, rest), sums(tf.mul(dy, normal)), sums(dy)];
    };
    const value = hasOwnKernels() ? modulateByRows(y, g, b, index) : tf.tidy(() => tf.add(tf.mul(y, look(tf.add(g, 1))), look(b)));
    return { value, gradFunc };
  }) as tf.Tensor4D;
}

/** x * (1 + gamma) + beta, keeping no intermediate for the gradient. */
function modulate(x: tf.Tensor4D, gamma: tf.Tensor4D, beta: tf.Tensor4D): tf.Tensor4D {
  return customGradient([x, gamma, beta], (save, a, g, b) => {
    save([a, g]);
    return {
      value: tf.tidy(() => tf.add(tf.add(a, tf.mul(a, g)), b)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => [tf.add(dy, tf.mul(dy, saved[1])), tf.mul(dy, saved[0]), dy],
    };
  }) as tf.Tensor4D;
}
