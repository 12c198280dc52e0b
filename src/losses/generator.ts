import * as tf from '../engine/tf';
import type { Behaviour } from '../common/config';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import type { Discriminator, ScaleOutput } from '../models/discriminator';
import type { GeneratorOutput } from '../models/lggan/generator';
import { SegmentationDiscriminator } from '../models/segmentation_discriminator';
import type { Vgg19 } from '../judges/vgg19';
import { featureMatching, generatorHinge } from './adversarial';
import { classScore, localL1 } from './class_specific';
import { perceptualLoss, realFeatures } from './perceptual';
import { l1, totalVariation } from './pixel';
import { labelEntropy } from './segmentation';

/** How much each loss counts. */
export interface LossWeights {
  gan: number;
  featureMatching: number;
  vgg: number;
  l1: number;
  /** Weight of the local L1; the original takes the one of `l1`. */
  local: number;
  classScore: number;
  totalVariation: number;
}

/** Which images the perceptual loss looks at. */
export const PERCEPTUAL_CHOICES = ['all', 'final'] as const;
export type PerceptualChoice = (typeof PERCEPTUAL_CHOICES)[number];

/** Which of the final, the global and the local image the discriminator looks at. */
export const JUDGED_CHOICES = ['all', 'final'] as const;
export type JudgedChoice = (typeof JUDGED_CHOICES)[number];

/** What the losses compare with: the photos, and what the discriminator and VGG19 see in them. */
export interface RealSide {
  images: tf.Tensor4D;
  /** For feature matching; a discriminator that segments has none. */
  features: ScaleOutput[];
  vgg: tf.Tensor4D[];
}

/** Call it outside of the gradient: nothing here depends on the generator. `training`: one power iteration of spectral norm. */
export function realSide(
  labels: LabelPyramid,
  images: tf.Tensor4D,
  discriminator: Discriminator | SegmentationDiscriminator,
  vgg: Vgg19 | undefined,
  training: boolean,
): RealSide {
  return tf.tidy(() => {
    const { oneHot } = labels.at(labels.height, labels.width);
    const side: RealSide = {
      images: tf.clone(images),
      features: discriminator instanceof SegmentationDiscriminator ? [] : discriminator.forward(oneHot, images, training),
      vgg: vgg ? realFeatures(vgg, images) : [],
    };
    return side;
  }) as unknown as RealSide;
}

/**
 * The generator's losses, weighted; their sum is what it minimises. The losses on images are summed over the final, the global and the
 * local one: three times the mean over the batch of all three, which is what `images` holds (`stackImages`). Of one branch alone there is one
 * image; local L1 and class score are of the local branch. `judged`: the discriminator looks at all three, or at the final one.
 */
export function generatorLosses(
  output: GeneratorOutput,
  images: tf.Tensor4D,
  labels: LabelPyramid,
  real: RealSide,
  discriminator: Discriminator | SegmentationDiscriminator,
  vgg: Vgg19 | undefined,
  weights: LossWeights,
  choices: Behaviour,
  perceptual: PerceptualChoice = 'all',
  judged: JudgedChoice = 'all',
): Record<string, tf.Scalar> {
  // Before the discriminator's features pile up: VGG19 needs most memory, and leaves nothing but a gradient of the images.
  const n = images.shape[0] / labels.batch;
  const perceived = vgg && (perceptual === 'all' ? tf.mul(n, perceptualLoss(vgg, images, real.vgg)) : perceptualLoss(vgg, output.final, real.vgg));
  const seen = judged === 'all' ? images : output.final;
  const losses = adversarialLosses(seen, seen.shape[0] / labels.batch, labels, real, discriminator, weights);
  losses.l1 = tf.mul(n * weights.l1, l1(images, real.images));
  const { perClass, constants, inSlots, scores } = output;
  if (perClass && constants && scores) {
    losses.local = tf.mul(weights.local, localL1({ perClass, constants, inSlots }, real.images, labels, choices.classMasks));
    losses.classScore = tf.mul(weights.classScore, classScore(scores, labels, choices.classScore));
  }
  losses.totalVariation = tf.mul(n * weights.totalVariation, totalVariation(images));
  if (perceived) losses.vgg = tf.mul(weights.vgg, perceived);
  return losses;
}

/** What the discriminator says of n images for each label map, summed over them. */
function adversarialLosses(
  images: tf.Tensor4D,
  n: number,
  labels: LabelPyramid,
  real: RealSide,
  discriminator: Discriminator | SegmentationDiscriminator,
  weights: LossWeights,
): Record<string, tf.Scalar> {
  const { oneHot } = labels.at(labels.height, labels.width);
  if (discriminator instanceof SegmentationDiscriminator) {
    return { gan: tf.mul(n * weights.gan, labelEntropy(discriminator.forward(images), oneHot)) };
  }
  const judged = discriminator.forward(oneHot, images);
  return {
    gan: tf.mul(n * weights.gan, generatorHinge(judged)),
    featureMatching: tf.mul(n * weights.featureMatching, featureMatching(judged, real.features)),
  };
}

/** The final, the global and the local image in one batch; of one branch alone, its image. */
export const stackImages = ({ final, global, local }: GeneratorOutput) => tf.concat(global && local ? [final, global, local] : [final]) as tf.Tensor4D;
