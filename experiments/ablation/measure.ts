/** What is measured of a run: the images that its generator paints of the held-out windows. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TrainingBatches, type BatchSource } from '../../src/data/batches';
import { CropBatches, centreCrops, heldOutCrops, photoParts, trainingCrops } from '../../src/data/crops';
import { folderPairs } from '../../src/data/pairs';
import type { LabelMap, Pair, PairDataset, RgbImage } from '../../src/data/types';
import { imagesFromTensor, normalised } from '../../src/data/tensors';
import { perceptualLoss, realFeatures } from '../../src/losses/perceptual';
import { classScoreAccuracy } from './class_score';
import { extractFeatures, type Features } from '../../tools/judges/features';
import { fid } from '../../tools/judges/fid';
import { imageQuality } from '../../src/metrics/image_quality';
import { findJudges, type FoundJudges } from '../evaluation/judges';
import { kid } from '../../tools/judges/kid';
import { maskAccuracy, meanColours, paintMeanColours } from '../../tools/judges/mask_accuracy';
import type { Metric } from '../../src/metrics/metric';
import { trainSegmenter } from '../../tools/judges/train_segmenter';
import { findInception } from '../../tools/judges/inception_weights';
import type { Generator } from '../../src/models/lggan/generator';
import { hasOnnxRuntime } from '../../tools/judges/onnx';
import { Segmenter } from '../../tools/judges/segmenter';
import { Vgg19 } from '../../src/judges/vgg19';
import { findVgg19 } from '../../src/judges/vgg19_weights';
import { findWeights } from '../../tools/judges/weights';
import * as tf from '../../src/engine/tf';
import type { AblationSettings } from './settings';
import type { AblationMetric } from './statistics';
import { readAll, someOf } from '../../src/data/dataset';

/** What a figure is, and which way it is better. */
export type MetricInfo = AblationMetric & { name: string; by: string };

/** Which figures there can be, in the order of tables, and which way each is better. */
export const QUANTITIES = {
  maskAccuracy: 'higher',
  fid: 'lower',
  kid: 'lower',
  aesthetic: 'higher',
  psnr: 'higher',
  ssim: 'higher',
  vggDistance: 'lower',
  classScore: 'higher',
} as const;
export type Quantity = keyof typeof QUANTITIES;
export const QUANTITY_NAMES = Object.keys(QUANTITIES) as Quantity[];

export interface Measured {
  /** Figures that could be measured. */
  metrics: Partial<Record<Quantity, number>>;
  info: Partial<Record<Quantity, MetricInfo>>;
}

/** Windows that the own segmenter learns from. */
const SEGMENTER_WINDOWS = 128;

/** Pairs of a large set that mean colours are taken of. */
const COLOUR_PAIRS = 100;

/** Where the own segmenter of an ablation lies. */
const segmenterFile = (output: string) => join(output, 'segmenter.safetensors');

/** The windows that every run is judged by, at the size of its images. */
export async function heldOut({ input, val, imageSize, windows }: AblationSettings): Promise<PairDataset> {
  if (!val) return heldOutCrops(folderPairs(input), imageSize, { count: windows });
  return centreCrops(someOf(folderPairs(val), windows), imageSize);
}

/** Batches of one seed: the same windows in the same order for every variant. */
export async function batches({ input, val, imageSize, batchSize }: AblationSettings, seed: number): Promise<BatchSource> {
  const common = { imageSize, batchSize, seed };
  return val ? new TrainingBatches(folderPairs(input), { ...common, randomCrop: { minScale: 0.7 } }) : CropBatches.of(folderPairs(input), common);
}

/** Trains the own segmenter where one of the judges is missing and it has to stand in; once, for all runs. */
export async function prepareSegmenter(
  settings: AblationSettings,
  output: string,
  judges: string,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const file = segmenterFile(output);
  if (existsSync(file) || (findInception(judges) && findWeights('segmenter', judges) && (await hasOnnxRuntime()))) return;
  const imageSize = settings.imageSize;
  const dataset = await trainingCrops(folderPairs(settings.input), SEGMENTER_WINDOWS, { imageSize, seed: 0 });
  const segmenter = await trainSegmenter(dataset, { steps: settings.segmenterSteps, imageSize }, onProgress);
  await mkdir(output, { recursive: true });
  await segmenter.save(file);
  segmenter.dispose();
}

/** The judges of an ablation, with what they see in the real windows, which serves all runs. */
export class AblationJudges {
  private constructor(
    private readonly pairs: readonly Pair[],
    private readonly judges: FoundJudges,
    private readonly real: Features | undefined,
    private readonly vgg: Vgg19 | undefined,
  ) {}

  /** @param folder where the networks of others lie */
  static async load(settings: AblationSettings, output: string, folder: string): Promise<AblationJudges> {
    const pairs = await readAll(await heldOut(settings));
    const file = segmenterFile(output);
    const own = existsSync(file) ? await Segmenter.load(file) : undefined;
    const judges = await findJudges(
      pairs.map((p) => p.labels),
      { folder, own, segmenter: own ? 'auto' : 'independent' },
    );
    const vggFile = findVgg19(folder);
    const real =
      judges.features &&
      (await extractFeatures(
        pairs.map((p) => p.image),
        judges.features,
      ));
    return new AblationJudges(pairs, judges, real, vggFile ? await Vgg19.load(vggFile) : undefined);
  }

  /** What is left out, and why. */
  get missing(): readonly string[] {
    return this.vgg ? this.judges.missing : [...this.judges.missing, 'The VGG19 distance is left out: its weights are not there.'];
  }

  /** Paints every window and judges what comes out. */
  async ofGenerator(generator: Generator): Promise<Measured> {
    const images: RgbImage[] = [];
    const scores: number[][][] = [];
    for (const { labels } of this.pairs) {
      const output = generator.generate(labels);
      images.push(...(await imagesFromTensor(output.final)));
      if (output.scores) scores.push(...(output.scores.arraySync() as number[][][]));
      tf.dispose(output);
    }
    const measured = await this.ofImages(images);
    if (scores.length) put(measured, 'classScore', classScoreAccuracy(scores, this.labels()), "the generator's own classifier");
    return measured;
  }

  /** The photographs themselves: what the judges allow at best. */
  async ofPhotographs(): Promise<Measured> {
    const { metrics, info } = await this.ofImages(this.pairs.map((p) => p.image));
    // Against themselves, distances are nothing and similarities perfect.
    const { maskAccuracy: mask, aesthetic } = metrics;
    return { metrics: { ...(mask !== undefined && { maskAccuracy: mask }), ...(aesthetic !== undefined && { aesthetic }) }, info };
  }

  /** Each class in its mean colour, as in the training part of the photographs. */
  async ofMeanColours({ input, val }: AblationSettings): Promise<Measured> {
    const pairs = folderPairs(input);
    const colours = await meanColours(val ? someOf(pairs, COLOUR_PAIRS) : await photoParts(pairs, 'train'));
    return this.ofImages(this.labels().map((map) => paintMeanColours(map, colours)));
  }

  private labels(): LabelMap[] {
    return this.pairs.map((p) => p.labels);
  }

  private async ofImages(images: readonly RgbImage[]): Promise<Measured> {
    const measured: Measured = { metrics: {}, info: {} };
    const { segmenter, features, others = [] } = this.judges;
    if (segmenter) {
      const judged = images.map((image, i) => ({ image, labels: this.pairs[i].labels }));
      put(measured, 'maskAccuracy', (await maskAccuracy(segmenter, judged, { kind: 'generated' })).accuracy);
    }
    if (features && this.real) {
      const fake = await extractFeatures(images, features);
      put(measured, 'fid', fid(this.real, fake));
      if (images.length >= 4) put(measured, 'kid', kid(this.real, fake));
    }
    for (const judge of others) if (judge.measures === 'aesthetic') put(measured, 'aesthetic', await judge.judge(images));
    const quality = imageQuality(images.map((image, i) => ({ image, reference: this.pairs[i].image })));
    put(measured, 'psnr', quality.psnr, 'against the held-out window');
    put(measured, 'ssim', quality.ssim, 'against the held-out window');
    if (this.vgg) put(measured, 'vggDistance', { name: 'VGG19 distance', value: this.vggDistance(this.vgg, images), network: this.vgg.name });
    return measured;
  }

  /** The perceptual loss against the held-out windows, mean over them. */
  private vggDistance(vgg: Vgg19, images: readonly RgbImage[]): number {
    const tensor = ({ data, height, width }: RgbImage) => normalised(tf.tensor4d(Float32Array.from(data), [1, height, width, 3]));
    const distances = images.map((image, i) => tf.tidy(() => perceptualLoss(vgg, tensor(image), realFeatures(vgg, tensor(this.pairs[i].image))).dataSync()[0]));
    return distances.reduce((a, b) => a + b, 0) / distances.length;
  }

  async dispose(): Promise<void> {
    this.vgg?.dispose();
    await this.judges.dispose();
  }
}

function put(
  { metrics, info }: Measured,
  key: Quantity,
  metric: Pick<Metric, 'name' | 'value' | 'network' | 'unit'>,
  by = metric.network ?? 'no network',
): void {
  metrics[key] = metric.value;
  info[key] = { name: metric.name, better: QUANTITIES[key], by, ...(metric.unit && { unit: metric.unit }) };
}
