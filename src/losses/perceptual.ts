import type { Vgg19 } from '../models/vgg19';
import * as tf from '../tf';
import { l1 } from './pixel';

/** Weights of relu1_1 ... relu5_1 (pix2pixHD, and the original). */
export const PERCEPTUAL_WEIGHTS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1] as const;

/**
 * VGG19's five features of the real images [B,H,W,3] in [-1, 1], without gradient: once for all generated images.
 * The caller disposes them.
 */
export function realFeatures(vgg: Vgg19, real: tf.Tensor4D): tf.Tensor4D[] {
  return tf.tidy(() => vgg.features(real));
}

/**
 * Perceptual loss (Johnson et al. 2016, with L1 as in pix2pixHD): sum over the five layers of weight * mean
 * |features(fake) - features(real)|. fake [n*B,H,W,3] in [-1, 1], n images for each real one -> scalar; differentiable in `fake` only.
 */
export function perceptualLoss(vgg: Vgg19, fake: tf.Tensor4D, real: tf.Tensor4D[]): tf.Scalar {
  const terms = vgg.features(fake).map((f, i) => tf.mul(l1(f, real[i]), PERCEPTUAL_WEIGHTS[i]));
  return tf.addN(terms) as tf.Scalar;
}
