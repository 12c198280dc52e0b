import * as tf from '../engine/tf';
import type { Behaviour } from '../common/config';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import type { Discriminator } from '../models/discriminator';
import type { GeneratorOutput } from '../models/lggan/generator';
import { SegmentationDiscriminator } from '../models/segmentation_discriminator';
import type { Vgg19 } from '../judges/vgg19';
import { asScales, featureMatching, generatorHinge, judgement, type Judgement } from './adversarial';
import { augmentImages, augmentLabels, type Augmentation } from './augmentation';
import { classScore, localL1 } from './class_specific';
import { perceptualLoss, realFeatures } from './perceptual';
import { l1, totalVariation } from './pixel';
import { labelEntropy } from './segmentation';

/** How much each loss counts. */
export interface LossWeights {
  gan: number;
  /**
   * Of the generator's part in the second opinion, by features of VGG19, which it needs (see `ProjectedHeads`); the original has none. Where it is more
   * than 0 in one of the stages the discriminator has heads, and they learn in both.
   */
  projected: number;
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

/** What the losses compare with: the photos, and what VGG19 sees in them. */
export interface RealSide {
  images: tf.Tensor4D;
  vgg: tf.Tensor4D[];
}

/** Call it outside of the gradient: nothing here depends on the generator. */
export const realSide = (images: tf.Tensor4D, vgg?: Vgg19): RealSide => ({ images, vgg: vgg ? realFeatures(vgg, images) : [] });

/** What the discriminator says of the generator's images, and for feature matching of the photos. */
export interface Judged {
  fake: Judgement;
  real?: Judgement;
  /** The label maps as it saw the images, [B,H,W,classes]. */
  oneHot: tf.Tensor4D;
}

/** Label maps, photos and paintings as a discriminator looks at them: as they are, or changed alike (see `Augmentation`). */
export interface View {
  /** [B,H,W,classes] */
  oneHot: tf.Tensor4D;
  /** Of images [n*B,H,W,3]. */
  of(images: tf.Tensor4D): tf.Tensor4D;
}

/** Call it outside of the gradient. */
export function viewOf(labels: LabelPyramid, augmentation?: Augmentation): View {
  const { oneHot } = labels.at(labels.height, labels.width);
  return augmentation
    ? { oneHot: augmentLabels(oneHot, augmentation), of: (images) => augmentImages(images, augmentation) }
    : { oneHot, of: (images) => images };
}

/**
 * A discriminator that judges the generator's images for it, and the photos at once: call it outside of the gradient.
 * @param training takes one power iteration of spectral norm first
 */
export function judgeAgainst(discriminator: Discriminator | SegmentationDiscriminator, { oneHot, of }: View, photos: tf.Tensor4D, training: boolean) {
  const real = discriminator instanceof SegmentationDiscriminator ? undefined : { said: tf.tidy(() => discriminator.forward(oneHot, of(photos), training)) };
  return (images: tf.Tensor4D): Judged => ({ fake: judgement(discriminator, oneHot, of(images)), real, oneHot });
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
  judge: (images: tf.Tensor4D) => Judged,
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
  const losses = adversarialLosses(judge(seen), seen.shape[0] / labels.batch, weights);
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
function adversarialLosses({ fake, real, oneHot }: Judged, n: number, weights: LossWeights): Record<string, tf.Scalar> {
  const { said } = fake;
  const second: Record<string, tf.Scalar> = fake.projected ? { projected: tf.mul(n * weights.projected, generatorHinge(asScales(fake.projected))) } : {};
  if (said instanceof tf.Tensor) return { gan: tf.mul(n * weights.gan, labelEntropy(said, oneHot)), ...second };
  if (!real || !Array.isArray(real.said)) throw new Error('feature matching wants what the discriminator says of the photos');
  return {
    gan: tf.mul(n * weights.gan, generatorHinge(said)),
    featureMatching: tf.mul(n * weights.featureMatching, featureMatching(said, real.said)),
    ...second,
  };
}

/** The final, the global and the local image in one batch; of one branch alone, its image. */
export const stackImages = ({ final, global, local }: GeneratorOutput) => tf.concat(global && local ? [final, global, local] : [final]) as tf.Tensor4D;
