import * as tf from '../engine/tf';
import { behaviour, configure, oneOf, wholeNumbers, type Behaviour, type BehaviourOption } from '../common/config';
import { resizeLabels } from '../data/resize';
import type { LabelMap, Size } from '../data/types';
import { UserError } from '../common/errors';
import { leakyRelu, relu, tanh } from '../layers/core/activation';
import { ClassSpecificGenerator, type ClassSpecificOutput, type PerClass } from '../layers/class_specific';
import { Convolution } from '../layers/core/convolution';
import { gatherRows } from '../layers/core/gather_rows';
import { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import { instanceNorm } from '../layers/core/normalisation';
import { Parameters } from '../layers/core/parameters';
import { ResidualBlock } from '../layers/residual_block';
import { SpadeBlock } from '../layers/spade_block';
import { upsampleNearest2 } from '../layers/core/upsample';
import { UPSAMPLINGS, upsampler, type Upsampler, type Upsampling } from '../layers/upsampler';
import { convolveTable } from '../layers/neighbourhoods/window_table';

/** Side of the encoder's first kernel. */
const FIRST_KERNEL = 7;

/** Which branches paint. `both` are fused by learned weights; of one alone the image is the result, as in the papers' ablation. */
export type Branches = 'both' | 'global' | 'local';
export const BRANCHES: readonly Branches[] = ['both', 'global', 'local'];

export interface LGGANConfig {
  /** How many classes a label map can hold. Default 29. */
  classes: number;
  /** Height and width of the images, multiples of 32. `generate` resizes label maps to it. Default [192, 256]. */
  imageSize: Size;
  /** Width of the network: channels of the finest layers. Default 64 (110 M parameters); 16 is a small network. */
  ngf: number;
  /** Channels of SPADE's hidden layer. Default 128, fixed in the original. */
  spadeHidden: number;
  /** Residual blocks of the local branch. Default 9. */
  residualBlocks: number;
  /** Channels that SAU compresses features to before it computes its kernels. Default 64. */
  sauCompressed: number;
  /** How the local branch and the weight maps are upsampled. Default 'sau'. */
  upsampling: Upsampling;
  /**
   * Noise inputs in the global branch (see `NoiseInput`): helps where there are few photos to learn from, and large regions of one class to
   * paint. Default false, as in the papers.
   */
  noise: boolean;
  /**
   * Which branches there are. 'global': the encoder and the SPADE blocks alone. 'local': half of the encoder and the class-specific generator
   * alone. What the other one needs, and the weight maps, are not built then. Default 'both'.
   */
  branches: Branches;
  /** Where to follow the original rather than the papers. Default 'paper'. */
  behaviour: BehaviourOption;
  /** Seed of the initial weights. Default 628. */
  seed: number;
}

export const LGGAN_DEFAULTS: LGGANConfig = {
  classes: 29,
  imageSize: [192, 256],
  ngf: 64,
  spadeHidden: 128,
  residualBlocks: 9,
  sauCompressed: 64,
  upsampling: 'sau',
  noise: false,
  branches: 'both',
  behaviour: 'paper',
  seed: 628,
};

/**
 * What the generator computes; of a branch that was not built, nothing. Tensors: free them with `disposeOutput`, or call the generator inside
 * `tf.tidy`.
 */
export interface LGGANOutput {
  /** The fused image, or that of the only branch, [B,H,W,3] in -1..1. */
  final: tf.Tensor4D;
  /** The image of the global branch, [B,H,W,3] in -1..1. */
  global?: tf.Tensor4D;
  /** The image of the local branch, [B,H,W,3] in -1..1. */
  local?: tf.Tensor4D;
  /** With both: how much of the final image comes from the local (channel 0) and the global branch (channel 1), summing to 1. [B,H,W,2] */
  weights?: tf.Tensor4D;
  /** Local branch: by class index, the images of the classes that stand in the batch, [B,H,W,3] in -1..1. */
  perClass?: PerClass;
  /** Local branch: the colour that a class paints where it is absent, [classes,3] in -1..1. */
  constants?: tf.Tensor2D;
  /** Local branch: class scores (logits); row r holds what the features of class r look like, [B,classes,classes]. */
  scores?: tf.Tensor3D;
  /** When asked for, with SAU: its weights over the 5x5 window of every pixel, [B,H/2,W/2,25] and [B,H,W,25]. */
  attention?: { local: tf.Tensor4D[]; weights: tf.Tensor4D[] };
}

/** What a generator of both branches computes. */
export type WholeOutput = Required<Omit<LGGANOutput, 'attention'>> & Pick<LGGANOutput, 'attention'>;

export interface ForwardOptions {
  /** Statistics of the batch, which also move the running ones. Default false. */
  training?: boolean;
  /** Return SAU's weights. Default false. */
  attention?: boolean;
  /** With noise inputs: which pattern, a whole number 0 .. 2^32 - 1. Default 0, that of training. */
  noiseSeed?: number;
}

interface LocalBranch {
  residualBlocks: ResidualBlock[];
  up: Upsampler[];
  classSpecific: ClassSpecificGenerator;
  scoreWeight: tf.Tensor2D;
  scoreBias: tf.Tensor1D;
}

/**
 * LGGAN (1912.12215) with LGGAN++'s semantic-aware upsampling (2203.00047): from label maps to photos. A SPADE generator paints the
 * whole image (global branch), a class-specific one paints each class apart (local branch), and learned weight maps fuse the two. Either branch
 * can stand alone (`branches`).
 * Parameters carry the original's state-dict names.
 */
export class LGGAN {
  readonly config: LGGANConfig;
  readonly behaviour: Behaviour;
  readonly parameters: Parameters;
  private readonly encoder: Convolution[];
  private readonly global?: { blocks: { block: SpadeBlock; upsampleBefore: boolean }[]; image: Convolution };
  private readonly local?: LocalBranch;
  private readonly fusion?: { up: Upsampler[]; weightMaps: Convolution };

  /** @throws UserError that names the field if one is unknown, ill-typed or out of range */
  constructor(config: Partial<LGGANConfig> = {}) {
    this.config = checked(config);
    this.behaviour = behaviour(this.config.behaviour);
    const { classes, ngf, spadeHidden, branches, seed } = this.config;
    const p = (this.parameters = new Parameters(seed));

    // The local branch starts at a quarter of the size; what lies deeper is for the global one.
    const widths = [classes, ngf, 2 * ngf, 4 * ngf, ...(branches === 'local' ? [] : [8 * ngf, 16 * ngf])];
    this.encoder = widths.slice(1).map((width, i) => {
      const options = i === 0
        ? { kernel: FIRST_KERNEL, padding: (FIRST_KERNEL - 1) / 2, paddingMode: 'reflect' as const }
        : { kernel: 3, stride: 2, padding: 1 };
      return new Convolution(p.scope(`conv${i + 1}`), widths[i], width, options);
    });

    if (branches !== 'local') {
      const block = (name: string, cin: number, cout: number, upsampleBefore: boolean) => ({
        block: new SpadeBlock(p.scope(name), cin * ngf, cout * ngf, classes, spadeHidden, this.behaviour, this.config.noise),
        upsampleBefore,
      });
      const blocks = [
        block('head_0', 16, 16, false),
        block('G_middle_0', 16, 16, true),
        block('G_middle_1', 16, 16, false),
        block('up_0', 16, 8, true),
        block('up_1', 8, 4, true),
        block('up_2', 4, 2, true),
        block('up_3', 2, 1, true),
      ];
      this.global = { blocks, image: new Convolution(p.scope('conv_img'), ngf, 3, { kernel: 3, padding: 1 }) };
    }
    if (branches !== 'global') {
      this.local = {
        residualBlocks: Array.from(
          { length: this.config.residualBlocks },
          (_, i) => new ResidualBlock(p.scope(`resnet_blocks${i + 1}`), 4 * ngf),
        ),
        up: this.upsamplers('local'),
        classSpecific: new ClassSpecificGenerator(p, ngf, classes),
        scoreWeight: p.scope('fc2').dense('weight', [ngf, classes]),
        scoreBias: p.scope('fc2').vector('bias', classes),
      };
    }
    if (branches === 'both') {
      const up = this.upsamplers('attention');
      this.fusion = { up, weightMaps: new Convolution(p.scope('deconv5_attention'), ngf, 2, { kernel: 1 }) };
    }
  }

  /**
   * Images from label maps of any size, which are resized to `imageSize` first (nearest). Evaluation mode; IGNORE pixels have no class.
   * @throws UserError if a label is not a class or the maps differ in size
   */
  generate(labels: LabelMap | readonly LabelMap[], options: Omit<ForwardOptions, 'training'> = {}): LGGANOutput {
    const maps = 'data' in labels ? [labels] : labels;
    const [height, width] = this.config.imageSize;
    const pyramid = this.prepare(maps.map((m) => resizeLabels(m, [height, width])));
    try {
      return tf.tidy(() => this.forward(pyramid, options) as unknown as tf.TensorContainer) as unknown as LGGANOutput;
    } finally {
      pyramid.dispose();
    }
  }

  /** Label maps made ready for `forward`; the caller disposes of them. Height and width are multiples of 32. */
  prepare(maps: readonly LabelMap[]): LabelPyramid {
    if (maps.length) checkSize(maps[0].height, maps[0].width, 'label map');
    return new LabelPyramid(maps, this.config.classes, this.global ? [1, 2, 4, 8, 16, 32] : [1], FIRST_KERNEL);
  }

  /** The whole network, differentiable in its parameters. */
  forward(labels: LabelPyramid, { training = false, attention = false, noiseSeed = 0 }: ForwardOptions = {}): LGGANOutput {
    const [encoded, deepest] = this.encode(labels);
    const global = this.global && this.paintGlobal(this.global, deepest, labels, training, noiseSeed);
    if (!this.local) return { final: global!, global };

    const features = this.localFeatures(this.local, encoded);
    const painted = tf.tidy(
      () => this.local!.classSpecific.apply(features.out, labels) as unknown as tf.TensorContainer,
    ) as unknown as ClassSpecificOutput;
    const { local } = painted;
    const scores = this.classScores(this.local, features.out, labels);
    const output: LGGANOutput = { final: local, global, ...painted, scores };

    const weighing = this.fusion && climb(encoded, this.fusion.up);
    if (global && this.fusion && weighing) {
      const weights = tf.softmax(this.fusion.weightMaps.apply(weighing.out)) as tf.Tensor4D;
      const [localShare, globalShare] = tf.split(weights, 2, 3);
      output.weights = weights;
      output.final = tf.add(tf.mul(localShare, local), tf.mul(globalShare, global)) as tf.Tensor4D;
    }
    if (attention && this.config.upsampling === 'sau') {
      const watch = (ups: Upsampler[], inputs: tf.Tensor4D[]) => ups.map((up, i) => up.attention!(inputs[i]));
      output.attention = {
        local: watch(this.local.up, features.inputs),
        weights: this.fusion && weighing ? watch(this.fusion.up, weighing.inputs) : [],
      };
    }
    return output;
  }

  dispose(): void {
    this.parameters.dispose();
  }

  /** Convolutions, each with instance norm and relu: the features at a quarter of the size and, for the global branch, at a sixteenth. */
  private encode(labels: LabelPyramid): [tf.Tensor4D, tf.Tensor4D] {
    const finish = (convolve: () => tf.Tensor4D) => tf.tidy(() => relu(instanceNorm(convolve())));
    let x = finish(() => this.firstConvolution(labels));
    const outputs = this.encoder.slice(1).map((conv) => (x = finish(() => conv.apply(x))));
    return [outputs[1], outputs[3]];
  }

  /** On labels a convolution depends on the window around a pixel alone, and few of them differ. */
  private firstConvolution(labels: LabelPyramid): tf.Tensor4D {
    const [conv] = this.encoder;
    const { batch, height, width, entry } = labels;
    if (!entry) return conv.apply(labels.at(height, width).oneHot);
    const rows = gatherRows(convolveTable(entry, conv), entry.index);
    return tf.reshape(rows, [batch, height, width, rows.shape[1]]);
  }

  private paintGlobal(
    { blocks, image }: NonNullable<LGGAN['global']>,
    deepest: tf.Tensor4D,
    labels: LabelPyramid,
    training: boolean,
    noiseSeed: number,
  ): tf.Tensor4D {
    // From a sixteenth to a thirty-second: every second pixel is what nearest takes, the mean of 2x2 what bilinear does.
    let x: tf.Tensor4D =
      this.behaviour.encoderResize === 'original'
        ? tf.avgPool(deepest, 2, 2, 'valid')
        : tf.maxPool(deepest, 1, 2, 'valid');
    for (const { block, upsampleBefore } of blocks) {
      x = replace(x, (y) => {
        const input = upsampleBefore ? upsampleNearest2(y) : y;
        return block.apply(input, labels.at(input.shape[1], input.shape[2]), training, noiseSeed);
      });
    }
    return replace(x, (y) => tanh(image.apply(leakyRelu(y))));
  }

  private localFeatures({ residualBlocks, up }: LocalBranch, encoded: tf.Tensor4D) {
    let x = tf.clone(encoded);
    for (const block of residualBlocks) x = replace(x, (y) => block.apply(y));
    return climb(x, up);
  }

  /** Mean over the whole map of the features of each class, through one shared fully connected layer. */
  private classScores({ scoreWeight, scoreBias }: LocalBranch, features: tf.Tensor4D, labels: LabelPyramid): tf.Tensor3D {
    const [b, h, w, c] = features.shape;
    const { classes } = this.config;
    const masks = tf.reshape(labels.at(h, w).oneHot, [b, h * w, classes]) as tf.Tensor3D;
    const sums = tf.matMul(masks, tf.reshape(features, [b, h * w, c]) as tf.Tensor3D, true);
    const means = tf.reshape(tf.div(sums, h * w), [b * classes, c]) as tf.Tensor2D;
    return tf.reshape(tf.add(tf.matMul(means, scoreWeight), scoreBias), [b, classes, classes]);
  }

  private upsamplers(branch: string): Upsampler[] {
    const { ngf, upsampling, sauCompressed } = this.config;
    const make = (name: string, channels: number) =>
      upsampler(upsampling, this.parameters.scope(`${name}_${branch}`), channels, sauCompressed);
    return [make('deconv3', 4 * ngf), make('deconv4', 2 * ngf)];
  }
}

/** The output of a generator of both branches. @throws UserError for one of a branch alone */
export function whole<T extends Pick<LGGANOutput, 'weights' | 'global'>>(output: T): T & WholeOutput {
  if (!output.weights) throw new UserError(`this generator has its ${output.global ? 'global' : 'local'} branch alone; load one of both branches.`);
  return output as T & WholeOutput;
}

/** Frees every tensor of an output. */
export function disposeOutput(output: LGGANOutput): void {
  tf.dispose(output as unknown as tf.TensorContainer);
}

/** f(x), after which x and all that led from it to the result is freed; what a gradient needs has been saved by then. */
function replace(x: tf.Tensor4D, f: (x: tf.Tensor4D) => tf.Tensor4D): tf.Tensor4D {
  const y = tf.tidy(() => f(x));
  x.dispose();
  return y;
}

/** Upsamples, each time with instance norm and relu; also returns what went into each upsampler. */
function climb(x: tf.Tensor4D, ups: Upsampler[]): { out: tf.Tensor4D; inputs: tf.Tensor4D[] } {
  const inputs: tf.Tensor4D[] = [];
  for (const up of ups) {
    inputs.push(x);
    const input = x;
    x = tf.tidy(() => relu(instanceNorm(up.apply(input))));
  }
  return { out: x, inputs };
}

function checked(overrides: Partial<LGGANConfig>): LGGANConfig {
  const config = configure(LGGAN_DEFAULTS, overrides, 'LGGAN');
  const { classes, ngf, spadeHidden, residualBlocks, sauCompressed, imageSize } = config;
  wholeNumbers({ classes, ngf, spadeHidden, sauCompressed }, 'LGGAN');
  wholeNumbers({ residualBlocks }, 'LGGAN', 0);
  if (ngf % 2) throw new UserError(`LGGAN.ngf: expected an even number, got ${ngf}`);
  if (classes > 254) throw new UserError(`LGGAN.classes: a label map of 8 bits holds at most 254 classes, got ${classes}`);
  oneOf(config.upsampling, UPSAMPLINGS, 'LGGAN.upsampling');
  oneOf(config.branches, BRANCHES, 'LGGAN.branches');
  if (imageSize.length !== 2) throw new UserError('LGGAN.imageSize: expected [height, width]');
  checkSize(imageSize[0], imageSize[1], 'LGGAN.imageSize');
  return config;
}

function checkSize(height: number, width: number, what: string): void {
  const fits = (n: number) => Number.isInteger(n) && n > 0 && n % 32 === 0;
  if (!fits(height) || !fits(width)) {
    throw new UserError(`${what}: height and width have to be multiples of 32, got ${height}x${width}`);
  }
}
