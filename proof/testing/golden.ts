import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GoldenIndex } from '../parity/formula';
import { material } from './material';
import { readNpz, type NpyArray } from './npz';

export * from '../parity/formula';

const arrays = new Map<string, Map<string, NpyArray>>();
const documents = new Map<string, unknown>();

function goldenFile(name: string): string {
  const file = material(join('golden', name));
  if (!file) throw new Error(`golden/${name} is not on this machine: ask withMaterial(t, 'golden/${name}') first`);
  return file;
}

/** The arrays of `golden/NAME.npz`, read once. */
export function golden(name: string): Map<string, NpyArray> {
  if (!arrays.has(name)) arrays.set(name, readNpz(goldenFile(name)));
  return arrays.get(name)!;
}

/** One array of `golden/NAME.npz`. */
export function goldenArray(name: string, array: string): NpyArray {
  const found = golden(name).get(array);
  if (!found) throw new Error(`golden/${name} holds no array '${array}'`);
  return found;
}

/**
 * What enters one of the four upsamplers, its weights and its output, NHWC: whole, or where the large files are missing the upper left corner
 * (weights and output without the last rows, which lack neighbours; the output of every eighth channel).
 */
export function goldenUpsampler(name: string): { input: NpyArray; weight: NpyArray; out: NpyArray } {
  const whole = golden('golden_small.npz').get(`sau/${name}.in`)?.sampled === undefined;
  const read = (what: string) => nhwc(whole ? goldenArray('golden_small.npz', `sau/${name}.${what}`) : goldenArray('sau.npz', `${name}.${what}`));
  return { input: read('in'), weight: read('weight'), out: read('out') };
}

/** The document `golden/NAME.json`, read once. */
export function goldenJson<T = Record<string, unknown>>(name: string): T {
  if (!documents.has(name)) documents.set(name, JSON.parse(readFileSync(goldenFile(name), 'utf8')));
  return documents.get(name) as T;
}

/**
 * The names the formula counts: of the generator, the discriminator, and the small RCAN (1 group of 2 blocks, see the
 * file).
 */
export function goldenIndex(network: 'G' | 'D' | 'rcan'): GoldenIndex {
  return network === 'rcan'
    ? goldenJson<{ small_index: GoldenIndex }>('golden_rcan.json').small_index
    : goldenJson<Record<string, GoldenIndex>>('golden_small.json')[`${network}_index`];
}

/** An array of the original, [N, C, H, W], as TensorFlow.js has it, [N, H, W, C]. */
export function nhwc(array: NpyArray): NpyArray {
  if (array.sampled) throw new Error('a sampled array has no layout');
  const [n, c, h, w] = array.shape;
  const out = array.data.slice();
  for (let b = 0, i = 0; b < n; b++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < h * w; p++, i++) out[(b * h * w + p) * c + k] = array.data[i];
    }
  }
  return { shape: [n, h, w, c], dtype: array.dtype, data: out };
}
