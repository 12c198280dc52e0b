import { canCompile, compiled } from '../../engine/compiled';
import * as tf from '../../engine/tf';
import { UserError } from '../../common/errors';
import { behaviour, wholeNumbers, type Behaviour } from '../../common/config';
import { resizeLabels } from '../../data/resize';
import { imagesFromTensor } from '../../data/tensors';
import type { LabelMap, RgbImage, Size } from '../../data/types';
import type { PerClass } from '../../layers/class_specific';
import { Parameters } from '../../layers/core/parameters';
import { seededNoise } from '../../layers/noise';
import { AVERAGE_STYLE, STYLE_SIZE, styleOfImage } from '../../layers/style';
import { LabelPyramid } from '../../layers/neighbourhoods/label_pyramid';
import type { Conditions } from '../../layers/spade_block';
import { checkSize, type LGGANConfig } from './config';
import { FIRST_KERNEL } from './encoder';
import { NOISE_FACTORS } from './global_branch';
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

/** What a painting depends on beside its label map. */
export interface PaintOptions {
  /** With noise inputs: which pattern, a whole number. Default 0. */
  noiseSeed?: number;
  /** With a style: which scene of training lends it, by its number; beyond the last they begin anew. Default: the one laid out most like each map (see `StyleBank`). */
  scene?: number;
  /** With a style: that of this photo, or eight numbers (see `styleOf`), in the place of a scene's. */
  style?: RgbImage | readonly number[];
}

export interface GenerateOptions extends PaintOptions {
  /** Return SAU's weights. Default false. */
  attention?: boolean;
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
   * @throws UserError if a label is not a class or the maps differ in size; for a style that is none, or of a network that has none
   */
  generate(labels: LabelMap | readonly LabelMap[], { attention = false, compiled: once = canCompile(), ...options }: GenerateOptions = {}): Output {
    const maps = 'data' in labels ? [labels] : labels;
    const [height, width] = this.config.imageSize;
    const resized = maps.map((m) => resizeLabels(m, [height, width]));
    const pyramid = this.prepare(resized, { compiled: once });
    try {
      return tf.tidy(() => {
        const conditions = this.conditions(resized, options);
        const output = once ? this.pass(pyramid, attention, conditions) : this.forward(pyramid, { attention, ...conditions });
        return withPerClass(output, pyramid) as Output;
      });
    } finally {
      pyramid.dispose();
    }
  }

  private readonly pass = compiled((labels: LabelPyramid, attention: boolean, conditions: Conditions) => this.forward(labels, { attention, ...conditions }), {
    name: 'generate',
  });

  private conditions(maps: readonly LabelMap[], { noiseSeed = 0, scene, style }: PaintOptions): Conditions {
    wholeNumbers({ noiseSeed, ...(scene !== undefined && { scene }) }, 'generate', 0);
    const styles = this.stylesOf(maps, scene, style);
    return { noise: seededNoise(this.noiseSizes(this.config.imageSize), noiseSeed), ...(styles && { style: tf.tensor2d(styles) }) };
  }

  /** Of each map; undefined for a network without a style. */
  private stylesOf(maps: readonly LabelMap[], scene: number | undefined, asked: PaintOptions['style']): number[][] | undefined {
    const { styles } = this;
    if (!styles) {
      if (asked || scene !== undefined) throw new UserError('generate: this network has no style; leave style and scene out, or train one with `style`.');
      return undefined;
    }
    const style = asked && ('data' in asked ? styleOfImage(asked, this.config.imageSize) : asked);
    if (style && (style.length !== STYLE_SIZE || !style.every(Number.isFinite))) {
      throw new UserError(`generate.style: expected ${STYLE_SIZE} finite numbers or a photo, got ${style.join(', ').slice(0, 80)}`);
    }
    const ofScene = (map: LabelMap) => styles.style(scene ?? styles.near(map) ?? 0) ?? AVERAGE_STYLE;
    return maps.map((map) => [...(style ?? ofScene(map))]);
  }

  /** The sizes of maps at which noise comes in, of a painting of this size; none without noise inputs. */
  noiseSizes([height, width]: Size): Size[] {
    const { noise, branches } = this.config;
    return noise && branches !== 'local' ? NOISE_FACTORS.map((factor): Size => [height / factor, width / factor]) : [];
  }

  /** The final image of each label map, as a picture; one map after the other. */
  async paint(maps: readonly LabelMap[], options: PaintOptions = {}): Promise<RgbImage[]> {
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
