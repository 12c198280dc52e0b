import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { newestCheckpoint } from '../checkpoints/checkpoint';
import { assignParameters, checkParameters, loadParameters } from '../checkpoints/parameters';
import { readTensors, readTensorsHeader } from '../checkpoints/safetensors';
import { UserError } from '../common/errors';
import type { Size } from '../data/types';
import type { Parameters } from '../layers/core/parameters';
import { guessNetwork } from './config_from_shapes';
import { describedGenerator, describedRCAN, type Description } from './described';
import type { Generator } from './lggan/generator';
import { LGGAN } from './lggan/lggan';
import { HEADS } from './projected_heads';
import type { RCAN } from './rcan';

export interface LoadGeneratorOptions {
  /** [height, width] of the images, multiples of 32: the network is convolutional, and paints at other sizes than it was trained at. Default: as saved. */
  imageSize?: Size;
}

/**
 * A trained generator from a `.safetensors` file or from the folder of a training run (its best checkpoint, else its latest; averaged
 * weights where there are any).
 * @throws UserError that names what is missing, does not fit, or holds NaN
 */
export async function loadLGGAN(path: string, options?: LoadGeneratorOptions): Promise<LGGAN> {
  const generator = await loadGenerator(path, options);
  if (generator instanceof LGGAN) return generator;
  const { branches } = generator.config;
  generator.dispose();
  throw new UserError(`${path}: this generator has its ${branches} branch alone; load one of both branches.`);
}

/** The same, or a generator of one branch alone. */
export async function loadGenerator(path: string, { imageSize }: LoadGeneratorOptions = {}): Promise<Generator> {
  const file = await checkpointFile(path, 'LGGAN');
  return described(file, (name, description) => describedGenerator(name, description, imageSize && { imageSize }));
}

/** A trained RCAN, found as `loadLGGAN` finds a generator. */
export async function loadRCAN(path: string): Promise<RCAN> {
  const file = await checkpointFile(path, 'RCAN');
  return described(file, describedRCAN);
}

/**
 * Loads a discriminator from a `.safetensors` file, whether or not both have heads: those that the file lacks keep their random weights, those that the
 * discriminator lacks are left. Says which, where there is something to say.
 * @throws UserError where anything else does not fit
 */
export async function loadDiscriminator(file: string, parameters: Parameters): Promise<string | undefined> {
  const { tensors } = await readTensors(file);
  const ofHeads = (name: string) => name.startsWith(`${HEADS}.`);
  const theirs = [...tensors.keys()].filter(ofHeads);
  const wanted = parameters.entries().some((e) => ofHeads(e.name));
  if (!wanted) theirs.forEach((name) => tensors.delete(name));
  const entries = () => parameters.entries().filter((e) => theirs.length > 0 || !ofHeads(e.name));
  checkParameters(file, tensors, { entries });
  assignParameters(tensors, { entries });
  if (wanted === theirs.length > 0) return undefined;
  return `${file}: ${wanted ? 'it has no heads for a second opinion, which begin at random.' : 'its heads for a second opinion are left out, as no weight asks for them.'}`;
}

/** What a network's files are called: in a run's folder, and where the project carries a trained one. */
const NETWORKS = {
  LGGAN: { title: 'Generator', run: 'lggan', files: ['EMA', 'G'], option: '--checkpoint' },
  RCAN: { title: 'RCAN', run: 'rcan', files: ['RCAN'], option: '--sr_checkpoint' },
} as const;
export type NetworkName = keyof typeof NETWORKS;

export interface CheckpointChoice {
  /** For `loadLGGAN` or `loadRCAN`. */
  path: string;
  /** Which it is, and why: one line to print. */
  sentence: string;
}

/** The small network that comes with the project; 'discriminator': the one that the generator was trained against, for `startDiscriminator`. */
export const pretrained = (network: NetworkName | 'discriminator', folder = 'checkpoints') =>
  join(folder, 'pretrained', `${network === 'discriminator' ? network : NETWORKS[network].run}.safetensors`);

/**
 * Which network is meant: the one that is named, else the one that comes with the project, whatever was trained here since; undefined where
 * there is neither. The one place that decides it.
 */
export async function findCheckpoint(network: NetworkName, named?: string, folder = 'checkpoints'): Promise<CheckpointChoice | undefined> {
  const { title, run, option } = NETWORKS[network];
  if (named) return { path: named, sentence: `${title}: ${named}, as asked.` };
  const carried = pretrained(network, folder);
  if (!existsSync(carried)) return undefined;
  const own = join(folder, run);
  const hint = existsSync(own) && (await networkFile(own, network)) ? `; ${option} ${own} takes the one that was trained here` : '';
  return { path: carried, sentence: `${title}: ${carried}, which comes with the project${hint}.` };
}

/** The same where a network is needed. @throws UserError where none is named and there is neither */
export async function chooseCheckpoint(network: NetworkName, named?: string, folder = 'checkpoints'): Promise<CheckpointChoice> {
  const found = await findCheckpoint(network, named, folder);
  if (found) return found;
  const { option } = NETWORKS[network];
  throw new UserError(
    `${pretrained(network, folder)}, the network that comes with the project, is missing; \`git checkout ${folder}/pretrained\` brings it back, or give the path of another with ${option}.`,
  );
}

/**
 * Builds the network that the file's metadata describe, and loads it. Without a configuration an RCAN's sizes are read off its tensors; a
 * generator's tell neither the size of its images nor its behaviour, and the default ones are tried.
 */
async function described<N extends Generator | RCAN>(file: string, build: (file: string, header: Description) => N): Promise<N> {
  const header = await readTensorsHeader(file);
  if (header.metadata.config !== undefined) return loaded(build(file, header), file);
  try {
    const guess = guessNetwork(file, header.tensors);
    const config = guess.network === 'RCAN' ? JSON.stringify(guess.config) : '{}';
    return await loaded(build(file, { ...header, metadata: { ...header.metadata, network: guess.network, config } }), file);
  } catch (e) {
    if (!(e instanceof UserError)) throw e;
    throw new UserError(
      `${file}: there is no configuration in it, and it cannot be taken as it is; make a checkpoint of it by \`npm run import-checkpoint -- ${file}\`. (${e.message})`,
      { cause: e },
    );
  }
}

async function loaded<N extends Generator | RCAN>(network: N, file: string): Promise<N> {
  try {
    await loadParameters(file, network.parameters, { requireFinite: true });
    return network;
  } catch (e) {
    network.dispose();
    throw e;
  }
}

/** The file that `loadLGGAN` or `loadRCAN` reads for a path. @throws UserError as they do */
export async function checkpointFile(path: string, network: NetworkName): Promise<string> {
  const { option } = NETWORKS[network];
  if (!existsSync(path)) throw new UserError(`${path}: there is no such checkpoint; train one, or give the path of another with ${option}.`);
  if (!statSync(path).isDirectory()) {
    refuseOther(path);
    return path;
  }
  const file = await networkFile(path, network);
  if (!file) throw new UserError(`${path}: there is no checkpoint of ${network} in it; train one, or give the path of another with ${option}.`);
  return file;
}

/** Refuses another program's weights, which often lie in a checkpoint's place. */
function refuseOther(file: string): void {
  const start = Buffer.alloc(64);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, start, 0, start.length, 0);
  } finally {
    closeSync(handle);
  }
  const text = start.toString('latin1');
  // A zip archive, or a pickle of protocol 2 to 5.
  if (text.startsWith('PK') || /^\x80[\x02-\x05]/.test(text)) {
    throw new UserError(
      `${file}: these are weights of another program (PyTorch, Jittor); make a checkpoint of them by \`npm run import-checkpoint -- ${file}\`.`,
    );
  }
}

/** The file in the folder of a run; undefined where there is none yet. */
async function networkFile(run: string, network: NetworkName): Promise<string | undefined> {
  const folder = (await newestCheckpoint(run, 'best')) ?? (await newestCheckpoint(run, 'latest')) ?? run;
  return NETWORKS[network].files.map((n) => join(folder, `${n}.safetensors`)).find((f) => existsSync(f));
}
