import * as tf from '../../engine/tf';
import { customGradient } from '../../engine/custom_gradient';
import type { Choice } from '../../common/config';
import type { Parameters } from './parameters';

/** Added to variances. */
export const EPSILON = 1e-5;

/** Called with the mean and the unbiased variance of each channel, [C]; both are freed after the call. */
export type OnStatistics = (mean: tf.Tensor1D, variance: tf.Tensor1D) => void;

/**
 * (x - mean) / sqrt(variance + 1e-5) for each channel, over batch, height and width, with the biased variance. [B,H,W,C].
 * The gradient flows through the statistics.
 */
export function standardiseAsWritten(x: tf.Tensor4D, onStatistics?: OnStatistics): tf.Tensor4D {
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const n = x.size / x.shape[3];
    onStatistics?.(mean as tf.Tensor1D, tf.mul(variance, n / Math.max(n - 1, 1)) as tf.Tensor1D);
    return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, EPSILON)));
  });
}

/** Instance norm without affine parameters (Ulyanov et al. 2016): each image's channel gets mean 0 and variance 1. [B,H,W,C]. */
export function instanceNorm(x: tf.Tensor4D): tf.Tensor4D {
  const [b, h, w, c] = x.shape;
  if (b === 1) return standardise(x);
  // The channels of all images side by side: one norm for the batch, where a norm for each image would be many small operations.
  const apart = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [1, h, w, b * c]) as tf.Tensor4D;
  return tf.transpose(tf.reshape(standardise(apart), [h, w, b, c]), [2, 0, 1, 3]);
}

/** The same as `standardiseAsWritten`, by TensorFlow's fused kernels where there are any. */
export function standardise(x: tf.Tensor4D, onStatistics?: OnStatistics): tf.Tensor4D {
  return tf.hasNativeKernels() ? standardiseNative(x, onStatistics) : standardiseAsWritten(x, onStatistics);
}

/** TensorFlow's fused kernels: one pass each way, and nothing kept but x. */
function standardiseNative(x: tf.Tensor4D, onStatistics?: OnStatistics): tf.Tensor4D {
  return customGradient([x], (save, input) => {
    const { y, mean, variance, reserved } = fusedNorm(input);
    onStatistics?.(mean, variance);
    save([input, ...reserved]);
    const gradFunc = (dy: tf.Tensor, [kept, ...rest]: tf.Tensor[]) => fusedNormGradient(dy, kept, rest);
    return { value: y, gradFunc };
  }) as tf.Tensor4D;
}

const FUSED = { T: 'float32', U: 'float32', epsilon: { float: EPSILON }, data_format: 'NHWC', is_training: true };

/** `variance` is the unbiased one. What the gradient kernel reads (`reserved`) differs between CPU and GPU. */
export function fusedNorm(x: tf.Tensor4D) {
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

export const fusedNormGradient = (dy: tf.Tensor, x: tf.Tensor, reserved: tf.Tensor[]): tf.Tensor =>
  tf.runKernel('FusedBatchNormGradV3', FUSED, [dy, x, tf.ones([x.shape[3]!]), ...reserved], 5)[0];

/**
 * Batch norm without affine parameters (Ioffe and Szegedy 2015), as SPADE uses it: statistics of the batch in training, with
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
    if (training) return standardise(x, this.observe(x));
    const { scale, shift } = this.evaluation();
    return tf.add(tf.mul(x, scale), shift) as tf.Tensor4D;
  }

  /** Evaluation by the running statistics: x * scale + shift, each [C]. */
  evaluation(): { scale: tf.Tensor1D; shift: tf.Tensor1D } {
    const scale = tf.rsqrt(tf.add(this.runningVariance, EPSILON)) as tf.Tensor1D;
    return { scale, shift: tf.neg(tf.mul(this.runningMean, scale)) as tf.Tensor1D };
  }

  /** Moves the running statistics by those of a batch x. */
  observe(x: tf.Tensor4D): OnStatistics {
    const n = x.size / x.shape[3];
    const correction = this.runningVarianceChoice === 'paper' ? 1 : Math.max(n - 1, 1) / n;
    const blend = (old: tf.Variable, now: tf.Tensor) => tf.tidy(() => old.assign(tf.add(tf.mul(old, 0.9), tf.mul(now, 0.1))));
    return (mean, variance) => {
      blend(this.runningMean, mean);
      blend(this.runningVariance, tf.mul(variance, correction));
    };
  }
}
