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

/** So many pixels go through the network at once: one image of 192x256, or several small ones. */
const PIXELS = 192 * 256;

/**
 * Perceptual loss (Johnson et al. 2016, with L1 as in pix2pixHD): sum over the five layers of weight * mean
 * |features(fake) - features(real)|. fake [n*B,H,W,3] in [-1, 1], n images for each real one -> scalar; differentiable in `fake` only.
 *
 * The network is fixed, so the gradient is taken at once, a few images at a time: its features never pile up beside those of the generator.
 */
export function perceptualLoss(vgg: Vgg19, fake: tf.Tensor4D, real: tf.Tensor4D[]): tf.Scalar {
  if (!isRecording()) return asWritten(vgg, fake, real);
  const [images, height, width] = fake.shape;
  const batch = real[0].shape[0];
  const parts = cut(images, batch, Math.max(1, Math.floor(PIXELS / (height * width))));
  const take = (x: tf.Tensor4D, from: number, count: number) => tf.slice(x, [from, 0, 0, 0], [count, -1, -1, -1]);
  return customGradient([fake], (save, x) => {
    const each = parts.map(({ from, count }) =>
      apart(() =>
        tf.tidy(() => {
          const targets = real.map((r) => take(r, from % batch, count));
          const withGradient = tf.valueAndGrad((part) => {
            const value = tf.mul(count / images, asWritten(vgg, part as tf.Tensor4D, targets)) as tf.Scalar;
            freeEarly();
            return value;
          });
          return { ...withGradient(take(x, from, count)) };
        }),
      ),
    );
    save([tf.concat(each.map((e) => e.grad))]);
    return {
      value: tf.addN(each.map((e) => e.value)),
      gradFunc: (dy: tf.Tensor, [gradient]: tf.Tensor[]) => tf.mul(gradient, dy),
    };
  }) as tf.Scalar;
}

/** Cuts `images` into parts of at most `most`, each of which stands against a run of the batch of real ones. */
function cut(images: number, batch: number, most: number): { from: number; count: number }[] {
  const parts: { from: number; count: number }[] = [];
  for (let from = 0; from < images; ) {
    const count = Math.min(most, batch - (from % batch));
    parts.push({ from, count });
    from += count;
  }
  return parts;
}
