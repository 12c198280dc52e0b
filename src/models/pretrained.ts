import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { newestCheckpoint } from '../checkpoints/checkpoint';
import { loadParameters } from '../checkpoints/parameters';
import { readTensorsHeader } from '../checkpoints/safetensors';
import { UserError, excerpt } from '../errors';
import { parseJson } from '../json';
import { withoutDrawing } from '../layers/parameters';
import { LGGAN, type LGGANConfig } from './lggan';
import { RCAN, type RcanConfig } from './rcan';

/**
 * A trained generator from a `.safetensors` file or from the folder of a training run (its best checkpoint, else its latest; averaged
 * weights where there are any).
 * @throws UserError that names what is missing, does not fit, or holds NaN
 */
export async function loadLGGAN(path: string): Promise<LGGAN> {
  const { file, config, numbers } = await find(path, 'LGGAN', NAMES.LGGAN);
  const generator = withoutDrawing(() => new LGGAN(config as Partial<LGGANConfig>), { file, numbers });
  return loaded(generator, file);
}

/** A trained RCAN, found as `loadLGGAN` finds a generator. */
export async function loadRCAN(path: string): Promise<RCAN> {
  const { file, config, numbers } = await find(path, 'RCAN', NAMES.RCAN);
  const network = withoutDrawing(() => new RCAN(config as Partial<RcanConfig>), { file, numbers });
  return loaded(network, file);
}

/** The file that `loadLGGAN` or `loadRCAN` reads for a path. @throws UserError as they do */
export function checkpointFile(path: string, network: 'LGGAN' | 'RCAN'): Promise<string> {
  return fileOf(path, network, NAMES[network]);
}

/** Names of a network's file in a run, the best first. */
const NAMES = { LGGAN: ['EMA', 'G'], RCAN: ['RCAN'] };

async function loaded<N extends LGGAN | RCAN>(network: N, file: string): Promise<N> {
  try {
    await loadParameters(file, network.parameters, { requireFinite: true });
    return network;
  } catch (e) {
    network.dispose();
    throw e;
  }
}

async function find(path: string, network: string, names: string[]): Promise<{ file: string; config: object; numbers: number }> {
  const file = await fileOf(path, network, names);
  const { metadata, tensors } = await readTensorsHeader(file);
  const numbers = [...tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  if (metadata.network && metadata.network !== network) {
    throw new UserError(`${file} holds the network ${metadata.network}, not ${network}; give the path of another checkpoint.`);
  }
  let config: unknown;
  try {
    config = parseJson(metadata.config ?? '{}');
  } catch {
    // Not JSON.
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new UserError(`${file}: the configuration in its metadata is not a JSON object; save it again, or remove the entry.`);
  }
  const { imageSize } = config as { imageSize?: unknown };
  // What is far larger than any photo would fill the memory with its first image.
  if (Array.isArray(imageSize) && !(imageSize.reduce((a: number, b) => a * Number(b), 1) <= 4096 * 4096)) {
    throw new UserError(`${file}: its images would have the size ${excerpt(JSON.stringify(imageSize))}, above 4096x4096; it is damaged, or not to be trusted.`);
  }
  return { file, config, numbers };
}

async function fileOf(path: string, network: string, names: string[]): Promise<string> {
  const option = network === 'RCAN' ? '--sr_checkpoint' : '--checkpoint';
  if (!existsSync(path)) throw new UserError(`${path}: there is no such checkpoint; train one, or give the path of another with ${option}.`);
  if (!statSync(path).isDirectory()) return path;
  const folder = (await newestCheckpoint(path, 'best')) ?? (await newestCheckpoint(path, 'latest')) ?? path;
  const file = names.map((n) => join(folder, `${n}.safetensors`)).find((f) => existsSync(f));
  if (!file) throw new UserError(`${path}: there is no checkpoint of ${network} in it; train one, or give the path of another with ${option}.`);
  return file;
}
