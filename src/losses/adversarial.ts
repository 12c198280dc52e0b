import * as tf from '../engine/tf';
import type { ScaleOutput } from '../models/discriminator';
import { l1 } from './pixel';

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
