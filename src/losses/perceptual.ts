import type { Vgg19 } from '../judges/vgg19';
import { apart, freeEarly, isRecording } from '../engine/tape';
import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';
import { l1 } from './pixel';

/** Weights of relu1_1 ... relu5_1 (pix2pixHD, and the original). */
export const PERCEPTUAL_WEIGHTS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1] as const;

/** The sum over the five layers of weight * mean |features(fake) - features(real)|. */
const asWritten = (vgg: Vgg19, fake: tf.Tensor4D, real: tf.Tensor4D[]) =>
  tf.addN(vgg.features(fake).map((f, i) => tf.mul(l1(f, real[i]), PERCEPTUAL_WEIGHTS[i]))) as tf.Scalar;

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
 *
 * The network is fixed, so the gradient is taken at once, image by image: its features never pile up beside those of the generator.
 */
export function perceptualLoss(vgg: Vgg19, fake: tf.Tensor4D, real: tf.Tensor4D[]): tf.Scalar {
  if (!isRecording()) return asWritten(vgg, fake, real);
  const images = fake.shape[0];
  const batch = real[0].shape[0];
  const at = (x: tf.Tensor4D, i: number) => tf.slice(x, [i, 0, 0, 0], [1, -1, -1, -1]);
  return customGradient([fake], (save, x) => {
    const each = Array.from({ length: images }, (_, i) =>
      apart(() =>
        tf.tidy(() => {
          const targets = real.map((r) => at(r, i % batch));
          const withGradient = tf.valueAndGrad((image) => {
            const value = asWritten(vgg, image as tf.Tensor4D, targets);
            freeEarly();
            return value;
          });
          return { ...withGradient(at(x, i)) };
        }),
      ),
    );
    save([tf.div(tf.concat(each.map((e) => e.grad)), images)]);
    return {
      value: tf.div(tf.addN(each.map((e) => e.value)), images),
      gradFunc: (dy: tf.Tensor, [gradient]: tf.Tensor[]) => tf.mul(gradient, dy),
    };
  }) as tf.Scalar;
}
