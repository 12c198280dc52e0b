import { cluster, workers } from '../../engine/cluster';
import * as tf from '../../engine/tf';
import { customGradient } from '../../engine/custom_gradient';
import { hasOwnKernels, normaliseEach, normaliseEachGradient } from '../../engine/own_kernels';
import type { Choice } from '../../common/config';
import type { Parameters } from './parameters';

/** Added to variances. */
export const EPSILON = 1e-5;

/** Called with the mean and the unbiased variance of each channel, [C], over `count` pixels; both are freed after the call. */
export type OnStatistics = (mean: tf.Tensor1D, variance: tf.Tensor1D, count: number) => void;

/**
 * (x - mean) / sqrt(variance + 1e-5) for each channel, over batch, height and width, with the biased variance. [B,H,W,C].
 * The gradient flows through the statistics.
 */
export function standardiseAsWritten(x: tf.Tensor4D, onStatistics?: OnStatistics): tf.Tensor4D {
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const n = x.size / x.shape[3];
    onStatistics?.(mean as tf.Tensor1D, tf.mul(variance, n / Math.max(n - 1, 1)) as tf.Tensor1D, n);
    return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, EPSILON)));
  });
}

/** Instance norm without affine parameters (Ulyanov et al. 2016): each image's channel gets mean 0 and variance 1. [B,H,W,C]. */
export function instanceNorm(x: tf.Tensor4D): tf.Tensor4D {
  const [b, h, w, c] = x.shape;
  // The one image of a worker goes the way of several: it is one of a batch, and another kernel rounds otherwise.
  if (b === 1 && workers() === 1) return standardise(x);
  if (hasOwnKernels()) return instanceNormAtOnce(x);
  // The channels of all images side by side: one norm for the batch, where a norm for each image would be many small operations.
  const apart = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [1, h, w, b * c]) as tf.Tensor4D;
  return tf.transpose(tf.reshape(standardise(apart), [h, w, b, c]), [2, 0, 1, 3]);
}

const instanceNormAtOnce = (x: tf.Tensor4D): tf.Tensor4D =>
  customGradient([x], (save, input) => {
    const [y, ...statistics] = normaliseEach(input);
    save([input, ...statistics]);
    return { value: y as tf.Tensor4D, gradFunc: (dy: tf.Tensor, [kept, means, roots]: tf.Tensor[]) => normaliseEachGradient(dy, kept, means, roots) };
  });

/** The same as `standardiseAsWritten`, by TensorFlow's fused kernels where there are any. `shared`: over the batches of all workers. */
export function standardise(x: tf.Tensor4D, onStatistics?: OnStatistics, shared = false): tf.Tensor4D {
  return tf.hasNativeKernels() ? standardiseNative(x, onStatistics, shared) : standardiseAsWritten(x, onStatistics);
}

/** TensorFlow's fused kernels: one pass each way, and nothing kept but x. */
function standardiseNative(x: tf.Tensor4D, onStatistics?: OnStatistics, shared = false): tf.Tensor4D {
  return customGradient([x], (save, input) => {
    const { y, mean, variance, count, kept, gradient } = norm(input, shared);
    onStatistics?.(mean, variance, count);
    save([input, ...kept]);
    return { value: y, gradFunc: (dy: tf.Tensor, [x, ...rest]: tf.Tensor[]) => gradient(dy, x, rest) };
  }) as tf.Tensor4D;
}

/** A norm of each channel and the way back: what `gradient` reads is x and `kept`. Call it inside of a custom gradient. */
export interface Norm {
  y: tf.Tensor4D;
  mean: tf.Tensor1D;
  /** The unbiased one. */
  variance: tf.Tensor1D;
  /** Pixels that they are taken over. */
  count: number;
  kept: tf.Tensor[];
  gradient(dy: tf.Tensor, x: tf.Tensor, kept: tf.Tensor[]): tf.Tensor;
}

/** By the statistics of x, or `shared` by those of the same layer of all workers. x [B,H,W,C]. */
export function norm(x: tf.Tensor4D, shared: boolean): Norm {
  const group = shared ? cluster() : undefined;
  const own = fusedNorm(x);
  const n = x.size / x.shape[3];
  if (!group?.sharedNorm) return { ...own, count: n, kept: own.reserved, gradient: fusedNormGradient };
  const count = n * group.size;
  const { y, mean, variance, root } = tf.tidy(() => {
    const rows = group.gather(tf.concat([own.mean, tf.mul(own.variance, Math.max(n - 1, 1) / n)]) as tf.Tensor1D);
    const [means, variances] = tf.split(rows, 2, 1);
    // Chan, Golub and LeVeque 1979: the mean of the variances and the variance of the means.
    const mean = tf.mean(means, 0) as tf.Tensor1D;
    const biased = tf.add(tf.mean(variances, 0), tf.mean(tf.square(tf.sub(means, mean)), 0)) as tf.Tensor1D;
    const root = tf.rsqrt(tf.add(biased, EPSILON));
    return { mean, variance: tf.mul(biased, count / Math.max(count - 1, 1)) as tf.Tensor1D, root, y: tf.mul(tf.sub(x, mean), root) as tf.Tensor4D };
  });
  tf.dispose(own);
  return {
    ...{ y, mean, variance, count, kept: [mean, root] },
    gradient: (dy, input, [mean, root]) =>
      tf.tidy(() => {
        const normal = tf.mul(tf.sub(input, mean), root);
        // What flows through the statistics comes from the pixels of all workers.
        const sums = group.sum(tf.stack([tf.sum(dy, [0, 1, 2]), tf.sum(tf.mul(dy, normal), [0, 1, 2])]));
        const [first, second] = tf.unstack(tf.div(sums, count));
        return tf.mul(tf.sub(tf.sub(dy, first), tf.mul(normal, second)), root);
      }),
  };
}

const FUSED = { T: 'float32', U: 'float32', epsilon: { float: EPSILON }, data_format: 'NHWC', is_training: true };

/** `variance` is the unbiased one. What the gradient kernel reads (`reserved`) differs between CPU and GPU. */
function fusedNorm(x: tf.Tensor4D) {
  const channels = x.shape[3];
  const empty = tf.tensor1d([]);
  const [y, mean, variance, ...reserved] = tf.runKernel(
    'FusedBatchNormV3',
    { ...FUSED, exponential_avg_factor: { float: 1 } },
    [x, tf.ones([channels]), tf.zeros([channels]), empty, empty],
    6,
  );
  return { y: y as tf.Tensor4D, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D, reserved };
}

const fusedNormGradient = (dy: tf.Tensor, x: tf.Tensor, reserved: tf.Tensor[]): tf.Tensor =>
  tf.runKernel('FusedBatchNormGradV3', FUSED, [dy, x, tf.ones([x.shape[3]!]), ...reserved], 5)[0];

/**
 * Batch norm without affine parameters (Ioffe and Szegedy 2015), as SPADE uses it: statistics of the batch in training, of all workers, with
 * running ones (momentum 0.1) kept for evaluation. State: `running_mean`, `running_var`.
 */
export class BatchNorm {
  private readonly runningMean: tf.Tensor1D & tf.Variable;
  private readonly runningVariance: tf.Tensor1D & tf.Variable;

  constructor(
    p: Parameters,
    channels: number,
    private readonly runningVarianceChoice: Choice,
  ) {
    this.runningMean = p.state('running_mean', channels, { kind: 'constant', value: 0 });
    this.runningVariance = p.state('running_var', channels, { kind: 'constant', value: 1 });
  }

  apply(x: tf.Tensor4D, training: boolean): tf.Tensor4D {
    if (training) return standardise(x, this.observe, true);
    const { scale, shift } = this.evaluation();
    return tf.add(tf.mul(x, scale), shift) as tf.Tensor4D;
  }

  /** Evaluation by the running statistics: x * scale + shift, each [C]. */
  evaluation(): { scale: tf.Tensor1D; shift: tf.Tensor1D } {
    const scale = tf.rsqrt(tf.add(this.runningVariance, EPSILON)) as tf.Tensor1D;
    return { scale, shift: tf.neg(tf.mul(this.runningMean, scale)) as tf.Tensor1D };
  }

  /** Moves the running statistics by those of a batch. */
  readonly observe: OnStatistics = (mean, variance, count) => {
    const correction = this.runningVarianceChoice === 'paper' ? 1 : Math.max(count - 1, 1) / count;
    const blend = (old: tf.Variable, now: tf.Tensor) => tf.tidy(() => old.assign(tf.add(tf.mul(old, 0.9), tf.mul(now, 0.1))));
    blend(this.runningMean, mean);
    blend(this.runningVariance, tf.mul(variance, correction));
  };
}
