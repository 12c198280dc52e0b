import { resizeImage } from '../../src/data/resize';
import { CLASS_NAMES } from '../../src/classes';
import type { LabelMap, PairDataset, RgbImage, Size } from '../../src/data/types';
import { resultsRow, type ResultsRow } from './contest_score';
import { extractFeatures, type FeatureNetwork, type Features } from '../../tools/judges/features';
import { fidInterval, kidInterval } from './distance_intervals';
import { fid } from '../../tools/judges/fid';
import { kid } from '../../tools/judges/kid';
import type { Judge } from '../../tools/judges/judge';
import { maskReport, meanColours, paintMeanColours, type Judged, type MaskReport, type MaskScore, type MaskSegmenter } from '../../tools/judges/mask_accuracy';
import { assertOneSize, type Metric } from '../../src/metrics/metric';
import { itemsOf, readAll } from '../../src/data/dataset';

/** What judges the images. What is missing is left out of the result. */
export interface Judges {
  /** Gives mask accuracy and mIoU, between their floor and ceiling. */
  segmenter?: MaskSegmenter;
  /** Gives FID and KID. */
  features?: FeatureNetwork;
  /** Networks from outside; the aesthetic score comes from one. */
  others?: readonly Judge[];
  /** A sentence for each figure that is left out, and why. */
  missing?: readonly string[];
}

/** One figure of the generated images, with the same of real images and of images that show each class in its mean colour. */
export interface Measure {
  generated: Metric;
  /** What real images reach. */
  ceiling?: Metric;
  /** What flat colours reach. */
  floor?: Metric;
}

export interface Evaluation {
  /** The row of the results table. Its score stands only where mask accuracy, aesthetic score and the canonical FID do. */
  row: ResultsRow;
  /** Every figure between its floor and its ceiling. */
  measures: Measure[];
  /** The same in one list, with N, sizes and network. */
  metrics: Metric[];
  mask?: MaskReport;
  /** What was left out, and why. */
  missing: readonly string[];
}

export type OnProgress = (done: number, total: number, note?: string) => void;

/**
 * Judges generated images against real ones. The real side is read once: its mean colours, features and scores serve every set of
 * generated images, such as the same ones scaled in two ways.
 */
export class Evaluator {
  private colours?: Promise<number[][]>;
  private ceiling?: MaskScore;
  private readonly floors = new Map<string, MaskScore>();
  private readonly cache = new Map<string, Promise<unknown>>();
  private readonly ids = new WeakMap<LabelMap, number>();
  private lastId = 0;

  /**
   * @param real images with label maps, for FID, KID and the ceilings
   * @param colourSource where the mean colour of each class comes from, for the floors; usually the training set. Default: `real`
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
    const measures: Measure[] = [];
    const row: ResultsRow = { scaling };
    const { segmenter, features, others = [] } = this.judges;
    const missing = [...(this.judges.missing ?? [])];
    const colours = await (this.colours ??= meanColours(this.colourSource, segmenter && !segmenter.groups ? segmenter.config.classes : CLASS_NAMES.length));
    let mask: MaskReport | undefined;
    if (segmenter) {
      const key = this.identity(generated.map((g) => g.labels));
      mask = await maskReport(segmenter, generated, this.real, colours, onProgress, { ceiling: this.ceiling, floor: this.floors.get(key) });
      this.ceiling = mask.ceiling;
      this.floors.set(key, mask.floor);
      row.maskAccuracy = mask.generated.accuracy.value;
      for (const key of ['accuracy', 'meanIou'] as const) {
        measures.push({ generated: mask.generated[key], ceiling: mask.ceiling[key], floor: mask.floor[key] });
      }
    }
    const images = generated.map((g) => g.image);
    const labels = generated.map((g) => g.labels);
    const size: Size = [images[0]?.height ?? 0, images[0]?.width ?? 0];
    const painted = () => labels.map((map) => paintMeanColours(map, colours));
    if (features) {
      const fake = await extractFeatures(images, features, { total: images.length, onProgress });
      const real = await this.once(`features ${size}`, () => extractFeatures(resized(this.real, size), features, { total: this.real.length, onProgress }));
      const flat = await this.once(`flat features ${this.identity(labels)}`, () => extractFeatures(painted(), features, { total: labels.length, onProgress }));
      const distances = distanceMeasures(real, fake, flat);
      measures.push(...distances);
      // The table's column is of the canonical network; a distance by another stands among the measures, under its own name.
      if (distances.length && features.canonical) row.fid = distances[0].generated.value;
      const [few, there] = [Math.min(real.count, fake.count), `there are ${real.count} real and ${fake.count} generated`];
      if (few < FID_LEAST) missing.push(`FID and KID are left out: they need at least two and four images in each set, ${there}.`);
      else if (few < KID_LEAST) missing.push(`KID is left out: it needs at least four images in each set, ${there}.`);
    }
    for (const judge of others) {
      const ceiling = await this.once(`${judge.name} real ${size}`, async () => {
        const pairs = await readAll(this.real);
        return judge.judge(
          pairs.map((p) => fitted(p.image, size)),
          pairs.map((p) => p.labels),
          'real',
        );
      });
      const floor = await this.once(`${judge.name} flat ${this.identity(labels)}`, () => judge.judge(painted(), labels, 'mean colours'));
      const measured = await judge.judge(images, labels, 'generated');
      measures.push({ generated: measured, ceiling, floor });
      if (judge.measures === 'aesthetic') row.aesthetic = measured.value;
    }
    const metrics = measures.flatMap(({ generated, ceiling, floor }) => [generated, ceiling, floor].filter((m): m is Metric => m !== undefined));
    // The contest's formula is about the canonical FID; a distance by another network must not enter it.
    return { row: features?.canonical ? resultsRow(row) : row, measures, metrics, mask, missing };
  }

  /** The result of the first call of this name. */
  private once<T>(name: string, make: () => Promise<T>): Promise<T> {
    if (!this.cache.has(name)) this.cache.set(name, make());
    return this.cache.get(name) as Promise<T>;
  }

  /** A name for these very label maps. */
  private identity(maps: readonly LabelMap[]): string {
    return maps
      .map((map) => {
        if (!this.ids.has(map)) this.ids.set(map, this.lastId++);
        return this.ids.get(map);
      })
      .join(' ');
  }
}

/** Images in each set that the distances need. */
const FID_LEAST = 2;
const KID_LEAST = 4;

/** FID and, from four images on, KID: real against generated, against flat colours, and one half of the real images against the other. */
function distanceMeasures(real: Features, fake: Features, flat: Features): Measure[] {
  const halves = [0, 1].map((rest) => everySecond(real, rest));
  const kinds = (metric: Metric, a: string, b: string): Metric => ({
    ...metric,
    n: { [a]: metric.n.real, [b]: metric.n.fake },
    sizes: { [a]: metric.sizes.real, [b]: metric.sizes.fake },
  });
  const measure = (distance: (a: Features, b: Features) => Metric, interval: typeof fidInterval, least: number): Measure[] => {
    if (Math.min(real.count, fake.count) < least) return [];
    const generated = distance(real, fake);
    return [
      {
        generated: { ...kinds(generated, 'real', 'generated'), interval: interval(real, fake, generated.value) },
        ...(halves[1].count >= least && { ceiling: kinds(distance(halves[0], halves[1]), 'real, one half', 'real, other half') }),
        floor: kinds(distance(real, flat), 'real', 'mean colours'),
      },
    ];
  };
  return [...measure(fid, fidInterval, FID_LEAST), ...measure(kid, kidInterval, KID_LEAST)];
}

/** Every second image of a set, from the first or the second on. */
function everySecond(features: Features, from: number): Features {
  const d = features.dimensions;
  const rows = Array.from({ length: features.count }, (_, i) => i).filter((i) => i % 2 === from);
  const data = new Float32Array(rows.length * d);
  rows.forEach((row, i) => data.set(features.data.subarray(row * d, (row + 1) * d), i * d));
  return { ...features, count: rows.length, data };
}

const fitted = (image: RgbImage, [height, width]: Size) => (image.height === height && image.width === width ? image : resizeImage(image, [height, width]));

/** Sharpness counts in a distance: real images are compared at the size of the generated ones. */
async function* resized(dataset: PairDataset, size: Size) {
  for await (const { image } of itemsOf(dataset)) yield fitted(image, size);
}

/** Figures of which less is better. */
const LESS_IS_BETTER = ['FID', 'KID', 'Frechet distance', 'kernel distance'];

/**
 * A sentence for each figure in which flat colours stand above the generated images. Where they stand above real images as well, that says
 * something of the judge, not of the images.
 */
export function floorCaveats({ measures }: Pick<Evaluation, 'measures'>): string[] {
  return measures.flatMap(({ generated, ceiling, floor }) => {
    if (!floor) return [];
    const sign = LESS_IS_BETTER.includes(generated.name) ? -1 : 1;
    const above = (m: Metric) => sign * (floor.value - m.value) > 0;
    if (!above(generated)) return [];
    const number = ({ value }: Metric) => value.toFixed(Math.abs(value) >= 10 ? 1 : 3);
    const values = `flat colours reach ${number(floor)}, the images ${number(generated)}`;
    if (ceiling && above(ceiling))
      return [`${generated.name}: ${values}, real photographs ${number(ceiling)}: this judge prefers flat colours, and its figure says little of a picture.`];
    return [`${generated.name}: ${values}: in this the images are worse than flat colours.`];
  });
}

/** Every figure between its floor and its ceiling, with its interval, as Markdown. */
export function measuresTable({ measures }: Pick<Evaluation, 'measures'>): string {
  const digits = (m: Metric) => (m.name === 'FID' || m.name === 'Frechet distance' ? 2 : 4);
  const cell = (m: Metric | undefined) => {
    if (!m) return '-';
    const interval = m.interval ? ` (${m.interval.low.toFixed(digits(m))} to ${m.interval.high.toFixed(digits(m))})` : '';
    return `${m.value.toFixed(digits(m))}${interval}`;
  };
  const sets = (m: Metric) =>
    Object.entries(m.n)
      .map(([kind, n]) => `${n} ${kind} ${m.sizes[kind]}`)
      .join(', ');
  return [
    '| figure | generated (95 %) | real images | mean colours | images | network |',
    '| --- | --- | --- | --- | --- | --- |',
    ...measures.map(({ generated: g, ceiling, floor }) => `| ${[g.name, cell(g), cell(ceiling), cell(floor), sets(g), g.network ?? '-'].join(' | ')} |`),
  ].join('\n');
}
