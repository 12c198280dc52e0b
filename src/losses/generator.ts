import * as tf from '../tf';
import type { Behaviour } from '../config';
import type { LabelPyramid } from '../layers/label_pyramid';
import type { Discriminator, ScaleOutput } from '../models/discriminator';
import type { LGGANOutput } from '../models/lggan';
import type { Vgg19 } from '../models/vgg19';
import { featureMatching, generatorHinge } from './adversarial';
import { classScore, localL1 } from './class_specific';
import { perceptualLoss, realFeatures } from './perceptual';
import { l1, totalVariation } from './pixel';

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

/** What the losses compare with: the photos, and what the discriminator and VGG19 see in them. */
export interface RealSide {
  images: tf.Tensor4D;
  features: ScaleOutput[];
  vgg: tf.Tensor4D[];
}

/** Call it outside of the gradient: nothing here depends on the generator. `training`: one power iteration of spectral norm. */
export function realSide(
  labels: LabelPyramid,
  images: tf.Tensor4D,
  discriminator: Discriminator,
  vgg: Vgg19 | undefined,
  training: boolean,
): RealSide {
  return tf.tidy(() => {
    const { oneHot } = labels.at(labels.height, labels.width);
    const side: RealSide = {
      images: tf.clone(images),
      features: discriminator.forward(oneHot, images, training),
      vgg: vgg ? realFeatures(vgg, images) : [],
    };
    return side as unknown as tf.TensorContainer;
  }) as unknown as RealSide;
}

/**
 * The generator's losses, weighted; their sum is what it minimises. The losses on images are summed over the final, the global and the
 * local one: three times the mean over the batch of all three, which is what `three` holds.
 */
export function generatorLosses(
  output: LGGANOutput,
  three: tf.Tensor4D,
  labels: LabelPyramid,
  real: RealSide,
  discriminator: Discriminator,
  vgg: Vgg19 | undefined,
  weights: LossWeights,
  choices: Behaviour,
  perceptual: PerceptualChoice = 'all',
): Record<string, tf.Scalar> {
  // Before the discriminator's features pile up: VGG19 needs most memory, and leaves nothing but a gradient of the images.
  const perceived = vgg && (perceptual === 'all' ? tf.mul(3, perceptualLoss(vgg, three, real.vgg)) : perceptualLoss(vgg, output.final, real.vgg));
  const judged = discriminator.forward(labels.at(labels.height, labels.width).oneHot, three);
  const losses: Record<string, tf.Scalar> = {
    gan: tf.mul(3 * weights.gan, generatorHinge(judged)),
    featureMatching: tf.mul(3 * weights.featureMatching, featureMatching(judged, real.features)),
    l1: tf.mul(3 * weights.l1, l1(three, real.images)),
    local: tf.mul(weights.local, localL1(output, real.images, labels, choices.classMasks)),
    classScore: tf.mul(weights.classScore, classScore(output.scores, labels, choices.classScore)),
    totalVariation: tf.mul(3 * weights.totalVariation, totalVariation(three)),
  };
  if (perceived) losses.vgg = tf.mul(weights.vgg, perceived);
  return losses;
}

/** The final, the global and the local image in one batch. */
export const stackImages = ({ final, global, local }: LGGANOutput) => tf.concat([final, global, local]) as tf.Tensor4D;
