import { UserError } from '../../src/common/errors';
import type { LabelMap } from '../../src/data/types';
import * as tf from '../../src/engine/tf';
import { compareNumber } from './compare';
import { exactGradients } from './exact';
import { imageBatch, labelMaps } from './folder';
import {
  lossWeights,
  measureGradients,
  measureLosses,
  measureParts,
  type GoldenLosses,
  type GradientSummary,
  type ImageParts,
  type LossInputs,
  type LossParts,
} from './losses';
import { ROUNDINGS } from './generator_parity';
import { freshStatistics, type GoldenNetworks } from './networks';
import type { Row, Section } from './row';

/** `losses_batch2_train`, `loss_parts_sparse_labels(label mod 7)` and the like. */
const LOSSES = /^losses_batch(\d+)_(eval|train|bn_eval_with_grad)(?:_sparse_labels\(label mod (\d+)\))?$/;
const PARTS = /^loss_parts(?:_sparse_labels\(label mod (\d+)\))?$/;
const GRADIENTS = /^grad_total_G_loss_batch(\d+)_(bn_eval|train)$/;

/** Values of the losses and of their parts, in NAME.json, for the label maps and images of NAME.npz. */
export function lossSections(networks: GoldenNetworks, name: string): Section[] {
  const { folder } = networks;
  const document = folder.document(name);
  const keys = Object.keys(document);
  const tolerances = folder.tolerances(name).losses;
  const sections: Section[] = [];
  const section = (title: string): Section => {
    const created: Section = { title: `${title} (${name})`, reference: folder.upstream, rows: [], notes: [] };
    sections.push(created);
    return created;
  };

  const totals = keys.filter((key) => LOSSES.test(key));
  if (totals.length) {
    const { rows } = section('losses');
    for (const key of totals) {
      const [, batch, mode, modulus] = LOSSES.exec(key)!;
      const expected = document[key] as GoldenLosses;
      const ours = withInputs(networks, name, Number(batch), Number(modulus ?? 0), mode === 'train', (inputs) =>
        measureLosses(inputs, weightsOf(networks, name)),
      );
      for (const side of ['G', 'D'] as const) {
        const reference = expected[side] as unknown as Record<string, number>;
        for (const loss of Object.keys(reference).filter((k) => typeof reference[k] === 'number')) {
          // A hinge loss is a difference of patches that nearly cancel: its error is measured against the largest patch.
          const isHinge = loss === 'GAN';
          rows.push(
            compareNumber(`${key} ${loss}`, (ours[side] as unknown as Record<string, number>)[loss], reference[loss], {
              tolerance: 4 * (tolerances[key]?.[`${side}.${loss}`] ?? 0),
              ...(isHinge && { scale: Math.max(ours.patches, Math.abs(reference[loss])), note: 'measured against the largest score of a patch' }),
            }),
          );
        }
      }
    }
  }

  const parts = keys.filter((key) => PARTS.test(key));
  if (parts.length) {
    const { rows } = section('parts of the losses');
    for (const key of parts) {
      const modulus = Number(PARTS.exec(key)![1] ?? 0);
      for (const [mode, expected] of Object.entries(document[key] as Record<string, LossParts>)) {
        const ours = withInputs(networks, name, 1, modulus, mode === 'train', measureParts);
        rows.push(...partRows(`${key} ${mode}`, ours, expected, mode === 'train'));
      }
    }
  }
  return sections;
}

function partRows(where: string, ours: LossParts, expected: LossParts, training: boolean): Row[] {
  const rows: Row[] = [];
  for (const image of ['final', 'global', 'local'] as const) {
    for (const [part, reference] of Object.entries(expected[image])) {
      const actual = ours[image][part as keyof ImageParts] as number | number[];
      // The hinge of the generator nearly cancels over the patches, whose scores are of the order of 0.5.
      // In training mode two builds of the original differ by 6e-4 in the global image, and the discriminator's features of it likewise.
      const options = {
        group: `${where} ${image}`,
        relative: training ? 4e-4 : undefined,
        ...(part === 'G_hinge' && { scale: 0.5, note: 'measured against scores of 0.5' }),
      };
      const list = Array.isArray(reference) ? reference : [reference];
      list.forEach((value: number, i) => {
        const label = `${where} ${image} ${part}${Array.isArray(reference) ? ` layer ${i}` : ''}`;
        rows.push(compareNumber(label, Array.isArray(actual) ? actual[i] : actual, value, options));
      });
    }
  }
  for (const part of ['local_L1_per_class', 'class_CE_per_class'] as const) {
    expected[part]?.forEach((value, c) => {
      // The original adds up a class's 18432 differences in float32, and loses up to 2.4e-4 of the sum.
      const relative = part === 'local_L1_per_class' ? 4e-4 : undefined;
      rows.push(compareNumber(`${where} ${part} ${c}`, ours[part][c], value, { group: `${where} ${part}`, relative }));
    });
  }
  return rows;
}

/**
 * The gradient of the sum of the generator's losses by every parameter: length, sum, largest element and first four, each as a fraction
 * of its own scale; a row holds the worst of the four. `modes`: of batch norm.
 */
export async function gradientSections(networks: GoldenNetworks, name: string, modes = ['bn_eval', 'train']): Promise<Section[]> {
  const { folder } = networks;
  const document = folder.document(name);
  const sections: Section[] = [];
  for (const key of Object.keys(document).filter((k) => GRADIENTS.test(k))) {
    const [, batch, mode] = GRADIENTS.exec(key)!;
    if (!modes.includes(mode)) continue;
    const expected = document[key] as Record<string, GradientSummary>;
    const tolerances = folder.tolerances(name).gradients[key] ?? {};
    const measure = () => withInputs(networks, name, Number(batch), 0, mode === 'train', (inputs) => measureGradients(inputs, weightsOf(networks, name)));
    const ours = await measure();
    const limits = mode === 'train' ? IN_TRAINING : IN_FLOAT32;
    const title = `gradients of the generator's losses, batch norm in ${mode === 'train' ? 'training' : 'evaluation'} mode`;
    const section: Section = { title: `${title} (${name})`, reference: folder.upstream, rows: gradientRows(ours, expected, tolerances, limits), notes: [] };
    sections.push(section);
    if (section.rows.some((row) => row.error > row.limit!)) {
      networks.fill(true);
      const nudged = await measure();
      networks.fill(false);
      section.rows = gradientRows(ours, expected, tolerances, limits, nudged);
      section.notes.push(`Limits are at least ${ROUNDINGS} times what the last bit of the weights moves a gradient by.`);
    }

    const label = folder.arrays(name).get('in/label')!;
    const exact = exactGradients(folder.formula, labelMaps(label, folder.file(`${name}.npz`), networks.generator.config.classes));
    if (!exact || mode === 'train') continue;
    const [theirs] = gradientRows(new Map(Object.entries(expected)), exact, {}, IN_FLOAT64);
    sections.push({
      title: `${title}, in float64 (${name})`,
      reference: 'PyTorch in float64 (proof/parity/float64.py)',
      rows: gradientRows(ours, exact, {}, IN_FLOAT64),
      notes: [`The original's own gradients stand ${theirs.error.toExponential(1)} from these in the median: its sums are in float32.`],
    });
  }
  return sections;
}

/** What is allowed of a gradient's own scale, and in the median over the parameters. */
interface GradientLimits {
  each: number;
  median: number;
}

/**
 * Float32 sums of the original stand up to 2.6e-3 from float64; a leaky relu that falls on the other side moves single gradients by up to 5e-3.
 * The median is the sharper measure.
 */
const IN_FLOAT32: GradientLimits = { each: 1e-2, median: 5e-4 };
/** Ours alone; the largest are those on either side of such a kink, and biases whose gradient is zero but for rounding. */
const IN_FLOAT64: GradientLimits = { each: 5e-3, median: 2e-5 };
/** In training mode gradients pass through the statistics of 2x3 pixels: two builds of the original differ by up to 0.2 in a length. */
const IN_TRAINING: GradientLimits = { each: 0.3, median: 2e-2 };

/** Rows of gradients, the first of which is their median. `nudged`: ours with the last bit of the weights moved, where that is known. */
export function gradientRows(
  ours: ReadonlyMap<string, GradientSummary>,
  expected: Record<string, GradientSummary>,
  tolerances: Record<string, number>,
  limits: GradientLimits,
  nudged?: ReadonlyMap<string, GradientSummary>,
): Row[] {
  const rows: Row[] = [];
  for (const [name, reference] of Object.entries(expected)) {
    const actual = ours.get(name);
    if (!actual) {
      // The original's `fc` is used by nothing and has no gradient.
      if (reference.absmax === 0) continue;
      rows.push({ quantity: name, reference: reference.l2, ours: '-', scale: 1, error: NaN, limit: limits.each, note: 'not computed' });
      continue;
    }
    const layer = expected[name.replace(/bias$/, 'weight')] ?? expected[name.replace(/bias$/, 'weight_orig')] ?? reference;
    const [which, error] = difference(actual, reference, layer);
    const rounding = nudged ? ROUNDINGS * difference(nudged.get(name)!, actual, layer)[1] : 0;
    rows.push({
      quantity: name,
      reference: reference.l2,
      ours: actual.l2,
      scale: 1,
      error,
      limit: Math.max(limits.each, 4 * (tolerances[name] ?? 0), rounding),
      group: 'gradients',
      note: `${which}, of its own scale`,
    });
  }
  const errors = rows.map((r) => r.error).sort((a, b) => a - b);
  const median = errors[errors.length >> 1] ?? NaN;
  const quantity = `median of ${errors.length} gradients`;
  return [{ quantity, reference: '-', ours: '-', scale: 1, error: median, limit: limits.median }, ...rows];
}

/** The worst of four measures, each a fraction of the reference's own. `layer`: the gradient of the weights of the same layer. */
function difference(actual: GradientSummary, reference: GradientSummary, layer: GradientSummary): [measure: string, error: number] {
  // A bias in front of an instance norm has no gradient; what is left is rounding of its layer's, hence measured against that.
  const l2 = Math.max(reference.l2, 1e-2 * layer.l2);
  const absmax = Math.max(reference.absmax, 1e-2 * layer.absmax);
  // By Cauchy and Schwarz a sum of n elements is at most sqrt(n) times their length.
  const sum = Math.max(Math.abs(reference.sum), l2 * Math.sqrt(leastSize(reference)));
  const fraction = (error: number, scale: number) => (error === 0 ? 0 : error / scale);
  const measures: [string, number][] = [
    ['length', fraction(Math.abs(actual.l2 - reference.l2), l2)],
    ['sum', fraction(Math.abs(actual.sum - reference.sum), sum)],
    ['largest element', fraction(Math.abs(actual.absmax - reference.absmax), absmax)],
    ['first elements', fraction(Math.max(...reference.first4.map((v, i) => Math.abs(v - actual.first4[i]))), absmax)],
  ];
  return measures.reduce((worst, m) => (m[1] <= worst[1] ? worst : m));
}

/** The least number of elements that explains a gradient's length and largest element. */
const leastSize = ({ l2, absmax }: GradientSummary) => Math.max(1, (l2 / absmax) ** 2 || 1);

function weightsOf({ folder }: GoldenNetworks, name: string) {
  const { lambdas } = folder.document(name);
  const names = ['lambda_feat', 'lambda_l1', 'lambda_class', 'lambda_tv'];
  const bad = names.find((n) => !Number.isFinite((lambdas as Record<string, number> | undefined)?.[n]));
  if (bad) throw new UserError(`${folder.file(`${name}.json`)}: lambdas holds no number ${bad}; losses cannot be compared without their weights.`);
  return lossWeights(lambdas as Record<string, number>);
}

/**
 * Calls `measure` with the first `batch` label maps and images of NAME.npz; where it holds fewer, map b is (label + 7 b) mod classes of the
 * first, as in the golden files. `modulus`: few classes, label mod modulus.
 */
function withInputs<T>(networks: GoldenNetworks, name: string, batch: number, modulus: number, training: boolean, measure: (inputs: LossInputs) => T): T {
  const { folder, generator, discriminator } = networks;
  const where = folder.file(`${name}.npz`);
  const [label, image] = ['in/label', 'in/image'].map((key) => folder.arrays(name).get(key));
  if (!label || !image) throw new UserError(`${where}: there is no in/${label ? 'image' : 'label'} in it; losses cannot be compared without.`);
  const { classes } = generator.config;
  const stored = labelMaps(label, where, classes);
  const maps: LabelMap[] = Array.from({ length: batch }, (_, b) => {
    const map = stored[b] ?? { ...stored[0], data: stored[0].data.map((v) => (v + 7 * b) % classes) };
    return modulus ? { ...map, data: map.data.map((v) => v % modulus) } : map;
  });
  const images = tf.tidy(() => {
    const whole = imageBatch(image, where, image.shape.length === 4 && image.shape[0] > 1 ? stored : maps);
    return tf.transpose(tf.slice(tf.tensor(whole.data, whole.shape), 0, batch), [0, 2, 3, 1]) as tf.Tensor4D;
  });
  const finish = () => {
    images.dispose();
    freshStatistics(generator.parameters);
  };
  const result = measure({ generator, discriminator, maps, images, training });
  if (result instanceof Promise) return result.finally(finish) as T;
  finish();
  return result;
}
