import * as tf from '../engine/tf';
import type { Discriminator, ScaleOutput } from '../models/discriminator';
import { SegmentationDiscriminator } from '../models/segmentation_discriminator';
import { l1 } from './pixel';
import { generatedEntropy, labelEntropy } from './segmentation';

/** The scores of the patches of a scale: its last layer. */
const patches = (scale: ScaleOutput) => scale[scale.length - 1];

/** Scores as scales of one layer. */
export const asScales = (scores: tf.Tensor4D[]): ScaleOutput[] => scores.map((s) => [s]);

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

/** What a discriminator says of images. */
export interface Judgement {
  /** The outputs of its layers, scale by scale, or of one that segments its logits, [n*B,H,W,classes+1]. */
  said: ScaleOutput[] | tf.Tensor4D;
  /** The scores of its `ProjectedHeads`, where it has them. */
  projected?: tf.Tensor4D[];
}

/** Of all that it says what its own losses read. */
export const scoresOf = ({ said, projected }: Judgement): tf.Tensor4D[] => [...(said instanceof tf.Tensor ? [said] : said.map(patches)), ...(projected ?? [])];

/**
 * @param oneHot [B,H,W,classes]
 * @param images [n*B,H,W,3] in -1..1: all first ones of each label map, then all second ones
 * @param training takes one power iteration of spectral norm first
 */
export const judgement = (discriminator: Discriminator | SegmentationDiscriminator, oneHot: tf.Tensor4D, images: tf.Tensor4D, training = false): Judgement => ({
  said: discriminator instanceof SegmentationDiscriminator ? discriminator.forward(images, training) : discriminator.forward(oneHot, images, training),
  projected: discriminator.projected?.forward(oneHot, images, training),
});

/** What it says of generated images, n for each label map, and of the photos. Takes one power iteration of spectral norm. */
export function judgementOfBoth(
  discriminator: Discriminator | SegmentationDiscriminator,
  oneHot: tf.Tensor4D,
  fakes: tf.Tensor4D,
  photos: tf.Tensor4D,
): [fake: Judgement, real: Judgement] {
  const { said, projected } = judgement(discriminator, oneHot, tf.concat([fakes, photos]), true);
  const [count, b] = [fakes.shape[0], photos.shape[0]];
  const part = (begin: number, size: number) => {
    const cut = (x: tf.Tensor4D) => tf.slice(x, [begin, 0, 0, 0], [size, -1, -1, -1]) as tf.Tensor4D;
    return { said: said instanceof tf.Tensor ? cut(said) : said.map((scale) => [cut(patches(scale))]), projected: projected?.map(cut) };
  };
  return [part(0, count), part(count, b)];
}

/** What the discriminator minimises: its loss, and that of its `ProjectedHeads`, on generated images, summed over the n of a label map, and n times that on the photos. */
export function discriminatorLosses(fake: Judgement, real: Judgement, oneHot: tf.Tensor4D): [fake: tf.Scalar, real: tf.Scalar] {
  const n = scoresOf(fake)[0].shape[0] / scoresOf(real)[0].shape[0];
  const generated = fake.said instanceof tf.Tensor ? generatedEntropy(fake.said, oneHot) : fakeHinge(fake.said);
  const natural = real.said instanceof tf.Tensor ? labelEntropy(real.said, oneHot) : realHinge(real.said);
  const [ofFake, ofReal] = fake.projected && real.projected ? [fakeHinge(asScales(fake.projected)), realHinge(asScales(real.projected))] : [0, 0];
  return [tf.mul(n, tf.add(generated, ofFake)), tf.mul(n, tf.add(natural, ofReal))];
}
