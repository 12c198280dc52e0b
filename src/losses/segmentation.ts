/** Losses of a discriminator that segments (OASIS, 2012.04781, eq. 1 and 2). Pixels without a class (IGNORE) count nothing. */
import { overWorkers, workers } from '../engine/cluster';
import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';

/**
 * Cross entropy of each pixel against the class of its label map, balanced by the inverse frequency of the classes in the batch of all workers: the mean over
 * the classes that occur of the mean over their pixels. What the discriminator minimises on photos, and the generator on its images.
 * @param logits [n*B,H,W,classes+1], n images for each label map: all first ones, then all second ones
 * @param oneHot [B,H,W,classes]
 */
export function labelEntropy(logits: tf.Tensor4D, oneHot: tf.Tensor4D): tf.Scalar {
  const target = tf.tidy(() => {
    const counts = overWorkers(tf.sum(oneHot, [0, 1, 2]));
    const present = tf.sum(tf.cast(tf.greater(counts, 0), 'float32'));
    // Means over the workers are taken later.
    const weights = tf.div(workers(), tf.mul(tf.maximum(counts, 1), tf.maximum(present, 1)));
    return tf.pad(tf.mul(oneHot, weights), [
      [0, 0],
      [0, 0],
      [0, 0],
      [0, 1],
    ]);
  });
  return crossEntropy(logits, target as tf.Tensor4D);
}

/** Mean over the pixels with a class of the cross entropy against "generated", the last channel. Shapes as in `labelEntropy`. */
export function generatedEntropy(logits: tf.Tensor4D, oneHot: tf.Tensor4D): tf.Scalar {
  const target = tf.tidy(() =>
    tf.pad(pixelShares(oneHot), [
      [0, 0],
      [0, 0],
      [0, 0],
      [oneHot.shape[3], 0],
    ]),
  );
  return crossEntropy(logits, target);
}

/** What each pixel with a class counts in a mean over those of all workers, whose losses are averaged later; 0 where there is none. [B,H,W,1] */
export function pixelShares(oneHot: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const labelled = tf.sum(oneHot, 3, true);
    return tf.div(tf.mul(labelled, workers()), tf.maximum(overWorkers(tf.sum(labelled)), 1));
  });
}

/**
 * -sum of target * log softmax(logits), mean over the n images of a target; differentiable in the logits. The gradient,
 * softmax * (the pixel's weight) - target, is made at once: the composed one keeps five maps of this size.
 */
function crossEntropy(logits: tf.Tensor4D, target: tf.Tensor4D): tf.Scalar {
  const copies = logits.size / target.size;
  return customGradient([logits], (save, x) => {
    const logProbability = tf.logSoftmax(tf.reshape(x, [copies, ...target.shape]));
    const value = tf.div(tf.neg(tf.sum(tf.mul(target, logProbability))), copies) as tf.Scalar;
    const gradient = tf.sub(tf.mul(tf.exp(logProbability), tf.sum(target, 3, true)), target);
    save([tf.reshape(tf.div(gradient, copies), logits.shape)]);
    return { value, gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(saved[0], dy) };
  }) as tf.Scalar;
}
