import * as tf from '../engine/tf';
import { behaviour, configure, wholeNumbers, type Behaviour, type BehaviourOption } from '../common/config';
import { leakyRelu } from '../layers/core/activation';
import { Convolution } from '../layers/core/convolution';
import { Parameters } from '../layers/core/parameters';
import { blocksToSpace, upsampleNearest2 } from '../layers/core/upsample';
import { NormedConvolution } from '../layers/normed_convolution';
import type { Vgg19 } from '../judges/vgg19';
import { HEADS, ProjectedHeads } from './projected_heads';

export interface SegmentationDiscriminatorConfig {
  /** How many classes the label maps have; the network tells one more: generated. Default 29. */
  classes: number;
  /** Channels at half the size of the image; they double with each level, up to eight times. Default 64. */
  ndf: number;
  /** How many times the size is halved on the way down; the image has to be divisible by 2^levels. Default 5. */
  levels: number;
  /** `spectralNorm: 'original'`: the plain kernels, as in `Discriminator`. Default 'paper'. */
  behaviour: BehaviourOption;
  /** Seed of the initial weights. Default 628. */
  seed: number;
}

export const SEGMENTATION_DISCRIMINATOR_DEFAULTS: SegmentationDiscriminatorConfig = { classes: 29, ndf: 64, levels: 5, behaviour: 'paper', seed: 628 };

/**
 * A discriminator that segments (OASIS, 2012.04781): it sees the image alone and gives each pixel one of the classes or "generated". Where it
 * finds the class that the label map asks for, the image is right as well as real, so that it stands in for the perceptual loss.
 *
 * A U-Net of residual blocks with spectral norm and leaky relu, without other norms. Smaller than the paper's: blocks of 2x2 pixels go in and
 * come out as channels, and what the way down found is added on the way up, not joined.
 */
export class SegmentationDiscriminator {
  readonly config: SegmentationDiscriminatorConfig;
  readonly behaviour: Behaviour;
  readonly parameters: Parameters;
  private readonly stem: NormedConvolution;
  private readonly down: DownBlock[];
  private readonly up: UpBlock[];
  private readonly classifier: Convolution;
  /** A second opinion, see `ProjectedHeads`. */
  readonly projected?: ProjectedHeads;

  /** `vgg`: what a second opinion goes by, fed `imagenet`; it is not disposed of here. */
  constructor(config: Partial<SegmentationDiscriminatorConfig> = {}, vgg?: Vgg19) {
    this.config = configure(SEGMENTATION_DISCRIMINATOR_DEFAULTS, config, 'SegmentationDiscriminator');
    const { classes, ndf, levels, seed } = this.config;
    wholeNumbers({ classes, ndf, levels }, 'SegmentationDiscriminator');
    this.behaviour = behaviour(this.config.behaviour);
    const normalised = this.behaviour.spectralNorm === 'paper';
    const p = (this.parameters = new Parameters(seed));
    const widths = Array.from({ length: levels }, (_, i) => ndf * Math.min(2 ** i, 8));
    this.stem = new NormedConvolution(p.scope('stem'), 12, ndf, { kernel: 3, padding: 1 }, normalised);
    this.down = widths.slice(1).map((width, i) => new DownBlock(p.scope(`down${i + 1}`), widths[i], width, normalised));
    this.up = widths.slice(1).map((width, i) => new UpBlock(p.scope(`up${i + 1}`), width, widths[i], normalised));
    this.classifier = new Convolution(p.scope('classifier'), ndf, 4 * (classes + 1), { kernel: 1 });
    if (vgg) this.projected = new ProjectedHeads(p.scope(HEADS), classes, vgg);
  }

  /**
   * @param images [B,H,W,3] in -1..1, H and W divisible by 2^levels
   * @param training takes one power iteration of spectral norm first
   * @returns logits of the classes and, last, of "generated", [B,H,W,classes+1]
   */
  forward(images: tf.Tensor4D, training = false): tf.Tensor4D {
    const [b, h, w] = images.shape;
    const blocks = tf.transpose(tf.reshape(images, [b, h / 2, 2, w / 2, 6]), [0, 1, 3, 2, 4]);
    const levels = [this.stem.apply(tf.reshape(blocks, [b, h / 2, w / 2, 12]), training)];
    for (const block of this.down) levels.push(block.apply(levels[levels.length - 1], training));
    let x = levels[levels.length - 1];
    for (let i = this.up.length - 1; i >= 0; i--) x = this.up[i].apply(x, levels[i], training);
    return blocksToSpace(this.classifier.apply(leakyRelu(x)));
  }

  dispose(): void {
    this.parameters.dispose();
  }
}

/** [B,h,w,in] -> [B,h/2,w/2,out] */
class DownBlock {
  private readonly first: NormedConvolution;
  private readonly second: NormedConvolution;
  private readonly shortcut: NormedConvolution;

  constructor(p: Parameters, cin: number, cout: number, normalised: boolean) {
    this.first = new NormedConvolution(p.scope('conv1'), cin, cout, { kernel: 4, stride: 2, padding: 1 }, normalised);
    this.second = new NormedConvolution(p.scope('conv2'), cout, cout, { kernel: 3, padding: 1 }, normalised);
    this.shortcut = new NormedConvolution(p.scope('shortcut'), cin, cout, { kernel: 1, bias: false }, normalised);
  }

  apply(x: tf.Tensor4D, training: boolean): tf.Tensor4D {
    const y = this.second.apply(leakyRelu(this.first.apply(leakyRelu(x), training)), training);
    return tf.add(y, this.shortcut.apply(tf.avgPool(x, 2, 2, 'valid'), training));
  }
}

/** [B,h,w,in] and what the way down found at twice the size, [B,2h,2w,out] -> [B,2h,2w,out] */
class UpBlock {
  private readonly narrow: NormedConvolution;
  private readonly first: NormedConvolution;
  private readonly second: NormedConvolution;

  constructor(p: Parameters, cin: number, cout: number, normalised: boolean) {
    this.narrow = new NormedConvolution(p.scope('narrow'), cin, cout, { kernel: 1 }, normalised);
    this.first = new NormedConvolution(p.scope('conv1'), cout, cout, { kernel: 3, padding: 1 }, normalised);
    this.second = new NormedConvolution(p.scope('conv2'), cout, cout, { kernel: 3, padding: 1 }, normalised);
  }

  apply(x: tf.Tensor4D, skip: tf.Tensor4D, training: boolean): tf.Tensor4D {
    const sum = tf.add(upsampleNearest2(this.narrow.apply(x, training)), skip) as tf.Tensor4D;
    return tf.add(sum, this.second.apply(leakyRelu(this.first.apply(leakyRelu(sum), training)), training));
  }
}
