// Before the engine: see cli/share.ts.
import { runWithWorkers } from './workers';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Choice } from '../src/common/config';
import { TrainingBatches } from '../src/data/batches';
import { CropBatches, HELD_OUT, heldOutCrops } from '../src/data/crops';
import { readMapping } from '../src/data/mapping';
import { RARE_SYNONYMS, SYNONYMS } from '../src/data/synonyms';
import { folderPairs, labelFolder } from '../src/data/pairs';
import { readSome } from '../src/data/dataset';
import { IGNORE, type PairDataset } from '../src/data/types';
import { UserError } from '../src/common/errors';
import { DISCRIMINATOR_DEFAULTS } from '../src/models/discriminator';
import { UPSAMPLINGS } from '../src/layers/upsampler';
import { JUDGED_CHOICES, PERCEPTUAL_CHOICES } from '../src/losses/generator';
import { BRANCHES, LGGAN_DEFAULTS } from '../src/models/lggan/config';
import { Vgg19 } from '../src/judges/vgg19';
import { findVgg19 } from '../src/judges/vgg19_weights';
import { loadGenerator } from '../src/models/pretrained';
import { cluster, isFirst } from '../src/engine/cluster';
import { engineInfo } from '../src/engine/tf';
import { DISCRIMINATOR_KINDS, TRAIN_LGGAN_DEFAULTS as D, trainLGGAN, type TrainLGGANConfig } from '../src/training/lggan';
import { FAULT_POLICIES } from '../src/training/guards';
import { recordRow } from '../src/training/history';
import { PRETRAINED_RECIPE } from '../src/training/recipe';
import { NO_CLASS_LOSS, SCHEDULE_DEFAULTS } from '../src/training/schedule';
import { eventLog } from './tensorboard';
import { parseSize } from './arguments';
import { validator } from '../experiments/evaluation/validator';
import { SampleFile } from '../experiments/figures/sample_file';
import { tellEnd } from './complete';
import { watchTraining } from './watch';
import { WrittenFiles, filesIn, refuseInputs } from '../src/common/targets';
import { IMAGE_EXTENSIONS, hasExtension } from '../src/common/files';

const R = PRETRAINED_RECIPE;
/** `PRETRAINED_RECIPE` and its batches as options. */
const PRESET = {
  batch_size: 2,
  crop_scale: 0.7,
  ngf: R.generator.ngf,
  spade_hidden: R.generator.spadeHidden,
  residual_blocks: R.generator.residualBlocks,
  noise: R.generator.noise,
  style: R.generator.style,
  discriminator: R.discriminator.kind,
  ndf: R.discriminator.ndf,
  learning_rate: R.schedule.learningRate,
  decay_epochs: R.schedule.decayEpochs,
  loss_weights: JSON.stringify(R.lossWeights),
  judged: R.judged,
  perceptual: R.perceptual,
  perceptual_every: R.perceptualEvery,
  fakes: R.fakes,
  ema: R.ema,
};
const presetText = Object.entries(PRESET)
  .map(([name, value]) => (value === true ? `--${name}` : `--${name} ${name === 'loss_weights' ? `'${value}'` : value}`))
  .join(' ');

const { epochs, decayEpochs, secondStageFrom, learningRate, discriminatorRate } = SCHEDULE_DEFAULTS;

void runWithWorkers(
  {
    name: 'npm run train --',
    description:
      'Trains LGGAN on a folder with imgs/ and labels/, or goes on with the run in --output_path. Stage 1 and 2 differ in the ' +
      'weights of the losses; without --stage both follow each other.',
    options: {
      recipe: {
        type: 'string',
        choices: ['original', 'pretrained'],
        default: 'original',
        help: `pretrained: the losses that the network that comes with the project was last trained by, and the widths and the rate of a run from random weights (docs/pretrained.md), with VGG19's weights; it stands for ${presetText}, where these are not given`,
      },
      stage: { type: 'integer', choices: [1, 2], help: '1: to the end of stage 1; 2: go on from there to the end' },
      input_path: { type: 'string', value: 'DIR', required: true, help: 'training set: DIR/imgs and DIR/labels' },
      val_path: {
        type: 'string',
        value: 'DIR',
        help: 'pairs to evaluate on, as --input_path; the best checkpoint is kept by them, evaluation.csv says what was measured',
      },
      evaluate_every: { type: 'integer', min: 1, default: D.evaluateEvery, help: 'epochs between evaluations on --val_path' },
      output_path: { type: 'string', value: 'DIR', default: D.output, help: 'checkpoints, history.csv, samples' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      start: {
        type: 'string',
        value: 'PATH',
        help: 'a trained generator to begin with, such as checkpoints/pretrained/lggan.safetensors: its shape stands in for --ngf and the like; --style adds one that it lacks',
      },
      start_discriminator: {
        type: 'string',
        value: 'FILE',
        help: 'a trained discriminator to begin with, of the kind and size that --discriminator and --ndf say',
      },
      image_size: { type: 'string', value: 'HxW', help: 'size of the generated images, multiples of 32; default: 192x256, or that of --start' },
      batch_size: { type: 'integer', min: 1, default: 2, help: 'pairs a step' },
      epochs: { type: 'integer', min: 1, default: epochs, help: 'passes over the set, both stages' },
      second_stage_from: { type: 'integer', min: 1, help: `first epoch of stage 2; default: after three quarters, ${secondStageFrom} of ${epochs}` },
      decay_epochs: { type: 'integer', min: 0, help: `last epochs, in which the learning rate falls to 0; default: ${decayEpochs} of ${epochs}` },
      steps_per_epoch: { type: 'integer', min: 0, default: D.stepsPerEpoch, help: 'steps that count as an epoch; 0: one pass over the set' },
      learning_rate: { type: 'number', default: learningRate, help: 'G learns at half of it, D at --discriminator_rate times' },
      discriminator_rate: { type: 'number', default: discriminatorRate, help: 'by how much D multiplies --learning_rate' },
      ngf: { type: 'integer', min: 2, default: LGGAN_DEFAULTS.ngf, help: 'width of the generator' },
      ndf: { type: 'integer', min: 1, default: DISCRIMINATOR_DEFAULTS.ndf, help: 'width of the discriminator' },
      spade_hidden: { type: 'integer', min: 1, default: LGGAN_DEFAULTS.spadeHidden, help: 'hidden channels of SPADE' },
      residual_blocks: { type: 'integer', min: 0, default: LGGAN_DEFAULTS.residualBlocks, help: 'of the local branch' },
      upsampling: { type: 'string', choices: UPSAMPLINGS, default: LGGAN_DEFAULTS.upsampling, help: 'how the local branch is upsampled' },
      noise: { type: 'flag', help: 'noise inputs in the global branch: texture for large regions, where photos are few' },
      style: { type: 'flag', help: 'the network is told the light and the colours of each photo, and paints in any style' },
      loss_weights: {
        type: 'string',
        value: 'JSON',
        help: 'changes to the weights of the losses, by stage, such as \'{"1": {"l1": 1}, "2": {"l1": 4}}\'; projected, 0 unless given: the discriminator also judges by VGG19',
      },
      branches: { type: 'string', choices: BRANCHES, default: LGGAN_DEFAULTS.branches, help: "one branch alone, as in the papers' ablation" },
      no_class_loss: { type: 'flag', help: "the class score does not count, as in the papers' ablation" },
      behaviour: { type: 'string', choices: ['paper', 'original'], default: 'paper', help: 'where the original departs from the papers' },
      fakes: { type: 'string', choices: ['fresh', 'same'], default: D.fakes, help: 'what D learns from: images of the updated G, or those of its step' },
      perceptual: {
        type: 'string',
        choices: PERCEPTUAL_CHOICES,
        default: D.perceptual,
        help: 'images that the perceptual loss looks at; final: a third of its time',
      },
      perceptual_every: { type: 'integer', min: 1, default: D.perceptualEvery, help: 'steps between perceptual losses, which count so many times as much' },
      discriminator: {
        type: 'string',
        choices: DISCRIMINATOR_KINDS,
        default: 'patch',
        help: 'patch: the original\'s; segmentation: gives each pixel a class or "generated" (OASIS), without feature matching',
      },
      judged: {
        type: 'string',
        choices: JUDGED_CHOICES,
        default: D.judged,
        help: 'images that the discriminator looks at: final, global and local, or the final one',
      },
      label_mix: {
        type: 'number',
        default: D.labelMix,
        help: "weight of LabelMix in the segmenting discriminator's loss: its answer shall not hang on where the other classes came from; OASIS takes 5 or 10",
      },
      augment: { type: 'flag', help: 'the discriminator sees photos and paintings in other colours, moved, with a hole (DiffAugment)' },
      ema: { type: 'number', default: D.ema, help: 'decay of the moving average of the weights, such as 0.999; 0: none' },
      crop_scale: { type: 'number', default: 1, help: "random windows from this share of a photo's side up to all of it; 1: whole photos" },
      no_flip: { type: 'flag', help: 'no random mirroring' },
      crops: { type: 'flag', help: `for few large photos: 64 windows of each an epoch, at several scales; the right ${HELD_OUT * 100} % of each is held out` },
      crop_min: { type: 'number', default: 0.25, help: 'with --crops: the smallest window as a share of the height of its photo' },
      synonyms: {
        type: 'flag',
        help: "classes that look alike are shown under each other's names, such as water as lake; with --crops the same for all names, else common classes mostly under their own",
      },
      sample_labels: { type: 'string', value: 'DIR', help: 'label maps to paint samples of; default: some of the training set' },
      vgg: {
        type: 'string',
        value: 'PATH',
        words: ['none'],
        help: 'weights of VGG19 for the perceptual loss and a second opinion, or "none"; default: those in checkpoints/',
      },
      limit: { type: 'integer', min: 1, help: 'only the first so many pairs' },
      seed: { type: 'integer', min: 0, default: LGGAN_DEFAULTS.seed, help: 'of weights, order and augmentation' },
      sample_every: { type: 'integer', min: 1, default: D.sampleEvery, help: 'steps between samples' },
      checkpoint_every: { type: 'integer', min: 1, default: D.checkpointEvery, help: 'steps between checkpoints' },
      keep_checkpoints: { type: 'integer', min: 1, default: D.keepCheckpoints, help: 'latest checkpoints, and best ones, that stay' },
      on_fault: {
        type: 'string',
        choices: FAULT_POLICIES,
        default: D.onFault,
        help: 'when a loss or gradient is not finite: skip the step, roll back to the last checkpoint, or stop',
      },
      local_norm: { type: 'flag', help: 'with several workers: batch norm over the images of each alone, which is faster and another training' },
      tensorboard: { type: 'flag', help: 'also write the losses for TensorBoard, into DIR/events' },
    },
    presets: { recipe: { pretrained: PRESET } },
    fields: { minScale: 'crop_scale', minHeight: 'crop_min' },
    examples: [
      'npm run train -- --stage 1 --input_path datasets/landscape/train',
      'npm run train -- --input_path my_photos --recipe pretrained --image_size 96x128 --epochs 20',
      'npm run train -- --input_path datasets/photos --crops --synonyms --image_size 96x128 --ngf 16 --spade_hidden 32 --ndf 16 --epochs 20',
    ],
  },
  async (args) => {
    const first = isFirst();
    const begun = args.start ? await configOf(args.start) : undefined;
    const imageSize = parseSize(args.image_size) ?? begun?.imageSize ?? LGGAN_DEFAULTS.imageSize;
    const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
    const pairs = folderPairs(args.input_path, { mapping, limit: args.limit });
    const crop: Choice = args.behaviour as Choice;
    const read = [args.input_path, args.val_path, args.sample_labels].filter((dir): dir is string => dir !== undefined);
    const own = ['samples.png', 'history.csv', 'evaluation.csv', 'run.lock'].map((name) => join(args.output_path, name));
    refuseInputs(
      read
        .flatMap((dir) => ['', 'imgs', 'images', 'labels'].flatMap((part) => filesIn(join(dir, part))))
        .filter((file) => hasExtension(file, IMAGE_EXTENSIONS)),
      own,
    );
    if (args.mapping) refuseInputs([args.mapping], own);
    const record = new WrittenFiles(args.output_path);
    // The folder of a run is its own.
    const begunHere = (existsSync(args.output_path) ? readdirSync(args.output_path) : []).some((name) => /^(latest|best)-\d+$/.test(name));
    if (!begunHere) record.refuseOthers(own.slice(0, 1), 'choose another --output_path, or move it away');
    const synonyms = args.synonyms ? (args.crops ? SYNONYMS : RARE_SYNONYMS) : undefined;
    const common = { imageSize, batchSize: args.batch_size, seed: args.seed, flip: !args.no_flip, synonyms, share: cluster() };
    const batches = args.crops
      ? await CropBatches.of(pairs, { ...common, minHeight: args.crop_min })
      : new TrainingBatches(pairs, { ...common, crop, ...(args.crop_scale !== 1 && { randomCrop: { minScale: args.crop_scale } }) });
    const vggPath = args.vgg === 'none' ? undefined : (args.vgg ?? findVgg19());
    if (!vggPath && args.recipe === 'pretrained' && args.loss_weights === PRESET.loss_weights) {
      throw new UserError(
        "--recipe pretrained: it judges by VGG19's features, too, whose weights are not given; checkpoints/README.md says which they are, --loss_weights '{}' does without.",
      );
    }
    const vgg = vggPath ? await Vgg19.load(vggPath) : undefined;
    const log = args.tensorboard && first ? eventLog(join(args.output_path, 'events')) : undefined;
    console.log(engineInfo().description);
    console.log(
      `${pairs.length} pairs of ${pairs.source}; perceptual loss: ${vgg?.name ?? (args.vgg ? 'none, as asked' : 'none, as there are no weights of VGG19')}`,
    );

    const without = await unlabelled(pairs);
    if (without) console.log(without);

    const validation = args.val_path && first ? await validator(folderPairs(args.val_path, { mapping }), imageSize, crop) : undefined;
    if (validation) console.log(`best checkpoint by ${validation.by}`);
    const watch = watchTraining((row) => `epoch ${row.epoch}, G ${told(row.generator)}, D ${told(row.discriminatorFake + row.discriminatorReal)}`);
    const shown = args.sample_labels ? labelFolder(args.sample_labels, { mapping }) : args.crops ? await heldOutCrops(pairs, imageSize) : pairs;
    const samples = new SampleFile(join(args.output_path, 'samples'), shown, imageSize, crop, args.sample_labels || args.crops ? 8 : 3);
    let step = 0;
    const secondStage = args.second_stage_from ?? Math.round((args.epochs * (secondStageFrom - 1)) / epochs) + 1;
    const result = await trainLGGAN(
      {
        start: args.start,
        startDiscriminator: args.start_discriminator,
        generator: {
          imageSize,
          ...(!begun && {
            ngf: args.ngf,
            spadeHidden: args.spade_hidden,
            residualBlocks: args.residual_blocks,
            upsampling: args.upsampling,
            noise: args.noise,
            branches: args.branches,
            behaviour: args.behaviour as Choice,
          }),
          ...(args.style && { style: true }),
          seed: args.seed,
        },
        discriminator: { kind: args.discriminator, ndf: args.ndf },
        schedule: {
          epochs: args.epochs,
          decayEpochs: args.decay_epochs ?? Math.round((args.epochs * decayEpochs) / epochs),
          secondStageFrom: secondStage,
          learningRate: args.learning_rate,
          discriminatorRate: args.discriminator_rate,
        },
        lossWeights: lossWeights(args.loss_weights, args.no_class_loss),
        stage: (args.stage ?? 0) as 0 | 1 | 2,
        stepsPerEpoch: args.steps_per_epoch,
        fakes: args.fakes,
        perceptual: args.perceptual,
        perceptualEvery: args.perceptual_every,
        judged: args.judged,
        labelMix: args.label_mix,
        augment: args.augment,
        ema: args.ema,
        output: args.output_path,
        evaluateEvery: args.evaluate_every,
        sampleEvery: args.sample_every,
        checkpointEvery: args.checkpoint_every,
        keepCheckpoints: args.keep_checkpoints,
        onFault: args.on_fault,
      },
      { train: batches, vgg },
      {
        ...watch.hooks,
        onStep: (row, done, total) => {
          void watch.hooks.onStep(row, done, total);
          const { step: taken, ...values } = row;
          step = taken;
          log?.scalars(step, values);
        },
        onSample: async (generator, step) => {
          await samples.add(generator, step);
          record.add(own[0]);
        },
        ...(validation && {
          evaluate: async (generator) => {
            const { chooses, masks } = await validation.measure(generator);
            await recordRow(join(args.output_path, 'evaluation.csv'), { step, ...chooses, ...masks });
            return Object.values(chooses)[0];
          },
        }),
      },
    );
    watch.finish(args.output_path);
    tellEnd(args.output_path, result, { epochs: args.epochs, secondStageFrom: secondStage, stage: args.stage });
    log?.flush();
    watch.dispose();
    result.trainer.dispose();
    await validation?.dispose();
    vgg?.dispose();
  },
);

/** A loss; a dash where the step was skipped, whose row lacks those of the other network. */
const told = (loss: number | undefined) => (Number.isFinite(loss) ? loss!.toFixed(2) : '-');

/** A sentence on the pixels of no class, by some of the label maps; undefined where they have none. */
async function unlabelled(pairs: PairDataset): Promise<string | undefined> {
  const maps = (await readSome(pairs, 16)).map((pair) => pair.labels.data);
  const all = maps.reduce((sum, data) => sum + data.length, 0);
  const without = maps.reduce((sum, data) => sum + data.reduce((n, v) => n + (v === IGNORE ? 1 : 0), 0), 0);
  if (without === all && maps.length === pairs.length) {
    throw new UserError(`${pairs.source} holds no pixel with a class: all are unlabelled (255); label it, or say by --mapping what its values mean.`);
  }
  return without
    ? `${((100 * without) / all).toFixed(1)} % of the pixels of ${maps.length} label maps are unlabelled (255): they take part in no loss.`
    : undefined;
}

/** The configuration of a trained generator. */
async function configOf(path: string) {
  const generator = await loadGenerator(path);
  generator.dispose();
  return generator.config;
}

function lossWeights(text: string | undefined, noClassLoss: boolean): TrainLGGANConfig['lossWeights'] {
  if (text === undefined) return noClassLoss ? NO_CLASS_LOSS : {};
  if (noClassLoss) throw new UserError('--no_class_loss: with --loss_weights set classScore to 0 there.');
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new UserError(`--loss_weights: expected an object in JSON such as {"1": {"l1": 1}}, got '${text}'.`);
}
