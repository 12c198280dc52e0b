import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../src/common/atomic';
import { UserError } from '../../src/common/errors';
import { parseJson } from '../../src/common/json';
import { saveParameters } from '../../src/checkpoints/parameters';
import type { LGGANConfig } from '../../src/models/lggan/config';
import { createGenerator } from '../../src/models/lggan/single_branch';
import { loadGenerator } from '../../src/models/pretrained';
import { Vgg19 } from '../../src/judges/vgg19';
import { trainLGGAN, type TrainLGGANConfig } from '../../src/training/lggan';
import { PRETRAINED_RECIPE } from '../../src/training/recipe';
import { batches, type AblationJudges, type Measured } from './measure';
import type { AblationSettings } from './settings';
import { VARIANTS, type Group, type Variant } from './variants';

/** One variant from one seed. */
export interface Job {
  variant: string;
  seed: number;
}

/** What a finished run leaves in its folder. */
export interface RunResult extends Measured {
  variant: string;
  group: Group;
  seed: number;
  /** Of training. */
  seconds: number;
}

/** Every variant, or those of a question and the baseline, from every seed; seed by seed, so that an ablation cut short has compared all variants. */
export function jobsOf(seeds: number, question?: Group): Job[] {
  const variants = VARIANTS.filter(({ group }) => !question || group === 'baseline' || group === question);
  return Array.from({ length: seeds }, (_, i) => variants.map(({ name }) => ({ variant: name, seed: i + 1 }))).flat();
}

export const folderOf = (output: string, { variant, seed }: Job) => join(output, `${variant.replace(/[^a-z]+/g, '_')}-${seed}`);

/** The result of a finished run; undefined where it has not finished. @throws UserError that names a damaged file */
export async function readResult(output: string, job: Job): Promise<RunResult | undefined> {
  const file = join(folderOf(output, job), 'result.json');
  if (!existsSync(file)) return undefined;
  try {
    return parseJson(await readFile(file, 'utf8')) as RunResult;
  } catch (e) {
    throw new UserError(`${file} is not JSON; remove it, and the run is measured again.`, { cause: e });
  }
}

/** Steps of an epoch: the schedule counts in epochs, and a run of a few hundred steps has ten. */
const epochsOf = (steps: number) => Math.min(10, steps);

/** How a run trains: as `train` does, with the proportions of the original's schedule. */
export function trainingOf(settings: AblationSettings, variant: Variant, seed: number, output: string): Partial<TrainLGGANConfig> {
  const { imageSize, ngf, spadeHidden, residualBlocks, sauCompressed, ndf, steps, learningRate, ema, recipe, startDiscriminator } = settings;
  const epochs = epochsOf(steps);
  // Without VGG19 there is no second opinion.
  const { lossWeights, judged, perceptual, perceptualEvery, fakes } = PRETRAINED_RECIPE;
  const weights = { ...lossWeights[1], ...(settings.vgg === 'none' && { projected: 0 }) };
  const widths = settings.start ? {} : { ngf, spadeHidden, residualBlocks, sauCompressed };
  return {
    start: settings.start && startFile(output),
    generator: { imageSize, seed, ...widths, ...variant.generator },
    ...(recipe === 'original'
      ? { discriminator: { ndf }, lossWeights: variant.lossWeights ?? {} }
      : {
          discriminator: { kind: 'segmentation', ndf },
          judged,
          perceptual,
          perceptualEvery,
          lossWeights: { 1: { ...weights, ...variant.lossWeights?.[1] }, 2: { ...weights, ...variant.lossWeights?.[2] } },
        }),
    startDiscriminator,
    schedule: { epochs, decayEpochs: Math.round((epochs * 50) / 120), secondStageFrom: Math.floor((epochs * 90) / 120) + 1, learningRate },
    stepsPerEpoch: steps / epochs,
    fakes,
    ema,
    output,
    checkpointEvery: 100,
    keepCheckpoints: 1,
    sampleEvery: steps,
  };
}

const startFile = (folder: string) => join(folder, 'start.safetensors');

const isUpsampler = (name: string) => /^deconv[34]_(local|attention)\./.test(name);

/** Writes the network that a run begins with: `start` but for the upsamplers, which are random. */
async function writeStart(start: string, options: Partial<LGGANConfig>, file: string): Promise<void> {
  const trained = await loadGenerator(start);
  const made = createGenerator({ ...trained.config, ...options });
  try {
    const weights = new Map(trained.parameters.entries().map((e) => [e.name, e.variable]));
    for (const { name, variable } of made.parameters.entries()) {
      if (isUpsampler(name)) continue;
      const weight = weights.get(name);
      if (!weight) throw new UserError(`${start}: this generator lacks ${name}; begin with one of both branches.`);
      variable.assign(weight);
    }
    await saveParameters(file, made.parameters, { network: 'LGGAN', config: JSON.stringify(made.config) });
  } finally {
    made.dispose();
    trained.dispose();
  }
}

export interface RunHooks {
  /** Steps of this run that are done. */
  onStep?(done: number): void;
  onMessage?(message: string): void;
  signal?: AbortSignal;
}

/**
 * Trains and measures one run, or goes on with it; one that has finished is only read. Undefined where `signal` stopped it: it is saved then.
 */
export async function runJob(
  settings: AblationSettings,
  output: string,
  job: Job,
  judges: Pick<AblationJudges, 'ofGenerator'>,
  hooks: RunHooks = {},
): Promise<RunResult | undefined> {
  const finished = await readResult(output, job);
  if (finished) return finished;
  const variant = VARIANTS.find((v) => v.name === job.variant);
  if (!variant) throw new UserError(`ablation: there is no variant '${job.variant}'.`);
  const folder = folderOf(output, job);
  await mkdir(folder, { recursive: true });
  const vggPath = settings.vgg === 'none' ? undefined : settings.vgg;
  const vgg = vggPath ? await Vgg19.load(vggPath) : undefined;
  const source = await batches(settings, job.seed);
  const training = trainingOf(settings, variant, job.seed, folder);
  try {
    if (training.start) await writeStart(settings.start, training.generator!, training.start);
    const { generator, trainer, history, interrupted } = await trainLGGAN(
      training,
      { train: source, vgg },
      { onStep: (_, done) => hooks.onStep?.(done), onMessage: hooks.onMessage, signal: hooks.signal },
    );
    try {
      // A trained run that was stopped is measured when the ablation goes on.
      if (interrupted || hooks.signal?.aborted) return undefined;
      const seconds = history.series('seconds').values.reduce((a, b) => a + b, 0);
      const result: RunResult = { variant: variant.name, group: variant.group, seed: job.seed, ...(await judges.ofGenerator(generator)), seconds };
      await writeFileAtomically(join(folder, 'result.json'), `${JSON.stringify(result, undefined, 1)}\n`);
      return result;
    } finally {
      trainer.dispose();
    }
  } finally {
    vgg?.dispose();
  }
}
