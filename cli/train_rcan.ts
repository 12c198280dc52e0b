// Before the engine: see cli/share.ts.
import { runWithWorkers } from './workers';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HELD_OUT, srCrops } from '../src/data/crops';
import { folderPairs } from '../src/data/pairs';
import { srFolder } from '../src/data/sr_pairs';
import { RCAN_DEFAULTS } from '../src/models/rcan';
import { engineInfo } from '../src/engine/tf';
import { FAULT_POLICIES } from '../src/training/guards';
import { trainRCAN } from '../src/training/rcan';
import { TRAIN_RCAN_DEFAULTS as D, beginsTrained } from '../src/training/rcan_config';
import { tellEnd } from './complete';
import { watchTraining } from './watch';

void runWithWorkers(
  {
    name: 'npm run train-rcan --',
    description: 'Trains RCAN x2 on what `npm run construct-sr` made, or goes on with the run in --output_path.',
    options: {
      input_path: { type: 'string', value: 'DIR', required: true, help: 'data set: DIR/train, DIR/val with imgs_lr and imgs_lr_256' },
      output_path: { type: 'string', value: 'DIR', default: D.output, help: 'checkpoints, history.csv' },
      crops: {
        type: 'flag',
        help: `--input_path is a folder of few large photos (imgs/, labels/): their parts at three scales; the right ${HELD_OUT * 100} % of each validates`,
      },
      repeat: { type: 'integer', min: 1, help: `patches of a picture in an epoch; default: ${D.repeat}, with --crops 64` },
      groups: { type: 'integer', min: 1, help: `residual groups; default: ${RCAN_DEFAULTS.groups}, or those of --start, which more may follow` },
      blocks: { type: 'integer', min: 1, default: RCAN_DEFAULTS.blocks, help: 'blocks in a group' },
      features: { type: 'integer', min: 1, default: RCAN_DEFAULTS.features, help: 'channels' },
      reduction: { type: 'integer', min: 1, default: RCAN_DEFAULTS.reduction, help: 'of channel attention' },
      start: {
        type: 'string',
        value: 'PATH',
        words: ['random', 'bilinear'],
        default: D.start,
        help: 'initial weights: random, bilinear, or a trained RCAN such as checkpoints/pretrained/rcan.safetensors, whose shape stands in for --blocks and the like',
      },
      epochs: { type: 'integer', min: 1, default: D.epochs, help: 'passes over the set' },
      steps_per_epoch: { type: 'integer', min: 0, default: D.stepsPerEpoch, help: 'steps that count as an epoch; 0: one pass over the set' },
      learning_rate: { type: 'number', default: D.learningRate, help: 'at the start' },
      halve_every: { type: 'integer', min: 1, default: D.halveEvery, help: 'epochs after which it is halved' },
      batch_size: { type: 'integer', min: 1, default: D.batchSize, help: 'patches a step' },
      patch: { type: 'integer', min: 8, default: D.patch, help: 'side of a high-resolution patch' },
      seed: { type: 'integer', min: 0, default: D.seed, help: 'of weights, order and patches' },
      validate_every: { type: 'integer', min: 1, default: D.validateEvery, help: 'steps between validations' },
      checkpoint_every: { type: 'integer', min: 1, default: D.checkpointEvery, help: 'steps between checkpoints' },
      keep_checkpoints: { type: 'integer', min: 1, default: D.keepCheckpoints, help: 'latest checkpoints, and best ones, that stay' },
      on_fault: {
        type: 'string',
        choices: FAULT_POLICIES,
        default: D.onFault,
        help: 'when a loss or gradient is not finite: skip the step, roll back to the last checkpoint, or stop',
      },
    },
    examples: ['npm run train-rcan -- --input_path datasets/landscape'],
  },
  async (args) => {
    const begun = beginsTrained(args.start);
    const photos = args.crops ? folderPairs(args.input_path) : undefined;
    const train = photos ? await srCrops(photos, 'train') : srFolder(join(args.input_path, 'train'));
    const hasVal = existsSync(join(args.input_path, 'val'));
    const validation = photos ? await srCrops(photos, 'held-out') : hasVal ? srFolder(join(args.input_path, 'val')) : undefined;
    console.log(engineInfo().description);
    console.log(`${train.length} pairs to train on, ${validation?.length ?? 0} to validate with`);
    const watch = watchTraining((row) => `loss ${row.loss.toFixed(2)}`);
    const result = await trainRCAN(
      {
        network: {
          ...(args.groups && { groups: args.groups }),
          ...(!begun && { blocks: args.blocks, features: args.features, reduction: args.reduction, seed: args.seed }),
        },
        start: args.start,
        epochs: args.epochs,
        stepsPerEpoch: args.steps_per_epoch,
        learningRate: args.learning_rate,
        halveEvery: args.halve_every,
        batchSize: args.batch_size,
        patch: args.patch,
        repeat: args.repeat ?? (args.crops ? 64 : D.repeat),
        seed: args.seed,
        validateEvery: args.validate_every,
        checkpointEvery: args.checkpoint_every,
        keepCheckpoints: args.keep_checkpoints,
        onFault: args.on_fault,
        output: args.output_path,
      },
      { train, validation },
      {
        ...watch.hooks,
        onValidation: (_, quality, bicubic, step) =>
          watch.print(
            `step ${step}: PSNR ${quality.rgb.toFixed(2)} dB (Y ${quality.y.toFixed(2)}), bicubic ${bicubic.rgb.toFixed(2)} (Y ${bicubic.y.toFixed(2)})`,
          ),
      },
    );
    watch.finish(args.output_path);
    tellEnd(args.output_path, result, { epochs: args.epochs });
    watch.dispose();
    result.network.dispose();
  },
);
