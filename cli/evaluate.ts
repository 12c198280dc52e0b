import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { imageFolder, labelFolder, folderPairs } from '../src/data/pairs';
import { readMapping } from '../src/data/mapping';
import { UserError } from '../src/common/errors';
import { resultsTable } from '../experiments/evaluation/contest_score';
import { JUDGE_FILE } from '../tools/judges/carried_judge';
import { Evaluator, measuresTable } from '../experiments/evaluation/evaluator';
import { findJudges } from '../experiments/evaluation/judges';
import type { Judged } from '../tools/judges/mask_accuracy';
import { assertOneSize, describeMetric, describeNotes } from '../src/metrics/metric';
import { reporter } from '../src/common/progress';
import { centreCrops } from '../src/data/crops';
import { readAll } from '../src/data/dataset';
import { resizeLabels } from '../src/data/resize';
import { findContest } from '../experiments/evaluation/contest';
import { galleries } from '../experiments/evaluation/galleries';
import { evaluateNetwork, evaluatePairs, networkTable, type SetReport } from '../experiments/evaluation/network';
import { saveFigure } from '../src/figures/figure';
import { chooseCheckpoint, findCheckpoint, loadGenerator, loadRCAN } from '../src/models/pretrained';
import { WrittenFiles, filesIn, refuseInputs } from '../src/common/targets';
import { parseSize, runCommand } from './arguments';

const ABOUT_SCORE = "The score is the contest's formula on these judges; the contest's own were never published.";

void runCommand(
  {
    name: 'npm run evaluate --',
    description:
      'Judges by the networks in checkpoints/: mask accuracy and mIoU, aesthetic score, FID and KID, each with the same of real images and of ' +
      'flat colours beside it. With --labels, --fake and --real: generated images. With --pairs: a trained network on pairs. Without: a trained ' +
      "network on held-out windows of the photographs and, where they are at hand, on the contest's label maps.",
    options: {
      labels: { type: 'string', value: 'DIR', help: 'the label maps that the images were made from' },
      fake: { type: 'string', value: 'DIR', help: 'generated images, named as their label maps' },
      real: { type: 'string', value: 'DIR', help: 'real pairs: DIR/imgs and DIR/labels' },
      train: { type: 'string', value: 'DIR', help: 'real pairs that flat colours take the mean of each class from; default: those that are judged' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      segmenter: {
        type: 'string',
        choices: ['auto', 'independent', 'own'],
        default: 'auto',
        help: 'who tells mask accuracy: the scene segmenter of others, or the judge of this project; auto: the first where it is at hand and knows the classes',
      },
      judge: { type: 'string', value: 'FILE', help: `the judge of this project, or one of \`npm run train-judge\`; default: ${JUDGE_FILE}` },
      judges: { type: 'string', value: 'DIR', default: 'checkpoints', help: 'where the networks of the judges lie; what is missing is left out' },
      checkpoint: { type: 'string', value: 'PATH', help: 'of a network: the generator; default: the network that comes with the project' },
      image_size: { type: 'string', value: 'HxW', help: 'of a network: the size that it paints at, multiples of 32; default: that of its checkpoint' },
      sr_checkpoint: { type: 'string', value: 'PATH', help: 'of a network: RCAN; default: the one that comes with the project' },
      photos: {
        type: 'string',
        value: 'DIR',
        default: 'datasets/photos',
        help: 'of a network: few large photos and their label maps; the right quarter of each is judged',
      },
      pairs: { type: 'string', value: 'DIR', help: 'of a network: DIR/imgs and DIR/labels, of which the middle is painted and judged' },
      windows: { type: 'integer', min: 1, default: 6, help: 'of a network: held-out windows of each photo' },
      figure_path: { type: 'string', value: 'DIR', default: 'figures', help: 'of a network: where the galleries go' },
      overwrite: { type: 'flag', help: 'replace galleries that this command did not write, or that were changed since' },
      name: { type: 'string', default: 'generated', help: 'name of the row' },
      json: { type: 'flag', help: 'print the figures as JSON' },
    },
  },
  async (args) => {
    const { labels: maps, fake, real: reals } = args;
    if (maps && fake && reals) return ofImages({ ...args, labels: maps, fake, real: reals });
    if (maps || fake || reals) throw new UserError('--labels, --fake and --real go together; give all three, or none to evaluate a trained network.');
    return args.pairs ? ofPairs({ ...args, pairs: args.pairs }) : ofNetwork(args);
  },
);

interface Shared {
  segmenter: 'auto' | 'independent' | 'own';
  judge?: string;
  judges: string;
  json: boolean;
}

/** Who judges, as the functions take it. */
const judging = ({ judges, segmenter, judge }: Shared) => ({ folder: judges, segmenter, judge });

/** Judges a folder of generated images. */
async function ofImages(args: Shared & { labels: string; fake: string; real: string; train?: string; mapping?: string; name: string }): Promise<void> {
  const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
  const real = folderPairs(args.real, { mapping });
  const train = args.train ? folderPairs(args.train, { mapping }) : real;
  const labels = labelFolder(args.labels, { mapping });
  const fakes = imageFolder(args.fake);
  const missing = labels.names.filter((name) => !fakes.names.includes(name));
  if (missing.length) throw new UserError(`${args.fake}: there is no image for ${missing.length} label maps, the first is ${missing[0]}; generate them first.`);
  const generated: Judged[] = [];
  for (let i = 0; i < labels.length; i++) {
    const name = labels.names[i];
    const { image } = await fakes.at(fakes.names.indexOf(name));
    generated.push({ name: `${args.fake}: ${name}`, image, labels: resizeLabels((await labels.at(i)).labels, [image.height, image.width]) });
  }
  assertOneSize(generated);
  const maps = generated.map((g) => g.labels);
  const judges = await findJudges(maps, judging(args));
  const result = await new Evaluator(judges, real, train).evaluate(args.name, generated, reporter('judging'));
  if (args.json) {
    const { row, metrics, missing } = result;
    console.log(JSON.stringify({ row, metrics, missing, segmenter: judges.choice }, undefined, 2));
  } else {
    console.log(`\n${resultsTable([result.row])}\n\n${measuresTable(result)}\n`);
    console.log(judges.choice);
    if (result.row.score !== undefined) console.log(ABOUT_SCORE);
    for (const sentence of result.missing) if (sentence !== judges.choice) console.log(sentence);
    for (const metric of result.metrics) console.log(describeMetric(metric));
    for (const note of describeNotes(result.metrics)) console.log(`note: ${note}`);
  }
  await judges.dispose();
}

/** Judges a trained network on pairs. */
async function ofPairs(
  args: Shared & { pairs: string; train?: string; mapping?: string; checkpoint?: string; sr_checkpoint?: string; image_size?: string },
): Promise<void> {
  const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
  const set = folderPairs(args.pairs, { mapping });
  const chosen = await chooseCheckpoint('LGGAN', args.checkpoint);
  const enlarging = await findCheckpoint('RCAN', args.sr_checkpoint);
  const generator = await loadGenerator(chosen.path, { imageSize: parseSize(args.image_size) });
  const rcan = enlarging && (await loadRCAN(enlarging.path));
  console.error(`${chosen.sentence}\n${enlarging?.sentence ?? 'RCAN: there is none, images are enlarged by bicubic interpolation only.'}`);
  const [height, width] = generator.config.imageSize;
  const pairs = centreCrops(set, [2 * height, 2 * width]);
  const maps = (await readAll(pairs)).map((p) => p.labels);
  const judges = await findJudges(maps, judging(args));
  const report = await evaluatePairs(generator, rcan, pairs, judges, {
    title: args.pairs,
    colours: args.train ? folderPairs(args.train, { mapping }) : undefined,
    onProgress: (label) => reporter(label),
  });
  if (args.json) {
    const results = report.evaluations.map(({ row, metrics }) => ({ row, metrics }));
    console.log(
      JSON.stringify(
        { generator: chosen, rcan: enlarging, maps: maps.length, results, notes: report.notes, sentences: [judges.choice, ...judges.missing] },
        undefined,
        2,
      ),
    );
  } else {
    console.log(`\n${resultsTable(report.evaluations.map((e) => e.row))}\n`);
    for (const evaluation of report.evaluations) console.log(`${evaluation.row.scaling}\n\n${measuresTable(evaluation)}\n`);
    for (const sentence of [...report.notes, judges.choice, ...judges.missing.filter((m) => m !== judges.choice)]) console.log(sentence);
  }
  await judges.dispose();
  generator.dispose();
  rcan?.dispose();
}

/** Judges a trained network on the photographs and the contest's label maps. */
async function ofNetwork(
  args: Shared & { checkpoint?: string; sr_checkpoint?: string; image_size?: string; photos: string; windows: number; figure_path: string; overwrite: boolean },
): Promise<void> {
  const chosen = await chooseCheckpoint('LGGAN', args.checkpoint);
  const enlarging = await findCheckpoint('RCAN', args.sr_checkpoint);
  const read = ['imgs', 'images', 'labels'].flatMap((part) => filesIn(join(args.photos, part)));
  const there = filesIn(args.figure_path).filter((file) => /evaluation_[^/\\]*\.png$/.test(file));
  refuseInputs(read, there, 'choose another --figure_path');
  const record = new WrittenFiles(args.figure_path);
  if (!args.overwrite) record.refuseOthers(there, 'choose another --figure_path, or replace it with --overwrite');
  const photos = folderPairs(args.photos);
  // Before minutes of judging, not after them.
  await mkdir(args.figure_path, { recursive: true });
  const generator = await loadGenerator(chosen.path, { imageSize: parseSize(args.image_size) });
  const rcan = enlarging && (await loadRCAN(enlarging.path));
  console.error(`${chosen.sentence}\n${enlarging?.sentence ?? 'RCAN: there is none, images are enlarged by bicubic interpolation only.'}`);
  const report = await evaluateNetwork(generator, rcan, photos, {
    ...judging(args),
    windows: args.windows,
    contest: findContest(),
    onProgress: (label) => reporter(label),
  });
  for (const [name, figure] of Object.entries(galleries(report))) {
    for (const file of await saveFigure(join(args.figure_path, name), figure, { formats: ['png'] })) record.add(file);
  }
  const sets = [report.heldOut, ...(report.contest ? [report.contest] : [])];
  if (args.json) {
    const figures = ({ title, painted, evaluations, notes }: SetReport) => ({
      title,
      maps: painted.length,
      results: evaluations.map(({ row, metrics }) => ({ row, metrics })),
      notes,
    });
    const original = report.original && { maps: report.original.maps, ours: report.original.ours.row, theirs: report.original.theirs.row };
    console.log(JSON.stringify({ generator: chosen, rcan: enlarging, sets: sets.map(figures), original, sentences: report.sentences }, undefined, 2));
  } else {
    console.log(`\n${networkTable(report)}\n`);
    for (const { title, evaluations, notes } of sets) {
      for (const evaluation of evaluations) console.log(`${evaluation.row.scaling}, ${title}\n\n${measuresTable(evaluation)}\n`);
      for (const note of notes) console.log(note);
    }
    if (report.heldOut.evaluations.some((e) => e.row.score !== undefined)) console.log(ABOUT_SCORE);
    for (const sentence of report.sentences) console.log(sentence);
    console.log(`Galleries: ${args.figure_path}/evaluation_*.png`);
  }
  generator.dispose();
  rcan?.dispose();
}
