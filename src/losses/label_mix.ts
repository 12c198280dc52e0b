/** LabelMix (OASIS, 2012.04781): what a discriminator that segments says of a pixel shall not hang on where the picture's other classes came from. */
import type { Random } from '../common/random';
import * as tf from '../engine/tf';

/** For each class whether its pixels are taken from the photo, 1, or from the painting, 0. [classes], for the caller to dispose of */
export const drawSides = (random: Random, classes: number): tf.Tensor1D =>
  tf.tensor1d(
    Array.from({ length: classes }, () => random.getrandbits(1)),
    'float32',
  );

/** 1 where a pixel's class is taken from the photo. Pixels without a class are painted. [B,H,W,classes], [classes] -> [B,H,W,1] */
export const mixMask = (oneHot: tf.Tensor4D, sides: tf.Tensor1D): tf.Tensor4D => tf.sum(tf.mul(oneHot, sides), 3, true) as tf.Tensor4D;

/** The photos where the mask is 1, the paintings elsewhere; also what is said of either. */
export const labelMix = (ofPhotos: tf.Tensor4D, ofPaintings: tf.Tensor4D, mask: tf.Tensor4D): tf.Tensor4D =>
  tf.add(ofPaintings, tf.mul(mask, tf.sub(ofPhotos, ofPaintings)));

/**
 * Mean square of what the logits of the mixed images differ by from the mixed logits (eq. 4; OASIS' own code takes the mean where the equation
 * has the norm). Differentiable in all three.
 * @param mixed of `labelMix(photos, paintings, mask)`, [B,H,W,classes+1], as the other two
 * @param shares what each pixel counts, see `pixelShares`: those without a class count nothing, other than in OASIS
 */
export const mixConsistency = (mixed: tf.Tensor4D, ofPhotos: tf.Tensor4D, ofPaintings: tf.Tensor4D, mask: tf.Tensor4D, shares: tf.Tensor4D): tf.Scalar =>
  tf.sum(tf.mul(shares, tf.mean(tf.square(tf.sub(mixed, labelMix(ofPhotos, ofPaintings, mask))), 3, true)));
