import { canCompile, compiled } from '../../engine/compiled';
import * as tf from '../../engine/tf';
import { UserError } from '../../common/errors';
import { behaviour, type Behaviour } from '../../common/config';
import { resizeImage, resizeLabels } from '../../data/resize';
import { imagesFromTensor } from '../../data/tensors';
import type { LabelMap, RgbImage } from '../../data/types';
import type { PerClass } from '../../layers/class_specific';
import { Parameters } from '../../layers/core/parameters';
import { AVERAGE_STYLE, STYLE_SIZE, styleOfImage } from '../../layers/style';
import { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import type { Conditions } from '../../layers/spade_block';
import { checkSize, type LGGANConfig } from './config';
import { FIRST_KERNEL } from './encoder';
import { StyleBank } from './style_bank';

/** What a generator computes; of a branch that it does not have, nothing. Free it with `tf.dispose`, or call the generator inside `tf.tidy`. */
export interface GeneratorOutput {
  /** The fused image, or that of the only branch, [B,H,W,3] in -1..1. */
  final: tf.Tensor4D;
  /** The image of the global branch, [B,H,W,3] in -1..1. */
  global?: tf.Tensor4D;
  /** The image of the local branch, [B,H,W,3] in -1..1. */
  local?: tf.Tensor4D;
  /** How much of the final image comes from the local (channel 0) and the global branch (channel 1), summing to 1. [B,H,W,2] */
  weights?: tf.Tensor4D;
  /** Local branch: by class index, the images of the classes that stand in the batch, [B,H,W,3] in -1..1. */
  perClass?: PerClass;
  /** Local branch: the colour that a class paints where it is absent, [classes,3] in -1..1. */
  constants?: tf.Tensor2D;
  /** Local branch, in place of `perClass`, where the label maps were prepared for a compiled function: see `ClassSpecificOutput`. */
  inSlots?: tf.Tensor4D;
  /** Local branch: class scores (logits); row r holds what the features of class r look like, [B,classes,classes]. */
  scores?: tf.Tensor3D;
  /** When asked for, with SAU: its weights over the 5x5 window of every pixel, [B,H/2,W/2,25] and [B,H,W,25]. */
  attention?: { local: tf.Tensor4D[]; weights: tf.Tensor4D[] };
}

export interface ForwardOptions extends Conditions {
  /** Statistics of the batch, which also move the running ones. Default false. */
  training?: boolean;
  /** Return SAU's weights. Default false. */
  attention?: boolean;
}

export interface GenerateOptions {
  /** Return SAU's weights. Default false. */
  attention?: boolean;
  /** With noise inputs: which pattern, a whole number 0 .. 2^32 - 1. Default 0. */
  noiseSeed?: number;
  /**
   * With a style: that of this photo, or eight numbers (see `styleOf`). Default: that of a scene of training (see `StyleBank`), which `noiseSeed` chooses if it
   * is given, and is the one laid out most like the map if not.
   */
  style?: RgbImage | readonly number[];
  /** As one call of TensorFlow (docs/compiled.md); false where somebody listens to the layers. Default: where the engine can. */
  compiled?: boolean;
}

/** From label maps to images: what LGGAN and, for the papers' ablation, each of its branches alone have in common. */
export abstract class Generator<Output extends GeneratorOutput = GeneratorOutput> {
  readonly behaviour: Behaviour;
  readonly parameters: Parameters;
  /** Of a network with a style: the scenes of training that lend theirs. */
  readonly styles?: StyleBank;

  /** @param factors the resolutions at which the network wants label maps, see `LabelPyramid` */
  protected constructor(
    readonly config: LGGANConfig,
    private readonly factors: readonly number[],
  ) {
    this.behaviour = behaviour(config.behaviour);
    this.parameters = new Parameters(config.seed);
    if (config.style) this.styles = new StyleBank(this.parameters, config.classes);
  }

  /** The whole network, differentiable in its parameters. */
  abstract forward(labels: LabelPyramid, options?: ForwardOptions): Output;

  /**
   * Images from label maps of any size, which are resized to `imageSize` first (nearest). Evaluation mode; IGNORE pixels have no class.
   * @throws UserError if a label is not a class or the maps differ in size
   */
  generate(labels: LabelMap | readonly LabelMap[], { attention = false, noiseSeed, style, compiled: once = canCompile() }: GenerateOptions = {}): Output {
    const maps = 'data' in labels ? [labels] : labels;
    const [height, width] = this.config.imageSize;
    const resized = maps.map((m) => resizeLabels(m, [height, width]));
    const pyramid = this.prepare(resized, { compiled: once });
    try {
      return tf.tidy(() => {
        const styles = this.stylesFor(resized, noiseSeed, style);
        const output = once ? this.pass(pyramid, attention, noiseSeed ?? 0, styles) : this.forward(pyramid, { attention, noiseSeed, style: styles });
        return withPerClass(output, pyramid) as Output;
      });
    } finally {
      pyramid.dispose();
    }
  }

  /** [B,8]; undefined for a network without a style. */
  private stylesFor(maps: readonly LabelMap[], seed: number | undefined, asked: GenerateOptions['style']): tf.Tensor2D | undefined {
    if (!this.styles) {
      if (asked) throw new UserError('generate.style: this network has no style; leave it out, or train one with `style`.');
      return undefined;
    }
    const style = asked && ('data' in asked ? styleOfImage(resizeImage(asked, this.config.imageSize, 'bicubic')) : asked);
    if (style && (style.length !== STYLE_SIZE || !style.every(Number.isFinite))) {
      throw new UserError(`generate.style: expected ${STYLE_SIZE} numbers, got ${JSON.stringify(style)}`);
    }
    return tf.tensor2d(maps.map((map) => [...(style ?? (seed === undefined ? this.styles?.near(map) : this.styles?.chosenBy(seed)) ?? AVERAGE_STYLE)]));
  }

  private readonly pass = compiled(
    (labels: LabelPyramid, attention: boolean, noiseSeed: number, style?: tf.Tensor2D) => this.forward(labels, { attention, noiseSeed, style }),
    { name: 'generate' },
  );

  /** The final image of each label map, as a picture; one map after the other. */
  async paint(maps: readonly LabelMap[], options: Pick<GenerateOptions, 'noiseSeed' | 'style'> = {}): Promise<RgbImage[]> {
    const images: RgbImage[] = [];
    for (const map of maps) {
      const output = this.generate(map, options);
      images.push(...(await imagesFromTensor(output.final)));
      tf.dispose(output);
    }
    return images;
  }

  /** Label maps made ready for `forward`; the caller disposes of them. Height and width are multiples of 32. `compiled`: for a compiled function. */
  prepare(maps: readonly LabelMap[], { compiled = false } = {}): LabelPyramid {
    if (maps.length) checkSize(maps[0].height, maps[0].width, 'label map');
    const { classes } = this.config;
    // The original compares one class with the pixels of another, which may be absent or not.
    const open = !compiled ? undefined : this.behaviour.classMasks === 'original' ? classes : 0;
    return new LabelPyramid(maps, classes, { factors: this.factors, entryKernel: FIRST_KERNEL, open });
  }

  dispose(): void {
    this.pass.dispose();
    this.parameters.dispose();
  }
}

/** With the images of the classes that are present in place of those of all slots. */
function withPerClass<Output extends GeneratorOutput>({ inSlots, ...output }: Output, { slots, present }: LabelPyramid) {
  if (!inSlots || !slots) return output;
  const image = (c: number) => tf.slice(inSlots, [0, 0, 0, 3 * slots.classes.indexOf(c)], [-1, -1, -1, 3]);
  return { ...output, perClass: Object.fromEntries(present.map((c) => [c, image(c)])) };
}
