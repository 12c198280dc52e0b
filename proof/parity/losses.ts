import { toOriginal } from '../../src/checkpoints/layout';
import type { LabelMap } from '../../src/data/types';
import { LabelPyramid } from '../../src/layers/neighbourhoods/label_pyramid';
import { fakeHinge, generatorHinge, realHinge } from '../../src/losses/adversarial';
import { classScore, localL1 } from '../../src/losses/class_specific';
import { generatorLosses, realSide, stackImages, type LossWeights } from '../../src/losses/generator';
import { l1, totalVariation } from '../../src/losses/pixel';
import type { Discriminator, ScaleOutput } from '../../src/models/discriminator';
import type { LGGAN, LGGANOutput } from '../../src/models/lggan/lggan';
import { gradients } from '../../src/training/gradients';
import * as tf from '../../src/engine/tf';

/** The original's losses by its names, weighted as its log shows them. */
export interface GoldenLosses {
  G: Record<'GAN' | 'TV' | 'GAN_Feat' | 'L1' | 'class' | 'L1_Local' | 'total', number>;
  D: { D_Fake: number; D_real: number };
}

/** The parts of the losses, without their weights, of one of the three images. */
export interface ImageParts {
  G_hinge: number;
  D_fake: number;
  D_real: number;
  TV: number;
  L1: number;
  [featureMatching: `FM_scale${number}`]: number[];
}

export interface LossParts {
  final: ImageParts;
  global: ImageParts;
  local: ImageParts;
  local_L1_per_class: number[];
  class_CE_per_class: number[];
}

/** What a parameter's gradient is told by in the golden files. */
export interface GradientSummary {
  l2: number;
  sum: number;
  absmax: number;
  first4: number[];
}

export interface LossInputs {
  generator: LGGAN;
  discriminator: Discriminator;
  maps: readonly LabelMap[];
  /** [B,H,W,3] in -1..1 */
  images: tf.Tensor4D;
  training: boolean;
}

/** The golden files' names of the weights. */
export function lossWeights(lambdas: Record<string, number>): LossWeights {
  const { lambda_feat, lambda_l1, lambda_class, lambda_tv } = lambdas;
  return { gan: 1, projected: 0, featureMatching: lambda_feat, vgg: 0, l1: lambda_l1, local: lambda_l1, classScore: lambda_class, totalVariation: lambda_tv };
}

/** Names here and there. */
const NAMES = { gan: 'GAN', totalVariation: 'TV', featureMatching: 'GAN_Feat', l1: 'L1', classScore: 'class', local: 'L1_Local' } as const;

/** The losses of a batch, and the largest score a patch gets, which the hinge losses are measured against. */
export function measureLosses({ generator, discriminator, maps, images, training }: LossInputs, weights: LossWeights): GoldenLosses & { patches: number } {
  const labels = generator.prepare(maps);
  const result = {} as GoldenLosses & { patches: number };
  tf.tidy(() => {
    const output = generator.forward(labels, { training });
    const three = stackImages(output);
    const { oneHot } = labels.at(labels.height, labels.width);
    const real = discriminator.forward(oneHot, images);
    const judged = discriminator.forward(oneHot, three);
    const losses = generatorLosses(
      output,
      three,
      labels,
      realSide(images),
      () => ({ fake: { said: judged }, real: { said: real }, oneHot }),
      undefined,
      weights,
      generator.behaviour,
    );
    const entries = Object.entries(NAMES).map(([ours, theirs]) => [theirs, value(losses[ours])] as const);
    result.G = Object.fromEntries([...entries, ['total', value(tf.addN(Object.values(losses)))]]) as GoldenLosses['G'];
    result.D = { D_Fake: 3 * value(fakeHinge(judged)), D_real: 3 * value(realHinge(real)) };
    result.patches = Math.max(...judged.map((layers) => value(tf.max(tf.abs(layers[layers.length - 1])))));
  });
  labels.dispose();
  return result;
}

/** Every part of the losses of one image. */
export function measureParts({ generator, discriminator, maps, images, training }: LossInputs): LossParts {
  const labels = generator.prepare(maps);
  const result = {} as LossParts;
  tf.tidy(() => {
    const output = generator.forward(labels, { training });
    const { oneHot } = labels.at(labels.height, labels.width);
    const real = discriminator.forward(oneHot, images);
    for (const name of ['final', 'global', 'local'] as const) {
      const judged = discriminator.forward(oneHot, output[name]);
      result[name] = {
        G_hinge: value(generatorHinge(judged)),
        D_fake: value(fakeHinge(judged)),
        D_real: value(realHinge(real)),
        TV: value(totalVariation(output[name])),
        L1: value(l1(output[name], images)),
        ...Object.fromEntries(judged.map((layers, s) => [`FM_scale${s}`, layerDistances(layers, real[s])])),
      };
    }
    const choices = generator.behaviour;
    const classes = [...Array(labels.classes).keys()];
    result.local_L1_per_class = classes.map((c) => value(localL1(aloneInClass(c, output, images, labels), images, labels, choices.classMasks)));
    result.class_CE_per_class = classes.map((c) => {
      const only = new LabelPyramid([{ data: Uint8Array.of(c), height: 1, width: 1 }], labels.classes);
      const loss = value(classScore(output.scores, only, choices.classScore));
      only.dispose();
      return loss;
    });
  });
  labels.dispose();
  return result;
}

const layerDistances = (fake: ScaleOutput, real: ScaleOutput) => fake.slice(0, -1).map((f, l) => value(l1(f, real[l])));

/** An output whose local L1 is that of one class: every other class paints what it is compared with. */
function aloneInClass(c: number, output: LGGANOutput, images: tf.Tensor4D, labels: LabelPyramid): LGGANOutput {
  const masks = tf.split(labels.at(labels.height, labels.width).oneHot, labels.classes, 3);
  const painted = masks.map((mask, k) => {
    if (k !== c) return tf.mul(images, masks[k === 27 ? 26 : k]) as tf.Tensor4D;
    return output.perClass[c] ?? tf.add(tf.zerosLike(images), tf.gather(output.constants, c));
  });
  return { ...output, perClass: { ...painted } };
}

/** The gradient of the sum of the generator's losses by every parameter. */
export async function measureGradients(
  { generator, discriminator, maps, images, training }: LossInputs,
  weights: LossWeights,
): Promise<Map<string, GradientSummary>> {
  const labels = generator.prepare(maps);
  const { oneHot } = labels.at(labels.height, labels.width);
  const real = tf.tidy(() => discriminator.forward(oneHot, images));
  const { value: total, gradients: g } = gradients(() => {
    const output = generator.forward(labels, { training });
    const judge = (x: tf.Tensor4D) => ({ fake: { said: discriminator.forward(oneHot, x) }, real: { said: real }, oneHot });
    const losses = generatorLosses(output, stackImages(output), labels, realSide(images), judge, undefined, weights, generator.behaviour);
    return tf.addN(Object.values(losses)) as tf.Scalar;
  }, generator.parameters);
  tf.dispose([total, real]);
  labels.dispose();
  const result = new Map<string, GradientSummary>();
  for (const { name, kind, variable } of generator.parameters.trainable) {
    const data = g[name] ? await toOriginal(kind, g[name]) : new Float32Array(variable.size);
    g[name]?.dispose();
    result.set(name, summary(data));
  }
  return result;
}

function summary(data: Float32Array): GradientSummary {
  let [squares, sum, absmax] = [0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    squares += data[i] * data[i];
    sum += data[i];
    if (!(Math.abs(data[i]) <= absmax)) absmax = Math.abs(data[i]);
  }
  return { l2: Math.sqrt(squares), sum, absmax, first4: Array.from(data.subarray(0, 4)) };
}

const value = (x: tf.Tensor) => x.dataSync()[0];
