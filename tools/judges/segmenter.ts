import { assignParameters, checkParameters, saveParameters } from '../../src/checkpoints/parameters';
import { readTensors } from '../../src/checkpoints/safetensors';
import { configure, wholeNumbers } from '../../src/common/config';
import { resizeImage } from '../../src/data/resize';
import type { LabelMap, RgbImage, Size } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { relu } from '../../src/layers/core/activation';
import { Convolution } from '../../src/layers/core/convolution';
import { BatchNorm } from '../../src/layers/core/normalisation';
import { Parameters, withoutDrawing, type Init } from '../../src/layers/core/parameters';
import { upsampleNearest2 } from '../../src/layers/core/upsample';
import * as tf from '../../src/engine/tf';
import type { FeatureNetwork } from './feature_network';
import { normalised } from '../../src/data/tensors';

export interface SegmenterConfig {
  /** Classes of the label maps. Default 29. */
  classes: number;
  /**
   * Height and width the network works at, multiples of `block` times 2^(levels - 1); images of other sizes are brought to it. Default [96, 128].
   */
  imageSize: Size;
  /** Blocks of so many pixels a side go in as one with many channels; logits are at that fraction of the size. Default 2. */
  block: number;
  /** Levels, each at half the size of the one before. Default 3. */
  levels: number;
  /** Channels of the first level; twice as many at each of the others, up to `widest`. Default 32. */
  features: number;
  /** Most channels of a level. Default 256. */
  widest: number;
  /** Of the first weights. Default 628. */
  seed: number;
}

export const SEGMENTER_DEFAULTS: SegmenterConfig = { classes: 29, imageSize: [96, 128], block: 2, levels: 3, features: 32, widest: 256, seed: 628 };

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
 * accuracy: one that comes with the project was trained on thousands of photographs (`trainJudge`, `CarriedJudge`); one
 * trained on the real pairs of a set at hand (`trainSegmenter`) gives numbers that compare only within that set.
 *
 * Blocks of pixels go in as channels (2x2 as 12); by default three levels, 1/2 to 1/8 of the size; the mean over the
 * coarsest is added to each of its pixels, so that a patch of blue knows whether there is a coast in the picture.
 * Classes are decided at full size from the logits, enlarged bilinearly.
 */
export class Segmenter {
  readonly config: SegmenterConfig;
  readonly parameters: Parameters;
  /** What it was trained on, for tables; set by `trainSegmenter`. */
  trainedOn = 'untrained';
  /** The classes that it has seen enough of, where whoever trained it says so: it can judge no other. */
  learnt?: readonly number[];
  private readonly channels: readonly number[];
  private readonly stem: Block;
  private readonly down: Block[][];
  private readonly context: Convolution;
  private readonly narrow: Convolution[];
  private readonly up: Block[];
  private readonly classifier: Convolution;

  constructor(config: Partial<SegmenterConfig> = {}) {
    this.config = configure(SEGMENTER_DEFAULTS, config, 'segmenter');
    const { classes, imageSize, block, levels, features, widest, seed } = this.config;
    if (imageSize.length !== 2) throw new UserError(`segmenter.imageSize: expected height and width, got [${imageSize}].`);
    const [height, width] = imageSize;
    wholeNumbers({ classes, block, levels, features, widest, height, width }, 'segmenter');
    const multiple = block * 2 ** (levels - 1);
    if (height % multiple || width % multiple) throw new UserError(`segmenter.imageSize: ${height}x${width} has to be multiples of ${multiple}.`);
    const p = (this.parameters = new Parameters(seed));
    const make = (name: string, cin: number, cout: number, stride = 1) => new Block(p.scope(name), cin, cout, stride);
    const c = (this.channels = Array.from({ length: levels }, (_, i) => Math.min(features * 2 ** i, widest)));
    this.stem = make('stem', 3 * block * block, c[0]);
    this.down = c.map((n, i) => (i ? [make(`down${i + 1}a`, c[i - 1], n, 2), make(`down${i + 1}b`, n, n)] : [make('down1', n, n)]));
    const last = c[levels - 1];
    this.context = new Convolution(p.scope('context'), last, last, { kernel: 1, init: he(1, last) });
    const upwards = c.slice(0, -1).map((_, i) => levels - 2 - i);
    this.narrow = upwards.map((i) => new Convolution(p.scope(`narrow${i + 1}`), c[i + 1], c[i], { kernel: 1, init: he(1, c[i + 1]) }));
    this.up = upwards.map((i) => make(`up${i + 1}`, c[i], c[i]));
    this.classifier = new Convolution(p.scope('classifier'), c[0], classes, { kernel: 1, init: he(1, c[0]) });
  }

  /** Architecture, size and training set, for tables. */
  get name(): string {
    const { classes, features, imageSize } = this.config;
    return `own U-Net (${features} channels, ${imageSize.join('x')}, ${classes} classes; ${this.trainedOn})`;
  }

  /** x [B,H,W,3] in [-1, 1], H and W multiples as those of the configuration -> logits [B,H/block,W/block,classes]. */
  logits(x: tf.Tensor4D, training = false): tf.Tensor4D {
    const levels = this.encode(x, training);
    let y = levels[levels.length - 1];
    this.up.forEach((block, i) => {
      y = block.apply(tf.add(upsampleNearest2(this.narrow[i].apply(y)), levels[levels.length - 2 - i]), training);
    });
    return this.classifier.apply(y);
  }

  /** The levels of the way down, the last with its context. */
  private encode(x: tf.Tensor4D, training: boolean): tf.Tensor4D[] {
    const [b, h, w] = x.shape;
    const n = this.config.block;
    // [.., h/n, n, w/n, n * 3] -> the channels of each block of n x n pixels.
    const blocks = tf.transpose(tf.reshape(x, [b, h / n, n, w / n, 3 * n]), [0, 1, 3, 2, 4]);
    let y = this.stem.apply(tf.reshape(blocks, [b, h / n, w / n, 3 * n * n]), training);
    const levels = this.down.map((level) => (y = level.reduce((z, block) => block.apply(z, training), y)));
    const mean = tf.mean(y, [1, 2], true) as tf.Tensor4D;
    levels[levels.length - 1] = tf.add(y, relu(this.context.apply(mean)));
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
      name: `bottleneck of the ${this.name}, not Inception's`,
      canonical: false,
      dimensions: this.channels[this.channels.length - 1],
      features: (images) => tf.tidy(() => tf.mean(this.encode(this.prepare(images), false).pop()!, [1, 2])),
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

  /** Writes configuration and parameters to a `.safetensors` file, in half precision where asked. */
  async save(file: string, options: { half?: boolean } = {}): Promise<void> {
    const { config, trainedOn, learnt } = this;
    await saveParameters(file, this.parameters, { segmenter: JSON.stringify(config), trainedOn, ...(learnt && { learnt: JSON.stringify(learnt) }) }, options);
  }

  /** Reads what `save` wrote; throws a UserError that names the file if it is something else. */
  static async load(file: string): Promise<Segmenter> {
    const { tensors, metadata } = await readTensors(file);
    let config: Partial<SegmenterConfig>;
    let learnt: number[] | undefined;
    try {
      config = JSON.parse(metadata.segmenter) as Partial<SegmenterConfig>;
      if (metadata.learnt !== undefined) learnt = JSON.parse(metadata.learnt) as number[];
    } catch {
      throw new UserError(`${file} is not a segmenter of this project; train one anew.`);
    }
    const segmenter = withoutDrawing(() => new Segmenter(config));
    try {
      checkParameters(file, tensors, segmenter.parameters);
      assignParameters(tensors, segmenter.parameters);
    } catch (e) {
      segmenter.dispose();
      throw e;
    }
    segmenter.trainedOn = metadata.trainedOn ?? 'unknown';
    segmenter.learnt = learnt;
    return segmenter;
  }

  dispose(): void {
    this.parameters.dispose();
  }
}
