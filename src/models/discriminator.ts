import * as tf from '../engine/tf';
import { behaviour, configure, wholeNumbers, type Behaviour, type BehaviourOption } from '../common/config';
import { leakyRelu } from '../layers/core/activation';
import { Convolution, convolve } from '../layers/core/convolution';
import { padZeros } from '../layers/core/padding';
import { instanceNorm } from '../layers/core/normalisation';
import { Parameters } from '../layers/core/parameters';
import { SpectralNorm } from '../layers/spectral_norm';
import type { Vgg19 } from '../judges/vgg19';
import { HEADS, ProjectedHeads } from './projected_heads';

export interface DiscriminatorConfig {
  /** How many classes the label maps have. Default 29. */
  classes: number;
  /** Channels of the first layer. Default 64. */
  ndf: number;
  /** How many scales look at the image, each at half the size of the one before. Default 2. */
  scales: number;
  /** Convolutions before the last one. Default 4. */
  layers: number;
  /** Where to follow the original rather than the papers. Default 'paper'. */
  behaviour: BehaviourOption;
  /** Seed of the initial weights. Default 628. */
  seed: number;
}

export const DISCRIMINATOR_DEFAULTS: DiscriminatorConfig = {
  classes: 29,
  ndf: 64,
  scales: 2,
  layers: 4,
  behaviour: 'paper',
  seed: 628,
};

/** The outputs of every layer of one scale, fine to coarse; the last holds the scores of the patches, [B,h,w,1]. */
export type ScaleOutput = tf.Tensor4D[];

/**
 * Multi-scale PatchGAN (pix2pixHD, 1711.11585, section 3.2) on a label map beside an image, as SPADE configures it: 4x4 convolutions padded by 2,
 * spectral norm and instance norm on all but the first and the last, leaky relu 0.2.
 */
export class Discriminator {
  readonly config: DiscriminatorConfig;
  readonly behaviour: Behaviour;
  readonly parameters: Parameters;
  private readonly scales: PatchLayer[][];
  /** A second opinion, see `ProjectedHeads`. */
  readonly projected?: ProjectedHeads;

  /** `vgg`: what a second opinion goes by, fed `imagenet`; it is not disposed of here. */
  constructor(config: Partial<DiscriminatorConfig> = {}, vgg?: Vgg19) {
    this.config = configure(DISCRIMINATOR_DEFAULTS, config, 'Discriminator');
    const { classes, ndf, scales, layers, seed } = this.config;
    wholeNumbers({ classes, ndf, scales, layers }, 'Discriminator');
    this.behaviour = behaviour(this.config.behaviour);
    this.parameters = new Parameters(seed);
    const widths = Array.from({ length: layers }, (_, i) => ndf * Math.min(2 ** i, 8));
    this.scales = Array.from({ length: scales }, (_, s) => {
      const p = this.parameters.scope(`model.discriminator_${s}.model`);
      const normalised = this.behaviour.spectralNorm === 'paper';
      const hidden = widths.map((width, i) => {
        // The original's names: `model0.0` for the first, `model1.0.0` where a norm follows the convolution.
        const scope = p.scope(i === 0 ? 'model0.0' : `model${i}.0.0`);
        const stride = i === layers - 1 && layers > 1 ? 1 : 2;
        return new PatchLayer(scope, i === 0 ? classes + 3 : widths[i - 1], width, stride, i > 0, normalised);
      });
      return [...hidden, new PatchLayer(p.scope(`model${layers}.0`), widths[layers - 1], 1, 1, false, false, false)];
    });
    if (vgg) this.projected = new ProjectedHeads(this.parameters.scope(HEADS), classes, vgg);
  }

  /**
   * @param oneHot label maps, [B,H,W,classes]
   * @param images [n*B,H,W,3] in -1..1: n images for each label map, all first ones before all second ones
   * @param training takes one power iteration of spectral norm first
   * @returns for each scale the outputs of its layers
   */
  forward(oneHot: tf.Tensor4D, images: tf.Tensor4D, training = false): ScaleOutput[] {
    const original = this.behaviour.averagePool === 'original';
    return this.scales.map((layers, s) => {
      if (s > 0) [oneHot, images] = [averageHalf(oneHot, original), averageHalf(images, original)];
      let x = layers[0].applyTo(oneHot, images);
      return [x, ...layers.slice(1).map((layer) => (x = layer.apply(x, training)))];
    });
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/** Average pool 3x3, stride 2, padding 1. `countPadding`: divide by 9 at the border too. */
export function averageHalf(x: tf.Tensor4D, countPadding: boolean): tf.Tensor4D {
  const padded = padZeros(x, [1, 1]);
  const mean = tf.avgPool(padded, 3, 2, 'valid');
  if (countPadding) return mean;
  const [, h, w] = x.shape;
  const inside = padZeros(tf.ones([1, h, w, 1]), [1, 1]);
  return tf.div(mean, tf.avgPool(inside, 3, 2, 'valid'));
}

class PatchLayer {
  private readonly conv: Convolution;
  private readonly spectral?: SpectralNorm;

  constructor(
    p: Parameters,
    cin: number,
    cout: number,
    stride: number,
    private readonly norm: boolean,
    spectralNorm: boolean,
    private readonly activate = true,
  ) {
    const weightName = norm ? 'weight_orig' : 'weight';
    this.conv = new Convolution(p, cin, cout, { kernel: 4, stride, padding: 2, weightName });
    if (norm && spectralNorm) this.spectral = new SpectralNorm(p, this.conv.weight);
  }

  /**
   * The layer on label maps beside images. A convolution is linear: the part of the label maps is computed once for all images of a map.
   */
  applyTo(oneHot: tf.Tensor4D, images: tf.Tensor4D): tf.Tensor4D {
    const [labelWeight, imageWeight] = tf.split(this.conv.weight, [oneHot.shape[3], images.shape[3]], 2);
    const labelPart = this.conv.apply(oneHot, labelWeight as tf.Tensor4D);
    const imagePart = convolve(images, imageWeight as tf.Tensor4D, { stride: 2, padding: 2 });
    const copies = Array(images.shape[0] / oneHot.shape[0]).fill(labelPart) as tf.Tensor4D[];
    return leakyRelu(tf.add(copies.length > 1 ? tf.concat(copies) : labelPart, imagePart));
  }

  apply(x: tf.Tensor4D, training: boolean): tf.Tensor4D {
    let y = this.conv.apply(x, this.spectral?.apply(training));
    if (this.norm) y = instanceNorm(y);
    return this.activate ? leakyRelu(y) : y;
  }
}
