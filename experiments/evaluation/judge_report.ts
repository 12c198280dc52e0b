/** What a judge finds in real pictures, its ceiling, and in flat colours, its floor. */
import { CLASS_NAMES } from '../../src/classes';
import { centreCrops } from '../../src/data/crops';
import { memoryPairs, readAll } from '../../src/data/dataset';
import type { PairDataset, RgbImage } from '../../src/data/types';
import { confusionPlot } from '../figures/confusion';
import type { Plot } from '../../src/figures/plot';
import type { CarriedJudge } from '../../tools/judges/carried_judge';
import { extractFeatures } from '../../tools/judges/features';
import { fid } from '../../tools/judges/fid';
import { maskAccuracy, meanColours, paintMeanColours, type MaskScore } from '../../tools/judges/mask_accuracy';

export interface JudgeReport {
  source: string;
  pairs: number;
  /** In groups of classes, as `evaluate` judges. */
  real: MaskScore;
  flat: MaskScore;
  /** In all of the classes. */
  realClasses: MaskScore;
  flatClasses: MaskScore;
  /** Frechet distances of its features: of one half of the real pictures to the other, and of all to flat colours. */
  distances: { halves: number; flat: number };
}

/** Flat colours are the mean colours of the classes in these very pictures: the highest floor there is. Pictures are cut to the judge's form. */
export async function judgeReport(judge: CarriedJudge, set: PairDataset): Promise<JudgeReport> {
  const pairs = await readAll(centreCrops(set, judge.config.imageSize));
  const colours = await meanColours(memoryPairs(pairs, set.source));
  const flat = pairs.map(({ labels }) => ({ image: paintMeanColours(labels, colours), labels }));
  const features = judge.featureNetwork();
  const distance = async (a: RgbImage[], b: RgbImage[]) => fid(await extractFeatures(a, features), await extractFeatures(b, features)).value;
  const images = pairs.map((p) => p.image);
  const half = (rest: number) => images.filter((_, i) => i % 2 === rest);
  return {
    source: set.source,
    pairs: pairs.length,
    real: await maskAccuracy(judge, pairs, { kind: 'real' }),
    flat: await maskAccuracy(judge, flat, { kind: 'mean colours' }),
    realClasses: await maskAccuracy(judge.segmenter, pairs, { kind: 'real' }),
    flatClasses: await maskAccuracy(judge.segmenter, flat, { kind: 'mean colours' }),
    distances: {
      halves: await distance(half(0), half(1)),
      flat: await distance(
        images,
        flat.map((f) => f.image),
      ),
    },
  };
}

/** A row of real pictures and one of flat colours for each set, as Markdown. */
export function judgeTable(reports: readonly JudgeReport[]): string {
  const row = (r: JudgeReport, what: string, groups: MaskScore, classes: MaskScore, distance: number) => {
    const { low, high } = groups.accuracy.interval ?? { low: NaN, high: NaN };
    const accuracy = `${groups.accuracy.value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
    const rest = [groups.meanIou, classes.accuracy, classes.meanIou].map((m) => m.value.toFixed(3));
    return `| ${[r.source, what, accuracy, ...rest, `${(100 * groups.leftOut).toFixed(1)} %`, distance.toFixed(1)].join(' | ')} |`;
  };
  return [
    '| set | pictures | accuracy (95 %) | mIoU | accuracy, 29 classes | mIoU, 29 classes | left out | Frechet distance of its features |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...reports.flatMap((r) => [
      row(r, `${r.pairs} real ones (distance: half to half)`, r.real, r.realClasses, r.distances.halves),
      row(r, 'flat mean colours', r.flat, r.flatClasses, r.distances.flat),
    ]),
  ].join('\n');
}

/** Share of the pixels of each class that it finds, and IoU, as Markdown; classes that occur. */
export function classTable({ realClasses: { confusion } }: JudgeReport): string {
  const all = confusion.counts.reduce((a, b) => a + b, 0);
  const rows = confusion.ious.map(({ classIndex: c, iou, pixels }) => {
    const found = confusion.counts[c * confusion.classes + c] / pixels;
    return `| ${CLASS_NAMES[c]} | ${((100 * pixels) / all).toFixed(2)} % | ${found.toFixed(3)} | ${iou.toFixed(3)} |`;
  });
  return ['| class | of the pixels | found | IoU |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** What was taken for what, in the segmenter's groups where it has some. */
export function confusionFigure({ confusion: { counts, classes }, groups }: MaskScore, title = 'Confusion'): Plot {
  const rows = Array.from({ length: classes }, (_, t) => Array.from(counts.subarray(t * classes, (t + 1) * classes)));
  return confusionPlot(rows, { title, ...(groups && { classes: groups.map((name) => ({ name, colour: '#808080' })) }) });
}
