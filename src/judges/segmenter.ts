import { assignParameters, checkParameters, saveParameters } from '../checkpoints/parameters';
import { readTensors } from '../checkpoints/safetensors';
import { configure, wholeNumbers } from '../common/config';
import { resizeImage } from '../data/resize';
import type { LabelMap, RgbImage, Size } from '../data/types';
import { UserError } from '../common/errors';
import { relu } from '../layers/core/activation';
import { Convolution } from '../layers/core/convolution';
import { BatchNorm } from '../layers/core/normalisation';
import { Parameters, type Init } from '../layers/core/parameters';
import { upsampleNearest2 } from '../layers/core/upsample';
import * as tf from '../engine/tf';
import type { FeatureNetwork } from './feature_network';
import { normalised } from '../data/tensors';

export interface SegmenterConfig {
  /** Classes of the label maps. Default 29. */
  classes: number;
  /**
   * Height and width the network works at, multiples of 8; images of other sizes are brought to it. Default [96, 128].
   */
  imageSize: Size;
  /** Channels at half the size; twice and four times as many at a quarter and an eighth. Default 32. */
  features: number;
  /** Of the first weights. Default 628. */
  seed: number;
}

export const SEGMENTER_DEFAULTS: SegmenterConfig = { classes: 29, imageSize: [96, 128], features: 32, seed: 628 };

/** He et al. 2015, for rectifiers: sqrt(2 / fan_in). */
const he = (kernel: number, cin: number): Init => ({ kind: 'normal', std: Math.sqrt(2 / (kernel * kernel * cin)) });

/** Convolution 3x3, batch norm, bias, rectifier. */
class Block {
  private readonly convolution: Convolution;
  private readonly norm: BatchNorm;
  private readonly bias: tf.Tensor1D;

  constructor(p: Parameters, cin: number, cout: number, stride = 1) {
    this.convolution = new Convolution(p.scope('conv'), cin, cout, {
      kernel: 3,
      padding: 1,
      stride,
      bias: false,
      init: he(3, cin),
    });
    this.norm = new BatchNorm(p.scope('norm'), cout, 'paper');
    this.bias = p.vector('bias', cout);
  }

  apply(x: tf.Tensor4D, training: boolean): tf.Tensor4D {
    return relu(tf.add(this.norm.apply(this.convolution.apply(x), training), this.bias));
  }
}

/**
 * A small U-Net (Ronneberger et al. 2015) that gives each pixel a class; on the way up the levels are added, as in
 * LinkNet (Chaurasia and Culurciello 2017), which costs half of joining them. It is the project's own judge of mask
 * accuracy: trained on the real pairs of the data set at hand (`trainSegmenter`), so its numbers compare only within
 * that set, with its ceiling and floor beside them.
 *
 * Blocks of 2x2 pixels go in as 12 channels; three levels, 1/2 to 1/8 of the size; the mean over the coarsest is added
 * to each of its pixels, so that a patch of blue knows whether there is a coast in the picture. Classes are decided at
 * full size from logits at half of it, enlarged bilinearly.
 */
export class Segmenter {
  readonly config: SegmenterConfig;
  readonly parameters: Parameters;
  /** What it was trained on, for tables; set by `trainSegmenter`. */
  trainedOn = 'untrained';
  private readonly stem: Block;
  private readonly down: Block[];
  private readonly context: Convolution;
  private readonly narrow: Convolution[];
  private readonly up: Block[];
  private readonly classifier: Convolution;

  constructor(config: Partial<SegmenterConfig> = {}) {
    this.config = configure(SEGMENTER_DEFAULTS, config, 'segmenter');
    const { classes, imageSize, features: f, seed } = this.config;
    if (imageSize.length !== 2) throw new UserError(`segmenter.imageSize: expected height and width, got [${imageSize}].`);
    const [height, width] = imageSize;
    wholeNumbers({ classes, features: f, height, width }, 'segmenter');
    if (height % 8 || width % 8) throw new UserError(`segmenter.imageSize: ${height}x${width} has to be multiples of 8.`);
    const p = (this.parameters = new Parameters(seed));
    const block = (name: string, cin: number, cout: number, stride = 1) => new Block(p.scope(name), cin, cout, stride);
    this.stem = new Block(p.scope('stem'), 12, f);
    this.down = [
      block('down1', f, f),
      block('down2a', f, 2 * f, 2),
      block('down2b', 2 * f, 2 * f),
      block('down3a', 2 * f, 4 * f, 2),
      block('down3b', 4 * f, 4 * f),
    ];
    this.context = new Convolution(p.scope('context'), 4 * f, 4 * f, { kernel: 1, init: he(1, 4 * f) });
    this.narrow = [2 * f, f].map((c, i) => new Convolution(p.scope(`narrow${2 - i}`), 2 * c, c, { kernel: 1, init: he(1, 2 * c) }));
    this.up = [2 * f, f].map((c, i) => block(`up${2 - i}`, c, c));
    this.classifier = new Convolution(p.scope('classifier'), f, classes, { kernel: 1, init: he(1, f) });
  }

  /** Architecture, size and training set, for tables. */
  get name(): string {
    const { classes, features, imageSize } = this.config;
    return `own U-Net (${features} channels, ${imageSize.join('x')}, ${classes} classes; ${this.trainedOn})`;
  }

  /** x [B,H,W,3] in [-1, 1], H and W of the configuration -> logits [B,H/2,W/2,classes]. */
  logits(x: tf.Tensor4D, training = false): tf.Tensor4D {
    const levels = this.encode(x, training);
    let y = levels[2];
    this.up.forEach((block, i) => {
      y = block.apply(tf.add(upsampleNearest2(this.narrow[i].apply(y)), levels[1 - i]), training);
    });
    return this.classifier.apply(y);
  }

  /** The three levels of the way down, the last with its context. */
  private encode(x: tf.Tensor4D, training: boolean): tf.Tensor4D[] {
    const [b, h, w] = x.shape;
    // [.., h/2, 2, w/2, 2 * 3] -> 12 channels of each 2x2 block.
    const blocks = tf.transpose(tf.reshape(x, [b, h / 2, 2, w / 2, 6]), [0, 1, 3, 2, 4]);
    const stem = this.stem.apply(tf.reshape(blocks, [b, h / 2, w / 2, 12]), training);
    const levels: tf.Tensor4D[] = [this.down[0].apply(stem, training)];
    for (let i = 0; i < 2; i++) {
      levels.push(this.down[2 * i + 2].apply(this.down[2 * i + 1].apply(levels[i], training), training));
    }
    const mean = tf.mean(levels[2], [1, 2], true) as tf.Tensor4D;
    levels[2] = tf.add(levels[2], relu(this.context.apply(mean)));
    return levels;
  }

  /** The class of each pixel, at the network's size. */
  segment(images: readonly RgbImage[]): LabelMap[] {
    if (images.length === 0) return [];
    const [height, width] = this.config.imageSize;
    const classes = tf.tidy(() => tf.argMax(tf.image.resizeBilinear(this.logits(this.prepare(images)), [height, width], false, true), 3));
    const data = Uint8Array.from(classes.dataSync());
    classes.dispose();
    return images.map((_, i) => ({ data: data.slice(i * height * width, (i + 1) * height * width), height, width }));
  }

  /**
   * Means over the coarsest level, for FID and KID where the canonical network is missing. Shares this segmenter's
   * parameters.
   */
  featureNetwork(): FeatureNetwork {
    return {
      name: `bottleneck of the ${this.name}`,
      canonical: false,
      dimensions: 4 * this.config.features,
      features: (images) => tf.tidy(() => tf.mean(this.encode(this.prepare(images), false)[2], [1, 2])),
      dispose: () => undefined,
    };
  }

  /** Images of any size -> [B,H,W,3] in [-1, 1]. */
  private prepare(images: readonly RgbImage[]): tf.Tensor4D {
    const [height, width] = this.config.imageSize;
    const resized = images.map((image) => {
      const { data } = image.height === height && image.width === width ? image : resizeImage(image, [height, width]);
      return tf.tensor3d(data, [height, width, 3], 'int32');
    });
    return normalised(tf.stack(resized) as tf.Tensor4D);
  }

  /** Writes configuration and parameters to a `.safetensors` file. */
  async save(file: string): Promise<void> {
    await saveParameters(file, this.parameters, { segmenter: JSON.stringify(this.config), trainedOn: this.trainedOn });
  }

  /** Reads what `save` wrote; throws a UserError that names the file if it is something else. */
  static async load(file: string): Promise<Segmenter> {
    const { tensors, metadata } = await readTensors(file);
    let config: Partial<SegmenterConfig>;
    try {
      config = JSON.parse(metadata.segmenter) as Partial<SegmenterConfig>;
    } catch {
      throw new UserError(`${file} is not a segmenter of this project; train one anew.`);
    }
    const segmenter = new Segmenter(config);
    try {
      checkParameters(file, tensors, segmenter.parameters);
      assignParameters(tensors, segmenter.parameters);
    } catch (e) {
      segmenter.dispose();
      throw e;
    }
    segmenter.trainedOn = metadata.trainedOn ?? 'unknown';
    return segmenter;
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
