import * as tf from '../engine/tf';
import type { Discriminator, ScaleOutput } from '../models/discriminator';
import { SegmentationDiscriminator } from '../models/segmentation_discriminator';
import { l1 } from './pixel';
import { generatedEntropy, labelEntropy } from './segmentation';

/** The scores of the patches of a scale: its last layer. */
const patches = (scale: ScaleOutput) => scale[scale.length - 1];

const meanOverScales = (scales: ScaleOutput[], f: (scores: tf.Tensor4D) => tf.Tensor): tf.Scalar =>
  tf.div(tf.addN(scales.map((s) => tf.mean(f(patches(s))))), scales.length);

/** Hinge loss of the generator: -mean of the scores of its images, mean over the scales (SPADE, 1903.07291; 1802.05957). */
export const generatorHinge = (fake: ScaleOutput[]): tf.Scalar => meanOverScales(fake, tf.neg);

/** Hinge loss of the discriminator on generated images: mean of relu(1 + score), mean over the scales. */
export const fakeHinge = (fake: ScaleOutput[]): tf.Scalar => meanOverScales(fake, (s) => tf.relu(tf.add(1, s)));

/** Hinge loss of the discriminator on photos: mean of relu(1 - score), mean over the scales. */
export const realHinge = (real: ScaleOutput[]): tf.Scalar => meanOverScales(real, (s) => tf.relu(tf.sub(1, s)));

/**
 * Feature matching (pix2pixHD, 1711.11585, eq. 4): L1 distance of the discriminator's features of generated images and their photos, every
 * layer but the scores, summed over the layers, mean over the scales. The photos' features carry no gradient.
 * @param fake features of n images for each photo: all first ones, then all second ones
 */
export function featureMatching(fake: ScaleOutput[], real: ScaleOutput[]): tf.Scalar {
  const distances = fake.flatMap((layers, s) => layers.slice(0, -1).map((f, l) => l1(f, real[s][l])));
  return tf.div(tf.addN(distances), fake.length);
}

/**
 * What the discriminator minimises: its loss on generated images, n for each label map and summed over them, and n times that on the photos.
 * Takes one power iteration of spectral norm.
 * @param oneHot [B,H,W,classes]
 * @param fakes [n*B,H,W,3] in -1..1: all first ones, then all second ones
 * @param photos [B,H,W,3] in -1..1
 */
export function discriminatorLosses(
  discriminator: Discriminator | SegmentationDiscriminator,
  oneHot: tf.Tensor4D,
  fakes: tf.Tensor4D,
  photos: tf.Tensor4D,
): [fake: tf.Scalar, real: tf.Scalar] {
  const [count, b] = [fakes.shape[0], photos.shape[0]];
  const all = tf.concat([fakes, photos]);
  const part = (x: tf.Tensor4D, begin: number, size: number) => tf.slice(x, [begin, 0, 0, 0], [size, -1, -1, -1]);
  if (discriminator instanceof SegmentationDiscriminator) {
    const logits = discriminator.forward(all, true);
    const n = count / b;
    return [tf.mul(n, generatedEntropy(part(logits, 0, count), oneHot)), tf.mul(n, labelEntropy(part(logits, count, b), oneHot))];
  }
  const judged = discriminator.forward(oneHot, all, true);
  const scores = (begin: number, size: number) => judged.map((layers) => [part(patches(layers), begin, size)]);
  return [tf.mul(count / b, fakeHinge(scores(0, count))), tf.mul(count / b, realHinge(scores(count, b)))];
}
