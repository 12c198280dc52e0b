import { imageFolder, labelFolder, folderPairs } from '../data/pairs';
import { readMapping } from '../data/mapping';
import { UserError } from '../errors';
import { resultsTable } from '../metrics/contest';
import { Evaluator, measuresTable } from '../metrics/evaluation';
import { findJudges } from '../metrics/judges';
import type { Judged } from '../metrics/mask_accuracy';
import { assertOneSize, describeMetric, describeNotes } from '../metrics/metric';
import { reporter } from '../progress';
import { resizeLabels } from '../data/resize';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run evaluate --',
    description:
      'Judges generated images by the networks in checkpoints/: mask accuracy and mIoU, aesthetic score, FID and KID, each with the same ' +
      'of real images and of flat colours beside it.',
    options: {
      labels: { type: 'string', value: 'DIR', required: true, help: 'the label maps that the images were made from' },
      fake: { type: 'string', value: 'DIR', required: true, help: 'generated images, named as their label maps' },
      real: { type: 'string', value: 'DIR', required: true, help: 'real pairs: DIR/imgs and DIR/labels' },
      train: { type: 'string', value: 'DIR', help: 'real pairs to train the own segmenter on; default: those of --real, which flatters the ceiling' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      segmenter: {
        type: 'string',
        choices: ['auto', 'independent', 'own'],
        default: 'auto',
        help: 'who tells mask accuracy: the scene segmenter of others, or one trained here on real pairs; auto: the first where it knows the classes',
      },
      segmenter_steps: { type: 'integer', min: 1, default: 300, help: 'training steps of the own segmenter' },
      name: { type: 'string', default: 'generated', help: 'name of the row' },
      json: { type: 'flag', help: 'print the figures as JSON' },
    },
  },
  async (args) => {
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
    const judges = await findJudges(generated.map((g) => g.labels), {
      segmenter: args.segmenter,
      train,
      steps: args.segmenter_steps,
      onProgress: reporter('training the segmenter'),
    });
    const result = await new Evaluator(judges, real, train).evaluate(args.name, generated, reporter('judging'));
    if (args.json) {
      const { row, metrics, missing } = result;
      console.log(JSON.stringify({ row, metrics, missing, segmenter: judges.choice }, undefined, 2));
    } else {
      console.log(`\n${resultsTable([result.row])}\n\n${measuresTable(result)}\n`);
      console.log(judges.choice);
      if (result.row.score !== undefined) console.log(`The score is the contest's formula on these judges; the contest's own were never published.`);
      for (const sentence of result.missing) if (sentence !== judges.choice) console.log(sentence);
      for (const metric of result.metrics) console.log(describeMetric(metric));
      for (const note of describeNotes(result.metrics)) console.log(`note: ${note}`);
    }
    await judges.dispose();
  },
);
