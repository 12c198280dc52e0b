import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../src/common/errors';
import { newestCheckpoint } from '../../src/checkpoints/checkpoint';
import { parseJson } from '../../src/common/json';
import { refuseInputs } from '../../src/common/targets';
import { describedGenerator, type Description } from '../../src/models/described';
import { LGGAN_DEFAULTS, type LGGANConfig } from '../../src/models/lggan/config';
import { paintLike } from '../../src/models/lggan/like';
import { STYLES } from '../../src/models/lggan/style_bank';
import type { Size } from '../../src/data/types';
import { savePickle } from './pickle_writer';
import { assignParameters, checkParameters, parameterEntries } from '../../src/checkpoints/parameters';
import { listed, readTensors, saveTensors, type StoredTensor, type TensorEntry, type TensorFile } from '../../src/checkpoints/safetensors';

export interface ExportOptions {
  /** Which network of a run's folder: G, D, EMA, RCAN. */
  network?: string;
  /** Kernels and matrices in half precision, half the size; `.safetensors` only. */
  half?: boolean;
  /** A generator's size of images from now on, [height, width]; `.safetensors` only. Default: as saved. */
  imageSize?: Size;
  /** Checkpoints of the same network whose mean with this one is written, see `meanOf`; a folder of a run gives what `network` says. */
  mean?: readonly string[];
  /** Of a generator: classes that are painted as another one, see `paintLike`. */
  like?: Readonly<Record<string, string>>;
  onProgress?: (done: number, total: number) => void;
}

/**
 * Writes a checkpoint of ours for other programs: `.safetensors`, or `.pkl` as the original loads it (names to numpy
 * arrays; RCAN's under 'model'). `source` is a `.safetensors` file or the folder of a run, whose best checkpoint is
 * taken, else its latest. Returns what was exported.
 */
export async function exportCheckpoint(source: string, target: string, options: ExportOptions = {}): Promise<{ file: string; tensors: number }> {
  const { network = 'G', half = false, imageSize, mean = [], like, onProgress } = options;
  const file = await checkpointFile(source, network);
  const others = await Promise.all(mean.map((other) => checkpointFile(other, network)));
  refuseInputs([file, ...others], [target]);
  const { tensors: own, metadata } = await readTensors(file);
  const tensors = others.length ? await meanOf(file, { tensors: own, metadata }, others) : own;
  if (imageSize) metadata.config = JSON.stringify(resized(file, { metadata, tensors }, imageSize));
  const saved = [...tensors].map(([name, { shape, data, dtype }]): TensorEntry => {
    if (!(data instanceof Float32Array)) throw new UserError(`${file} holds ${name} of type ${dtype}; only weights in float can be exported.`);
    return { name, shape, data };
  });
  const entries = like ? await likened(file, { tensors, metadata }, like) : saved;
  if (target.endsWith('.safetensors')) await saveTensors(target, entries, metadata, { half, onProgress });
  else if (target.endsWith('.pkl') && imageSize)
    throw new UserError(`${target}: a size of images is for .safetensors only; the original keeps it in its code.`);
  else if (target.endsWith('.pkl') && half) throw new UserError(`${target}: half precision is for .safetensors only; the original reads float32.`);
  else if (target.endsWith('.pkl')) await savePickle(target, entries, { under: tensors.has('tail.0.0.weight') ? 'model' : undefined, onProgress });
  else throw new UserError(`${target}: the name has to end in .pkl or .safetensors.`);
  return { file, tensors: entries.length };
}

/** The configuration of a generator for another size of images. @throws UserError where the file holds another network, or the size is none */
function resized(file: string, description: Description, imageSize: Size): LGGANConfig {
  const generator = describedGenerator(file, description, { imageSize });
  generator.dispose();
  return generator.config;
}

/** What has to be alike for a mean: the kind of network and its configuration but for the size of the images and the seed. */
function sameForMean({ network, config }: Record<string, string>): unknown {
  const defaults = network === 'LGGAN' ? LGGAN_DEFAULTS : {};
  return [network, config && { ...defaults, ...(parseJson(config) as object), imageSize: undefined, seed: undefined }];
}

/**
 * The mean of a network's weights at several moments of its training, each counting alike ("model soups", 2203.05482, the uniform one); a file named
 * twice counts twice. The vectors of spectral norm keep their length of 1; the known scenes are those of `file` (see `StyleBank`), as a scene is no mean of others.
 * @throws UserError for a file of another network, and where such vectors point against each other
 */
async function meanOf(file: string, { tensors, metadata }: TensorFile, others: readonly string[]): Promise<Map<string, StoredTensor>> {
  const numbers = ({ data }: StoredTensor) => Float64Array.from(data as ArrayLike<number>, Number);
  const sums = new Map([...tensors].map(([name, tensor]) => [name, numbers(tensor)]));
  for (const other of others) {
    const { tensors: read, metadata: of } = await readTensors(other);
    const names = new Set([...tensors.keys(), ...read.keys()]);
    const wrong = [...names].filter((name) => `${read.get(name)?.shape}` !== `${tensors.get(name)?.shape}`);
    const alike = isDeepStrictEqual(sameForMean(metadata), sameForMean(of));
    if (wrong.length || !alike) {
      const how = wrong.length ? `they differ in ${listed(wrong)}` : 'their configurations differ';
      throw new UserError(`${other} is not of the same network as ${file}: ${how}; a mean is of one network's weights.`);
    }
    for (const [name, sum] of sums) numbers(read.get(name)!).forEach((value, i) => (sum[i] += value));
  }
  return new Map(
    [...tensors].map(([name, tensor]) => {
      if (name === STYLES) return [name, tensor];
      const sum = sums.get(name)!;
      const size = /\.weight_[uv]$/.test(name) ? Math.sqrt(sum.reduce((all, value) => all + value * value, 0)) : others.length + 1;
      if (!size)
        throw new UserError(`${file} and the others: their ${name} point against each other, so that there is no mean of them; take moments of one training.`);
      return [name, { ...tensor, data: tensor.data instanceof Float32Array ? Float32Array.from(sum, (value) => value / size) : tensor.data }];
    }),
  );
}

/** The weights of a generator that paints classes as others. */
async function likened(file: string, { tensors, metadata }: TensorFile, like: Readonly<Record<string, string>>): Promise<TensorEntry[]> {
  const generator = describedGenerator(file, { tensors, metadata });
  try {
    checkParameters(file, tensors, generator.parameters);
    assignParameters(tensors, generator.parameters);
    paintLike(generator, like);
    const valued = async ({ data, ...entry }: TensorEntry) => ({ ...entry, data: typeof data === 'function' ? await data() : data });
    return await Promise.all(parameterEntries(generator.parameters).map(valued));
  } finally {
    generator.dispose();
  }
}

async function checkpointFile(source: string, network: string): Promise<string> {
  if (!existsSync(source)) throw new UserError(`There is no checkpoint ${source}.`);
  if (!statSync(source).isDirectory()) return source;
  const folder = (await newestCheckpoint(source, 'best')) ?? (await newestCheckpoint(source, 'latest')) ?? source;
  const file = join(folder, `${network}.safetensors`);
  if (!existsSync(file)) throw new UserError(`${folder} holds no ${network}.safetensors: say which network with --network.`);
  return file;
}
