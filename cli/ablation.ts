import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { runPool } from '../experiments/ablation/pool';
import { jobsOf, readResult, trainingOf, type RunResult } from '../experiments/ablation/run';
import { ABLATION_DEFAULTS as D, ablationSettings, type AblationSettings } from '../experiments/ablation/settings';
import { ablationFile, ablationMarkdown, ablationSentences } from '../experiments/ablation/summary';
import { BASELINE, VARIANTS, type Group } from '../experiments/ablation/variants';
import { readReferences } from '../experiments/ablation/worker';
import { writeFileAtomically } from '../src/common/atomic';
import { sha256Of } from '../src/common/checksum';
import { UserError } from '../src/common/errors';
import { progress, reporter } from '../src/common/progress';
import { filesIn, refuseInputs, writtenBeside } from '../src/common/targets';
import { checkpointFile } from '../src/models/pretrained';
import { parseSize, runCommand } from './arguments';
import { interruptible } from '../src/common/interrupt';

const argv = process.argv.slice(2);
/** What an ablation asks, see `Variant`. */
const QUESTIONS = [...new Set(VARIANTS.map((v) => v.group))].filter((group) => group !== 'baseline');

void runCommand(
  {
    name: 'npm run ablation --',
    description:
      `The papers' ablation at small size on a few photographs: ${VARIANTS.length} networks that differ in one point each (${VARIANTS.map((v) => v.name).join(', ')}), ` +
      'each from several seeds, judged on held-out windows. The default of 18 runs takes about 20 minutes on two idle cores (0.25 to 0.65 s a step, two runs at a time). ' +
      'Ctrl-C saves; the same command goes on, and does no finished run again.',
    options: {
      seeds: { type: 'integer', min: 1, default: 3, help: 'runs of each network; a spread needs at least 2' },
      steps: { type: 'integer', min: 1, default: D.steps, help: 'training steps of a run; a multiple of 10 above 10' },
      input_path: {
        type: 'string',
        value: 'DIR',
        default: D.input,
        help: 'few large photos and their label maps: DIR/imgs and DIR/labels; the right quarter of each is held out',
      },
      val_path: { type: 'string', value: 'DIR', help: 'pairs to judge on, --windows of them; then --input_path is a set of many pairs' },
      question: { type: 'string', choices: QUESTIONS, help: 'the baseline and what answers one question alone; default: all' },
      start: {
        type: 'string',
        value: 'PATH',
        help: 'a trained generator: all variants begin with its weights and have its widths, with new upsamplers, SAU too',
      },
      start_discriminator: { type: 'string', value: 'FILE', help: "a trained discriminator of the recipe's kind and of --ndf" },
      recipe: {
        type: 'string',
        choices: ['original', 'pretrained'],
        default: D.recipe,
        help: "the original's losses, or those of the network that comes with the project (docs/pretrained.md; two of them with --vgg alone)",
      },
      output_path: { type: 'string', value: 'DIR', default: 'checkpoints/ablation', help: 'a folder for each run' },
      json_path: { type: 'string', value: 'FILE', default: 'figures/ablation.json', help: 'where all figures go, for drawing' },
      overwrite: { type: 'flag', help: 'replace a --json_path that this command did not write, or that was changed since' },
      image_size: { type: 'string', value: 'HxW', default: D.imageSize.join('x'), help: 'multiples of 32' },
      batch_size: { type: 'integer', min: 1, default: D.batchSize, help: 'windows a step' },
      ngf: { type: 'integer', min: 2, default: D.ngf, help: 'width of the generator' },
      ndf: { type: 'integer', min: 1, default: D.ndf, help: 'width of the discriminator' },
      spade_hidden: { type: 'integer', min: 1, default: D.spadeHidden, help: 'hidden channels of SPADE' },
      residual_blocks: { type: 'integer', min: 0, default: D.residualBlocks, help: 'of the local branch' },
      learning_rate: { type: 'number', default: D.learningRate, help: 'G learns at half of it, D at twice' },
      windows: { type: 'integer', min: 1, default: D.windows, help: 'held-out windows of each photo that are judged; with --val_path: pairs in all' },
      vgg: {
        type: 'string',
        value: 'PATH',
        words: ['none'],
        default: D.vgg,
        help: "VGG19's weights for the perceptual loss of training (several times as long), or none",
      },
      judges: {
        type: 'string',
        value: 'DIR',
        default: 'checkpoints',
        help: 'where the networks of the judges lie; what is missing is left out, or the own segmenter stands in',
      },
      segmenter_steps: { type: 'integer', min: 1, default: D.segmenterSteps, help: 'training steps of the own segmenter, where it has to stand in' },
      workers: { type: 'integer', min: 1, default: availableParallelism(), help: 'runs at a time, one thread each' },
    },
    examples: ['npm run ablation', 'npm run ablation -- --seeds 5 --steps 400 --output_path checkpoints/ablation_long --json_path figures/ablation_long.json'],
  },
  async (args) => {
    const folders = [args.input_path, ...(args.val_path ? [args.val_path] : [])];
    const read = folders.flatMap((folder) => ['', 'imgs', 'images', 'labels'].flatMap((part) => filesIn(join(folder, part))));
    const networks = [args.vgg, args.start, args.start_discriminator].filter((file): file is string => file !== undefined);
    refuseInputs([...read, ...networks], [args.json_path], 'choose another --json_path');
    const record = writtenBeside(args.json_path);
    if (!args.overwrite) record.refuseOthers([args.json_path], 'choose another --json_path, or replace it with --overwrite');
    const settings = ablationSettings({
      input: args.input_path,
      val: args.val_path ?? '',
      start: args.start ?? '',
      startDiscriminator: args.start_discriminator ?? '',
      recipe: args.recipe as AblationSettings['recipe'],
      steps: args.steps,
      imageSize: parseSize(args.image_size),
      batchSize: args.batch_size,
      ngf: args.ngf,
      ndf: args.ndf,
      spadeHidden: args.spade_hidden,
      residualBlocks: args.residual_blocks,
      learningRate: args.learning_rate,
      windows: args.windows,
      vgg: args.vgg,
      segmenterSteps: args.segmenter_steps,
    });
    const { output_path: output, judges, workers } = args;
    await sameSettings(output, settings);
    // Before hours of training, not after them.
    await mkdir(dirname(args.json_path), { recursive: true });
    const jobs = jobsOf(args.seeds, args.question as Group | undefined);
    const finished = async () => (await Promise.all(jobs.map((job) => readResult(output, job)))).filter((r): r is RunResult => r !== undefined);
    const before = await finished();
    const isDone = (job: (typeof jobs)[number]) => before.some((r) => r.variant === job.variant && r.seed === job.seed);
    const waiting = jobs.filter((job) => !isDone(job));
    console.log(`${jobs.length} runs of ${settings.steps} steps, ${before.length} of them done; baseline: ${BASELINE}.`);

    const interrupt = interruptible();
    const from = before.length * settings.steps;
    // From the first step on, so that the time left is that of steps.
    let shown: ReturnType<typeof progress> | undefined;
    const steps = new Map<string, number>();
    const cut =
      waiting.length > 0 &&
      (await runPool({ settings, output, judges }, waiting, workers, {
        signal: interrupt.signal,
        onPrepare: reporter('own segmenter'),
        onMessage: (text) => (shown ? shown.print(text) : console.error(text)),
        onStep: (job, done) => {
          shown ??= progress(jobs.length * settings.steps, 'ablation', { unit: 'steps', from });
          steps.set(`${job.variant}, seed ${job.seed}`, done);
          shown.update(from + [...steps.values()].reduce((a, b) => a + b, 0), `${job.variant}, seed ${job.seed}`);
        },
      }));
    shown?.finish(output);
    interrupt.dispose();

    const runs = await finished();
    if (runs.length) {
      const references = await readReferences(output);
      const command = ['npm run ablation', ...(argv.length ? ['--', ...argv] : [])].join(' ');
      const file = ablationFile(command, settings, runs, references);
      console.log(`\n${ablationMarkdown(file)}\n`);
      console.log(
        `Mean ± standard deviation over the seeds. + and -: better or worse than the baseline by more than both deviations together; without a mark no difference is claimed.`,
      );
      for (const sentence of [...ablationSentences(file), ...references.missing]) console.log(sentence);
      if (!cut) {
        await writeFileAtomically(args.json_path, `${JSON.stringify(file, undefined, 1)}\n`);
        record.add(args.json_path);
        console.log(`Written: ${args.json_path}`);
      }
    }
    if (cut) console.log(`Stopped and saved in ${output}; the same command goes on from there.`);
  },
);

/** Runs of other settings, or of a recipe that has changed since, must not be taken for these. @throws UserError that names the first setting which differs */
async function sameSettings(output: string, settings: AblationSettings): Promise<void> {
  const file = join(output, 'settings.json');
  const training = VARIANTS.map((variant) => trainingOf(settings, variant, 1, ''));
  // A file under the same name may be another one by now, as the network that comes with the project is; so may a run's.
  const { start, startDiscriminator } = settings;
  const begun = [existsSync(start) ? await checkpointFile(start, 'LGGAN') : '', existsSync(startDiscriminator) ? startDiscriminator : ''];
  const sums = await Promise.all(begun.map((path) => path && sha256Of(path)));
  const written = `${JSON.stringify({ ...settings, training, sums }, undefined, 1)}\n`;
  if (!existsSync(file)) {
    await mkdir(output, { recursive: true });
    await writeFileAtomically(file, written);
    return;
  }
  const [before, now] = [await readFile(file, 'utf8'), written].map((text) => JSON.parse(text) as AblationSettings & { training?: unknown; sums?: unknown });
  const differs = (Object.keys(settings) as (keyof AblationSettings)[]).find((key) => !isDeepStrictEqual(before[key], now[key]));
  if (differs) {
    const [was, is] = [before, now].map((s) => JSON.stringify(s[differs]));
    throw new UserError(`${output} holds runs with ${differs} ${was}, not ${is}; give another --output_path, or the same settings.`);
  }
  if (!before.training) throw new UserError(`${output} holds runs of an earlier version, which did not note how it trained; give another --output_path.`);
  if (!isDeepStrictEqual(before.sums, now.sums)) {
    throw new UserError(`${output} holds runs that began with other weights under the same name (--start, --start_discriminator); give another --output_path.`);
  }
  if (!isDeepStrictEqual(before.training, now.training)) {
    throw new UserError(`${output} holds runs that another version of this project trained, by another recipe; give another --output_path.`);
  }
}
