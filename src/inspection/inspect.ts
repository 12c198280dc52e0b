import { nearest } from '../common/config';
import { resizeLabels } from '../data/resize';
import type { LabelMap } from '../data/types';
import { UserError } from '../common/errors';
import type { LabelPyramid } from '../layers/neighbourhoods/label_pyramid';
import type { PaintOptions } from '../models/lggan/generator';
import { LGGAN, type LGGANOutput } from '../models/lggan/lggan';
import * as tf from '../engine/tf';

/** The encoder's convolutions, from the finest features to the deepest. */
export const ENCODER_LAYERS = ['conv1', 'conv2', 'conv3', 'conv4', 'conv5'] as const;
export type EncoderName = (typeof ENCODER_LAYERS)[number];

/** The blocks of the global branch, in their order. */
export const SPADE_BLOCKS = ['head_0', 'G_middle_0', 'G_middle_1', 'up_0', 'up_1', 'up_2', 'up_3'] as const;
export type SpadeBlockName = (typeof SPADE_BLOCKS)[number];

/** A SPADE layer: two in every block, a third on the shortcut where the width changes. */
export type SpadeName = `${SpadeBlockName}.norm_${0 | 1}` | `up_${0 | 1 | 2 | 3}.norm_s`;
export const SPADE_LAYERS: readonly SpadeName[] = SPADE_BLOCKS.flatMap((block): SpadeName[] => [
  `${block}.norm_0`,
  `${block}.norm_1`,
  ...(block.startsWith('up') ? [`${block}.norm_s` as SpadeName] : []),
]);

/** What an inspection may keep besides the generator's outputs: `spade` is every SPADE layer, a block's name both or all three of its own. */
export type InspectedPart = 'encoder' | 'attention' | 'spade' | SpadeBlockName | SpadeName;
const PARTS: readonly InspectedPart[] = ['encoder', 'attention', 'spade', ...SPADE_BLOCKS, ...SPADE_LAYERS];

/** All but the large SPADE layers: 65 MB for the full network and a map of 192x256, where everything takes 285 MB. */
export const DEFAULT_PARTS: readonly InspectedPart[] = ['encoder', 'attention', 'head_0', 'G_middle_0', 'G_middle_1', 'up_0'];

/**
 * What the generator computes on the way to its images. H, W are its image size, n is its ngf. Free it with `tf.dispose`.
 * The images, weight maps, images by class and scores are those of `LGGANOutput`, so that its figures take an inspection too.
 */
export interface Inspection extends LGGANOutput {
  /** The label maps at the generator's size, [H,W]. */
  labels: readonly LabelMap[];
  /**
   * Features of the encoder behind instance norm and relu, at least 0: conv1 [B,H,W,n], conv2 [B,H/2,W/2,2n], conv3 [B,H/4,W/4,4n] (from
   * which the local branch and the weight maps start), conv4 [B,H/8,W/8,8n], conv5 [B,H/16,W/16,16n] (from which the global branch starts).
   */
  encoder: Partial<Record<EncoderName, tf.Tensor4D>>;
  /**
   * SPADE's scale and shift, y = norm(x) * (1 + gamma) + beta, each [B,h,w,C] with the size and channels of what the layer normalises:
   * head_0 H/32 and G_middle H/16 with 16n; up_0 H/8, up_1 H/4, up_2 H/2, up_3 H with 16n, 8n, 4n, 2n in norm_0 and norm_s and half of it in norm_1.
   */
  spade: Partial<Record<SpadeName, Modulation>>;
}

export interface Modulation {
  gamma: tf.Tensor4D;
  beta: tf.Tensor4D;
}

/** The four SAUs: two on the way to the local image, two on the way to the weight maps; 1 is at H/2, 2 at H. */
export const SAU_NAMES = ['local 1', 'local 2', 'weights 1', 'weights 2'] as const;
export type SauName = (typeof SAU_NAMES)[number];

export interface InspectOptions extends PaintOptions {
  /** What to keep. Default `DEFAULT_PARTS`. */
  keep?: readonly InspectedPart[];
}

/**
 * Runs the generator on label maps of any size, as `generate` does, and asks its parts what they compute on the way: the images are those of
 * `generate`, bit for bit.
 * @throws UserError if a part is unknown, or for what `generate` refuses
 */
export function inspect(generator: LGGAN, labels: LabelMap | readonly LabelMap[], { keep = DEFAULT_PARTS, ...options }: InspectOptions = {}): Inspection {
  checkParts(keep);
  const [height, width] = generator.config.imageSize;
  const maps = ('data' in labels ? [labels] : labels).map((m) => resizeLabels(m, [height, width]));
  const output = generator.generate(maps, { ...options, attention: keep.includes('attention') });
  const pyramid = generator.prepare(maps);
  try {
    return { ...output, labels: maps, encoder: encoderFeatures(generator, pyramid, keep), spade: modulations(generator, pyramid, keep) };
  } finally {
    pyramid.dispose();
  }
}

function encoderFeatures({ encoder }: LGGAN, labels: LabelPyramid, keep: readonly InspectedPart[]): Inspection['encoder'] {
  if (!keep.includes('encoder')) return {};
  const features = tf.tidy(() => encoder.features(labels));
  return Object.fromEntries(ENCODER_LAYERS.map((name, i) => [name, features[i]]));
}

/** They depend on the label map alone. */
function modulations({ global }: LGGAN, labels: LabelPyramid, keep: readonly InspectedPart[]): Inspection['spade'] {
  const kept: Inspection['spade'] = {};
  let factor = 32;
  for (const { name: blockName, block, upsampleBefore } of global.blocks) {
    if (upsampleBefore) factor /= 2;
    const level = labels.at(labels.height / factor, labels.width / factor);
    for (const [layer, spade] of Object.entries(block.spades)) {
      const name = `${blockName}.${layer}` as SpadeName;
      const wanted = [name, blockName, 'spade'].some((part) => keep.includes(part as InspectedPart));
      if (wanted) kept[name] = tf.tidy(() => spade.modulation(level));
    }
  }
  return kept;
}

/**
 * A generator of the same configuration with the weights that training began with: what a measure is at initialisation. The caller
 * disposes of it.
 */
export function untrained(generator: LGGAN): LGGAN {
  return new LGGAN(generator.config);
}

/**
 * SAU's weights by name, [B,H/2,W/2,25] and [B,H,W,25]: tap ky*5 + kx over the window of the nearest-upsampled features, summing to 1.
 * @throws UserError where the output holds none
 */
export function sauAttention({ attention }: Pick<LGGANOutput, 'attention'>): Record<SauName, tf.Tensor4D> {
  if (!attention) {
    throw new UserError("SAU's weights are missing: ask for them ({ attention: true }), of a generator whose upsampling is 'sau'.");
  }
  const [local, weights] = [attention.local, attention.weights];
  return { 'local 1': local[0], 'local 2': local[1], 'weights 1': weights[0], 'weights 2': weights[1] };
}

function checkParts(keep: readonly InspectedPart[]): void {
  for (const part of keep) {
    if (PARTS.includes(part)) continue;
    const meant = nearest(part, PARTS);
    throw new UserError(`an inspection keeps no part '${part}'${meant ? `; did you mean '${meant}'?` : `; there are ${PARTS.join(', ')}`}`);
  }
}
