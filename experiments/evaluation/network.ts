/** How good a trained network is on real material: held-out windows of the photographs, and the contest's label maps where they are at hand. */
import { heldOutCrops, photoParts } from '../../src/data/crops';
import { resizeImage, resizeLabels } from '../../src/data/resize';
import type { LabelMap, Pair, PairDataset, RgbImage, Size } from '../../src/data/types';
import { PUBLISHED_ROWS, resultsTable } from './contest_score';
import { Evaluator, floorCaveats, type Evaluation, type OnProgress, type Judges } from './evaluator';
import { findJudges, type FindJudgesOptions } from './judges';
import type { Judged } from '../../tools/judges/mask_accuracy';
import { sizeOf } from '../../src/metrics/metric';
import type { Generator } from '../../src/models/lggan/generator';
import type { RCAN } from '../../src/models/rcan';
import { NO_CONTEST, type Contest } from './contest';
import { readAll } from '../../src/data/dataset';

/** A label map, and what was painted from it. */
export interface Painted {
  name: string;
  /** At the size of the images. */
  labels: LabelMap;
  /** The photograph, where there is one of this very map. */
  photo?: RgbImage;
  bicubic: RgbImage;
  rcan?: RgbImage;
  /** What the original's network made of the map. */
  original?: RgbImage;
}

/** The better of the two images. */
export const finalOf = ({ rcan, bicubic }: Painted): RgbImage => rcan ?? bicubic;

/** One set of label maps, painted and judged. */
export interface SetReport {
  title: string;
  painted: Painted[];
  /** By bicubic interpolation, and by RCAN if there is one; absent where no judge is at hand. */
  evaluations: Evaluation[];
  /** What a reader of its figures has to know. */
  notes: string[];
}

export interface NetworkReport {
  heldOut: SetReport;
  /** Absent without the contest's label maps. */
  contest?: SetReport;
  /** On the maps that the original's outputs are known of: ours, then the original's, by the same judges. */
  original?: { maps: number; ours: Evaluation; theirs: Evaluation };
  /** Which segmenter judges; what is left out, and why. */
  sentences: string[];
}

export interface NetworkOptions extends Pick<FindJudgesOptions, 'folder' | 'segmenter' | 'judge'> {
  /** Windows of each photograph's held-out strip. Default 6. */
  windows?: number;
  /** Default none; see `findContest`. */
  contest?: Contest;
  onProgress?(label: string): OnProgress;
}

export interface SetOptions {
  /** Names the set in tables. Default: its source. */
  title?: string;
  /** Where the mean colour of each class comes from. Default: the pairs themselves. */
  colours?: PairDataset;
  onProgress?(label: string): OnProgress;
}

/**
 * Paints the label maps of pairs, at twice the network's size, and judges the images beside the photos and flat colours. Photos and maps
 * have to be of one size.
 */
export async function evaluatePairs(
  generator: Generator,
  rcan: RCAN | undefined,
  pairs: PairDataset,
  judges: Judges,
  options: SetOptions = {},
): Promise<SetReport> {
  const { title = pairs.source, colours = pairs, onProgress = () => () => undefined } = options;
  const painted = await paint(generator, rcan, await readAll(pairs), onProgress(`painting ${title}`));
  const evaluations = await judgeBoth(new Evaluator(judges, pairs, colours), painted, rcan !== undefined, onProgress);
  return { title, painted, evaluations, notes: evaluations.slice(-1).flatMap(floorCaveats) };
}

/** Enlarged by bicubic interpolation, and by RCAN where there is one; nothing where no judge is at hand. */
async function judgeBoth(evaluator: Evaluator, images: readonly Painted[], both: boolean, onProgress: (label: string) => OnProgress): Promise<Evaluation[]> {
  const results = [
    await evaluator.evaluate(
      'BICUBIC',
      images.map((p) => judged(p, p.bicubic)),
      onProgress('judging bicubic'),
    ),
  ];
  if (both)
    results.push(
      await evaluator.evaluate(
        'RCAN',
        images.map((p) => judged(p, finalOf(p))),
        onProgress('judging RCAN'),
      ),
    );
  return results.filter((r) => r.measures.length);
}

/**
 * Paints and judges. With `segmenter: 'independent'` what has no network of others is left out, otherwise the judge that comes with the
 * project stands in.
 * @param photos few large photographs with label maps; the network has not seen their right quarters
 */
export async function evaluateNetwork(generator: Generator, rcan: RCAN | undefined, photos: PairDataset, options: NetworkOptions = {}): Promise<NetworkReport> {
  const { windows = 6, contest = {}, segmenter = 'auto', onProgress = () => () => undefined } = options;
  const size = generator.config.imageSize.map((n) => 2 * n) as unknown as Size;
  const held = await heldOutCrops(photos, size, { count: windows });
  const pairs = await readAll(held);
  const painted = await paint(generator, rcan, pairs, onProgress('painting held-out windows'));
  const maps = contest.labels ? await readAll(contest.labels) : [];
  const known = contest.originals ? await readAll(contest.originals) : [];
  const sketched = (await paint(generator, rcan, maps, onProgress("painting the contest's label maps"))).map((p) => {
    const original = known.find((k) => k.name === p.name)?.image;
    return { ...p, ...(original && { original }) };
  });

  const everyMap = [...painted, ...sketched].map((p) => p.labels);
  const judges = await findJudges(everyMap, { folder: options.folder, judge: options.judge, segmenter });
  try {
    const colours = await photoParts(photos, 'train');
    const judge = (evaluator: Evaluator, images: readonly Painted[]) => judgeBoth(evaluator, images, rcan !== undefined, onProgress);
    const heldOut: SetReport = { title: 'held-out windows', painted, evaluations: await judge(new Evaluator(judges, held, colours), painted), notes: [] };
    heldOut.notes = heldOut.evaluations.slice(-1).flatMap(floorCaveats);
    const report: NetworkReport = { heldOut, sentences: [judges.choice, ...judges.missing.filter((m) => m !== judges.choice)] };
    if (!sketched.length) return { ...report, sentences: [...report.sentences, NO_CONTEST] };

    // There are no photographs of these maps, and so no distance to them.
    const { features, ...others } = judges;
    const evaluator = new Evaluator(others, held, colours);
    report.contest = { title: "the contest's label maps", painted: sketched, evaluations: await judge(evaluator, sketched), notes: [] };
    report.contest.notes = report.contest.evaluations.slice(-1).flatMap(floorCaveats);
    if (features) report.contest.notes.push("FID and KID are left out: there are no photographs of the contest's label maps here.");
    if (report.contest.evaluations.length) report.contest.notes.push('Real images are the held-out windows, not photographs of these maps.');
    const common = sketched.filter((p) => p.original);
    if (common.length && report.contest.evaluations.length) {
      const ours = await evaluator.evaluate(
        'ours',
        common.map((p) => judged(p, finalOf(p))),
        onProgress('judging ours'),
      );
      const theirs = await evaluator.evaluate(
        'original',
        common.map((p) => judged(p, p.original!)),
        onProgress("judging the original's"),
      );
      report.original = { maps: common.length, ours, theirs };
      report.contest.notes.push(...floorCaveats(theirs).map((caveat) => `The original's outputs: ${caveat}`));
    }
    return report;
  } finally {
    await judges.dispose();
  }
}

/** The table in the form of the original's README: ours on each set, the original's outputs by the same judges, and what was published. */
export function networkTable({ heldOut, contest, original }: NetworkReport): string {
  const named = ({ title, painted, evaluations }: SetReport) =>
    evaluations.map(({ row }) => ({ ...row, scaling: `${row.scaling}, ${title} (${painted.length})` }));
  const some = (maps: number) => `${maps} of these maps`;
  const both = original && [
    { ...original.ours.row, scaling: `${some(original.maps)}, ours` },
    { ...original.theirs.row, scaling: `${some(original.maps)}, the original's published outputs` },
  ];
  return resultsTable([
    ...named(heldOut),
    ...(contest ? named(contest) : []),
    ...(both ?? []),
    ...PUBLISHED_ROWS.map((row) => ({ ...row, scaling: `${row.scaling}, as published (other judges, the contest's set)` })),
  ]);
}

/** Paints every label map, and enlarges the images both ways. */
export async function paint(
  generator: Generator,
  rcan: RCAN | undefined,
  items: readonly (Omit<Pair, 'image'> & { image?: RgbImage })[],
  onProgress?: OnProgress,
): Promise<Painted[]> {
  const painted: Painted[] = [];
  for (const { name, labels, image } of items) {
    const [small] = await generator.paint([labels]);
    const size: Size = [2 * small.height, 2 * small.width];
    painted.push({
      name,
      labels: resizeLabels(labels, size),
      bicubic: resizeImage(small, size),
      ...(image && { photo: sizeOf(image) === size.join('x') ? image : resizeImage(image, size) }),
      ...(rcan && { rcan: await rcan.upscale(small) }),
    });
    onProgress?.(painted.length, items.length, name);
  }
  return painted;
}

/** An image with its label map; the original's outputs have a size of their own. */
function judged({ name, labels }: Painted, image: RgbImage): Judged {
  const fits = image.height === labels.height && image.width === labels.width;
  return { name, image, labels: fits ? labels : resizeLabels(labels, [image.height, image.width]) };
}
