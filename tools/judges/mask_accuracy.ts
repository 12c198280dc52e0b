import type { Size } from '../../src/data/types';
import { CLASS_NAMES } from '../../src/classes';
import { resizeLabels } from '../../src/data/resize';
import { IGNORE, type LabelMap, type PairDataset, type RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { bootstrap } from '../../src/metrics/bootstrap';
import { sizeOf, type Metric } from '../../src/metrics/metric';
import { itemsOf } from '../../src/data/dataset';

/** What gives each pixel of an image a class: the project's own segmenter, or one from outside. */
export interface MaskSegmenter {
  /** Architecture, size, training set. */
  readonly name: string;
  /** Number of classes it counts in, and the size of its maps. */
  readonly config: { classes: number; imageSize: Size };
  /** Where it counts in other classes than label maps do: their names, and a label map in them (IGNORE: not judged). */
  readonly groups?: { readonly names: readonly string[]; truth(labels: LabelMap): LabelMap };
  /** The class of each pixel, at its size. */
  segment(images: readonly RgbImage[]): LabelMap[] | Promise<LabelMap[]>;
}

/** How often each class was taken for each: counts[truth * classes + prediction], over the pixels that have a class. */
export class Confusion {
  readonly counts: Float64Array;

  constructor(readonly classes: number) {
    this.counts = new Float64Array(classes * classes);
  }

  /**
   * Adds a map. Pixels whose truth is IGNORE count nothing. Throws a UserError if the sizes or the range do not fit.
   */
  add(prediction: LabelMap, truth: LabelMap): void {
    if (sizeOf(prediction) !== sizeOf(truth)) {
      throw new UserError(`label maps of ${sizeOf(prediction)} and ${sizeOf(truth)} cannot be compared pixel by pixel.`);
    }
    for (let i = 0; i < truth.data.length; i++) {
      const [t, p] = [truth.data[i], prediction.data[i]];
      if (t === IGNORE) continue;
      if (t >= this.classes || p >= this.classes) throw new UserError(`a label map holds ${Math.max(t, p)}, there are ${this.classes} classes.`);
      this.counts[t * this.classes + p]++;
    }
  }

  /** Adds another one's counts. */
  addAll({ counts }: Confusion): void {
    for (let i = 0; i < counts.length; i++) this.counts[i] += counts[i];
  }

  /** Share of the pixels whose class was found; NaN without pixels. */
  get accuracy(): number {
    let right = 0;
    for (let c = 0; c < this.classes; c++) right += this.counts[c * this.classes + c];
    return right / this.counts.reduce((s, v) => s + v, 0);
  }

  /** Intersection over union of each class that occurs in the truth: right / (truth + predicted - right). */
  get ious(): { classIndex: number; iou: number; pixels: number }[] {
    const result: { classIndex: number; iou: number; pixels: number }[] = [];
    for (let c = 0; c < this.classes; c++) {
      let truth = 0;
      let predicted = 0;
      for (let k = 0; k < this.classes; k++) {
        truth += this.counts[c * this.classes + k];
        predicted += this.counts[k * this.classes + c];
      }
      const right = this.counts[c * this.classes + c];
      if (truth > 0) result.push({ classIndex: c, iou: right / (truth + predicted - right), pixels: truth });
    }
    return result;
  }

  /** Mean of `ious`: classes that do not occur in the truth are left out, as usual. NaN without pixels. */
  get meanIou(): number {
    const { ious } = this;
    return ious.reduce((s, { iou }) => s + iou, 0) / ious.length;
  }
}

/** An image and the label map it should show. */
export interface Judged {
  /** The image's file, for messages. */
  name?: string;
  image: RgbImage;
  labels: LabelMap;
}

export interface MaskScore {
  /** Share of pixels. */
  accuracy: Metric;
  meanIou: Metric;
  confusion: Confusion;
  /** Names of the confusion's classes, where they are groups. */
  groups?: readonly string[];
  /** Share of the pixels with a class that were not judged, since the segmenter has not learnt their class. */
  leftOut: number;
}

export interface MaskOptions {
  /** What the images are: `generated`, `real` ... Default `images`. */
  kind?: string;
  /** Images at a time. Default 8. */
  batch?: number;
  total?: number;
  onProgress?: (done: number, total: number, note?: string) => void;
}

/**
 * Mask accuracy and mean intersection over union: the segmenter looks at each image, and its classes are compared with
 * the label map at the network's size. Both are counted over all pixels of the set together, their intervals by drawing images.
 */
export async function maskAccuracy(
  segmenter: MaskSegmenter,
  pairs: Iterable<Judged> | AsyncIterable<Judged>,
  { kind = 'images', batch = 8, total = 0, onProgress }: MaskOptions = {},
): Promise<MaskScore> {
  const { classes, imageSize } = segmenter.config;
  const each: Confusion[] = [];
  let [pixels, ignored] = [0, 0];
  const sizes = new Set<string>();
  let waiting: Judged[] = [];
  let count = 0;
  const flush = async () => {
    const predictions = await segmenter.segment(waiting.map((p) => p.image));
    predictions.forEach((prediction, i) => {
      const labels = resizeLabels(waiting[i].labels, imageSize);
      const truth = segmenter.groups?.truth(labels) ?? labels;
      labels.data.forEach((c, p) => {
        if (c === IGNORE) return;
        pixels++;
        if (truth.data[p] === IGNORE) ignored++;
      });
      const confusion = new Confusion(classes);
      confusion.add(prediction, truth);
      each.push(confusion);
    });
    waiting = [];
    onProgress?.(count, Math.max(total, count), `mask accuracy of ${kind}`);
  };
  for await (const pair of pairs) {
    waiting.push(pair);
    sizes.add(sizeOf(pair.image));
    count++;
    if (waiting.length === batch) {
      await flush();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  if (waiting.length) await flush();
  if (count === 0) throw new UserError(`mask accuracy: there are no ${kind}.`);
  const sum = (indices: Iterable<number>) => {
    const all = new Confusion(classes);
    for (const i of indices) all.addAll(each[i]);
    return all;
  };
  const confusion = sum(each.keys());
  const leftOut = pixels ? ignored / pixels : 0;
  const notes = [`compared at ${imageSize.join('x')}; pixels without a class left out`];
  if (segmenter.groups) {
    notes.push(`in groups of classes; ${(100 * leftOut).toFixed(1)} % of the pixels, of classes that the segmenter has not learnt, left out`);
  }
  const common = {
    n: { [kind]: count },
    sizes: { [kind]: [...sizes].join(', ') },
    network: segmenter.name,
    notes,
  };
  return {
    accuracy: {
      name: 'mask accuracy',
      value: confusion.accuracy,
      unit: 'share of pixels',
      interval: bootstrap([count], (draw) => sum(draw).accuracy),
      perImage: each.map((c) => c.accuracy),
      ...common,
    },
    meanIou: {
      name: 'mIoU',
      value: confusion.meanIou,
      interval: bootstrap([count], (draw) => sum(draw).meanIou),
      perImage: each.map((c) => c.meanIou),
      ...common,
      notes: [...common.notes, `mean over ${confusion.ious.length} ${segmenter.groups ? 'groups' : 'classes'} that occur`],
    },
    confusion,
    groups: segmenter.groups?.names,
    leftOut,
  };
}

/** Mean colour of each class in a set, RGB 0..255; classes that do not occur get the mean of all pixels. */
export async function meanColours(
  dataset: PairDataset,
  classes = CLASS_NAMES.length,
  onProgress?: (done: number, total: number, note?: string) => void,
): Promise<number[][]> {
  const sums = Array.from({ length: classes }, () => [0, 0, 0, 0]);
  let done = 0;
  for await (const { image, labels } of itemsOf(dataset)) {
    for (let i = 0; i < labels.data.length; i++) {
      const sum = sums[labels.data[i]];
      if (!sum) continue;
      for (let c = 0; c < 3; c++) sum[c] += image.data[3 * i + c];
      sum[3]++;
    }
    onProgress?.(++done, dataset.length, 'mean colours');
  }
  const all = sums.reduce((a, b) => a.map((v, i) => v + b[i]));
  if (all[3] === 0) throw new UserError(`${dataset.source} holds no pixel with a class.`);
  return sums.map((s) => (s[3] ? s : all)).map(([r, g, b, count]) => [r / count, g / count, b / count]);
}

/**
 * The image that shows every class in its mean colour: what a generator reaches that has learnt colours and nothing
 * else.
 */
export function paintMeanColours(labels: LabelMap, colours: readonly (readonly number[])[]): RgbImage {
  const data = new Uint8Array(labels.data.length * 3);
  for (let i = 0; i < labels.data.length; i++) {
    const colour = colours[labels.data[i]] ?? [127.5, 127.5, 127.5];
    for (let c = 0; c < 3; c++) data[3 * i + c] = Math.round(colour[c]);
  }
  return { data, height: labels.height, width: labels.width };
}

export interface MaskReport {
  generated: MaskScore;
  /** On the real images of the same label maps or of the validation set: what the segmenter itself allows. */
  ceiling: MaskScore;
  /** On images of mean colours for the same label maps. */
  floor: MaskScore;
  /** generated / ceiling, by accuracy. */
  ofCeiling: number;
}

/**
 * Mask accuracy of generated images between its floor and its ceiling. `colours` from the training set (`meanColours`). `known`: what was
 * measured before of the same real images, of the same label maps.
 */
export async function maskReport(
  segmenter: MaskSegmenter,
  generated: readonly Judged[],
  real: PairDataset,
  colours: readonly (readonly number[])[],
  onProgress?: (done: number, total: number, note?: string) => void,
  known: Partial<Pick<MaskReport, 'ceiling' | 'floor'>> = {},
): Promise<MaskReport> {
  const floorCount = known.floor ? 0 : generated.length;
  const total = generated.length + floorCount + (known.ceiling ? 0 : real.length);
  const from = (start: number) => (done: number, _total: number, note?: string) => onProgress?.(start + done, total, note);
  const painted = () => generated.map(({ labels }) => ({ image: paintMeanColours(labels, colours), labels }));
  const result = {
    generated: await maskAccuracy(segmenter, generated, { kind: 'generated', onProgress: from(0) }),
    floor: known.floor ?? (await maskAccuracy(segmenter, painted(), { kind: 'mean colours', onProgress: from(generated.length) })),
    ceiling: known.ceiling ?? (await maskAccuracy(segmenter, itemsOf(real), { kind: 'real', onProgress: from(generated.length + floorCount) })),
  };
  return { ...result, ofCeiling: result.generated.accuracy.value / result.ceiling.accuracy.value };
}
