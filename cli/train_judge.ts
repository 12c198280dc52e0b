import { join } from 'node:path';
import { classTable, confusionFigure, judgeReport, judgeTable } from '../experiments/evaluation/judge_report';
import { CLASS_NAMES } from '../src/classes';
import { readMapping } from '../src/data/mapping';
import { folderPairs } from '../src/data/pairs';
import { engineInfo } from '../src/engine/tf';
import { saveFigure } from '../src/figures/figure';
import { CarriedJudge } from '../tools/judges/carried_judge';
import { JUDGE_NETWORK as N, TRAIN_JUDGE_DEFAULTS as D, trainJudge } from '../tools/judges/train_judge';
import { runCommand } from './arguments';
import { watchTraining } from './watch';

void runCommand(
  {
    name: 'npm run train-judge --',
    description:
      'Trains a small segmenter that judges mask accuracy, or goes on with the run in --output_path. Give it photographs with label maps made by ' +
      'people, never painted pictures. OUTPUT/judge.safetensors is what `npm run evaluate -- --judge` takes.',
    options: {
      input_path: { type: 'string', value: 'DIR', required: true, help: 'photographs and label maps: DIR/imgs and DIR/labels' },
      val_path: { type: 'string', value: 'DIR', help: 'the same to look at while it trains; it learns nothing from them' },
      measure: { type: 'list', value: 'DIR', help: 'further sets on which it is measured at the end' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      output_path: { type: 'string', value: 'DIR', default: D.output, help: 'checkpoints, history.csv, judge.safetensors' },
      title: { type: 'string', help: 'what the file says it was trained on; default: the name of --input_path' },
      steps: { type: 'integer', min: 1, default: D.steps, help: 'in all; the learning rate falls to zero at the last' },
      batch_size: { type: 'integer', min: 1, default: D.batchSize, help: 'windows a step' },
      learning_rate: { type: 'number', default: D.learningRate, help: 'at the start' },
      balance: { type: 'number', min: 0, max: 1, default: D.balance, help: '0: every pixel counts alike; 1: every class does' },
      jitter: { type: 'number', min: 0, max: 2, default: D.jitter, help: 'how much light and colours change' },
      block: { type: 'integer', choices: [2, 4], default: N.block, help: 'pixels a side that go in as one' },
      levels: { type: 'integer', min: 1, default: N.levels, help: 'each at half the size of the one before' },
      features: { type: 'integer', min: 1, default: N.features, help: 'channels of the first level' },
      widest: { type: 'integer', min: 1, default: N.widest, help: 'most channels' },
      seed: { type: 'integer', min: 0, default: D.seed, help: 'of weights, order, windows and light' },
      validate_every: { type: 'integer', min: 1, default: D.validateEvery, help: 'steps between looks at --val_path' },
      checkpoint_every: { type: 'integer', min: 1, default: D.checkpointEvery, help: 'steps between checkpoints' },
    },
    examples: ['npm run train-judge -- --input_path labelme/train --val_path labelme/val'],
  },
  async (args) => {
    const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
    const train = folderPairs(args.input_path, { mapping });
    const validation = args.val_path ? folderPairs(args.val_path, { mapping }) : undefined;
    console.log(engineInfo().description);
    console.log(`${train.length} pairs to train on, ${validation?.length ?? 0} to look at`);
    const watch = watchTraining((row) => `loss ${row.loss.toFixed(3)}`);
    const { block, levels, features, widest } = args;
    const { network, shares, step, before, interrupted } = await trainJudge(
      {
        network: { block, levels, features, widest },
        steps: args.steps,
        batchSize: args.batch_size,
        learningRate: args.learning_rate,
        balance: args.balance,
        jitter: args.jitter,
        seed: args.seed,
        validateEvery: args.validate_every,
        checkpointEvery: args.checkpoint_every,
        output: args.output_path,
      },
      { train, validation },
      {
        ...watch.hooks,
        onValidation: ({ accuracy, meanIou }, at) => watch.print(`step ${at}: accuracy ${accuracy.toFixed(3)}, mIoU ${meanIou.toFixed(3)}`),
      },
    );
    watch.finish(args.output_path);
    if (args.title) network.trainedOn = network.trainedOn.replace(args.input_path, args.title);
    const file = join(args.output_path, 'judge.safetensors');
    await network.save(file, { half: true });
    const named = (wanted: (share: number, c: number) => boolean) => CLASS_NAMES.filter((_, c) => wanted(shares[c] ?? 0, c)).join(', ') || 'none';
    console.log(`written: ${file}, ${network.parameters.count} weights`);
    console.log(`never seen: ${named((s) => s === 0)}; too seldom to judge by: ${named((s, c) => s > 0 && !network.learnt!.includes(c))}`);
    if (interrupted) console.log(`Stopped and saved after ${step} steps; the same command goes on from there.`);
    else if (step === before) console.log(`The run has its ${step} steps; --steps says how many more.`);
    watch.dispose();
    network.dispose();
    const sets = [...(args.val_path ? [args.val_path] : []), ...(args.measure ?? [])];
    if (interrupted || !sets.length) return;
    const judge = await CarriedJudge.load(file);
    const reports = [];
    for (const set of sets) reports.push(await judgeReport(judge, folderPairs(set, { mapping })));
    judge.dispose();
    console.log(`\n${judgeTable(reports)}\n\n${reports[0].source}:\n\n${classTable(reports[0])}`);
    const title = `What the judge takes for what: ${reports[0].pairs} held-back scenes`;
    await saveFigure(join(args.output_path, 'confusion'), confusionFigure(reports[0].real, title), { formats: ['png'] });
  },
);
