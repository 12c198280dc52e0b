import { resizeImage } from '../data/resize';
import type { PairDataset } from '../data/types';
import type { Segmenter } from '../models/segmenter';
import { resultsRow, type ResultsRow } from './contest';
import { extractFeatures, type FeatureNetwork, type Features } from './features';
import { fid } from './fid';
import type { Judge } from './judge';
import { kid } from './kid';
import { maskReport, meanColours, type Judged, type MaskReport } from './mask_accuracy';
import { assertOneSize, type Metric } from './metric';

/** What judges the images. What is missing is left out of the result. */
export interface Judges {
  /** Gives mask accuracy and mIoU, between their floor and ceiling. */
  segmenter?: Segmenter;
  /** Gives FID and KID. */
  features?: FeatureNetwork;
  /** Networks from outside; the aesthetic score comes from one. */
  others?: readonly Judge[];
}

export interface Evaluation {
  /** The row of the results table. Its score stands only where mask accuracy, aesthetic score and the canonical FID do. */
  row: ResultsRow;
  /** Every figure with its N, sizes and network. */
  metrics: Metric[];
  mask?: MaskReport;
}

export type OnProgress = (done: number, total: number, note?: string) => void;

/**
 * Judges generated images against real ones. The real side is read once: its mean colours and features serve every set of generated
 * images, such as the same ones scaled in two ways.
 */
export class Evaluator {
  private colours?: Promise<number[][]>;
  private readonly realFeatures = new Map<string, Promise<Features>>();

  /**
   * @param real images with label maps, for FID, KID and the ceiling of mask accuracy
   * @param colourSource where the mean colour of each class comes from, for the floor; usually the training set. Default: `real`
   */
  constructor(
    private readonly judges: Judges,
    private readonly real: PairDataset,
    private readonly colourSource: PairDataset = real,
  ) {}

  /**
   * @param scaling name of the row: how the images came to their size
   * @param generated images with the label maps they were made from
   * @throws UserError if a set is empty, or its images differ in size
   */
  async evaluate(scaling: string, generated: readonly Judged[], onProgress?: OnProgress): Promise<Evaluation> {
    if (this.judges.features) assertOneSize(generated);
    const metrics: Metric[] = [];
    const row: ResultsRow = { scaling };
    let mask: MaskReport | undefined;
    if (this.judges.segmenter) {
      this.colours ??= meanColours(this.colourSource, this.judges.segmenter.config.classes);
      mask = await maskReport(this.judges.segmenter, generated, this.real, await this.colours, onProgress);
      row.maskAccuracy = mask.generated.accuracy.value;
      for (const side of [mask.generated, mask.ceiling, mask.floor]) metrics.push(side.accuracy, side.meanIou);
    }
    if (this.judges.features) {
      const images = generated.map((g) => g.image);
      const size = images[0] && [images[0].height, images[0].width].join('x');
      const fake = await extractFeatures(images, this.judges.features, { total: images.length, onProgress });
      const real = await this.featuresOfReal(this.judges.features, size, onProgress);
      const distance = fid(real, fake);
      metrics.push(distance);
      if (Math.min(real.count, fake.count) >= 4) metrics.push(kid(real, fake));
      row.fid = distance.value;
    }
    for (const judge of this.judges.others ?? []) {
      const metric = await judge.judge(generated.map((g) => g.image), generated.map((g) => g.labels));
      metrics.push(metric);
      if (judge.measures === 'aesthetic') row.aesthetic = metric.value;
    }
    // The contest's formula is about the canonical FID; a distance by another network must not enter it.
    const comparable = this.judges.features?.canonical ?? false;
    return { row: comparable ? resultsRow(row) : row, metrics, mask };
  }

  /** Sharpness counts in a distance: real images are compared at the size of the generated ones. */
  private featuresOfReal(network: FeatureNetwork, size: string, onProgress?: OnProgress): Promise<Features> {
    let found = this.realFeatures.get(size);
    if (!found) {
      const [height, width] = size.split('x').map(Number);
      found = extractFeatures(resized(this.real, height, width), network, { total: this.real.length, onProgress });
      this.realFeatures.set(size, found);
    }
    return found;
  }
}

async function* resized(dataset: PairDataset, height: number, width: number) {
  for (let i = 0; i < dataset.length; i++) {
    const { image } = await dataset.at(i);
    yield image.height === height && image.width === width ? image : resizeImage(image, [height, width]);
  }
}
