import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromOriginal, originalShape, type NamedVariables } from '../checkpoints/layout';
import * as tf from '../tf';
import { material } from './material';
import { readNpz, type NpyArray } from './npz';

/**
 * The constants of the weight formula of the golden files: value[j] = s * sin(perIndex * (i + 1) + perElement * j +
 * perMod * (j mod mod)), in float64, rounded to float32, j in C order of the original's layout; s = sqrt(2 / product of
 * all dimensions but the first), or `oneDimensionalScale` for vectors.
 */
export interface WeightFormula {
  perIndex: number;
  perElement: number;
  perMod: number;
  mod: number;
  oneDimensionalScale: number;
}

/** The formula of `golden/formula.json`. */
export const FORMULA: WeightFormula = {
  perIndex: 0.37,
  perElement: 0.61,
  perMod: 0.013,
  mod: 97,
  oneDimensionalScale: 0.05,
};

/** Names that the formula skips: they keep the value they are constructed with. */
const NOT_COUNTED = /(weight_u|weight_v|running_mean|running_var)$|^(sub_mean|add_mean)\./;

/** Position, name and shape (the original's layout) of each parameter that the formula fills. */
export type GoldenIndex = readonly (readonly [number, string, readonly number[]])[];

/**
 * Counts state-dict names as the golden files do: sorted by ASCII bytes, without statistics, u and v, and RCAN's mean
 * shift.
 */
export function indexOf(entries: readonly { name: string; shape: readonly number[] }[]): GoldenIndex {
  return entries
    .filter((e) => !NOT_COUNTED.test(e.name))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
    .map((e, i) => [i, e.name, e.shape] as const);
}

/**
 * The formula's values for one parameter; `shape` is the original's.
 *
 * sin(a + b) is taken from tables of a and b, which is 11 times as fast as a sine for each element (1 s for the full
 * generator). It differs from the literal formula by 1e-9 at most, which moves 2% of the values by one unit in the last
 * place of float32.
 */
export function formulaWeights(i: number, shape: readonly number[], formula: WeightFormula = FORMULA): Float32Array {
  const { perIndex, perElement, perMod, mod, oneDimensionalScale } = formula;
  const n = shape.reduce((a, b) => a * b, 1);
  const scale = shape.length >= 2 ? Math.sqrt((2 * shape[0]) / n) : oneDimensionalScale;
  const sin = new Float64Array(mod);
  const cos = new Float64Array(mod);
  for (let r = 0; r < mod; r++) {
    sin[r] = Math.sin((perElement + perMod) * r);
    cos[r] = Math.cos((perElement + perMod) * r);
  }
  const out = new Float32Array(n);
  for (let start = 0; start < n; start += mod) {
    const phase = perIndex * (i + 1) + perElement * start;
    const s = scale * Math.sin(phase);
    const c = scale * Math.cos(phase);
    const count = Math.min(mod, n - start);
    for (let r = 0; r < count; r++) out[start + r] = s * cos[r] + c * sin[r];
  }
  return out;
}

/** The formula's values for a whole network, by name, in the original's layout. */
export function goldenWeights(
  entries: readonly { name: string; shape: readonly number[] }[],
  formula: WeightFormula = FORMULA,
): Map<string, Float32Array> {
  return new Map(indexOf(entries).map(([i, name, shape]) => [name, formulaWeights(i, shape, formula)]));
}

/**
 * Fills a network's parameters with formula weights. `index` is the list of the golden file (`goldenIndex('G')`), which
 * also counts names that the network may lack (`fc`); without it the network's own names are counted. `X.weight` and
 * `X.weight_orig` are the same name to it. Statistics and the vectors of spectral norm are left as they are. Throws
 * where a name or a shape does not match.
 */
export function applyFormula(parameters: NamedVariables, index?: GoldenIndex, formula: WeightFormula = FORMULA): void {
  const entries = parameters.entries().map((e) => ({ ...e, shape: originalShape(e.kind, e.variable.shape) }));
  const plain = (name: string) => name.replace(/weight_orig$/, 'weight');
  const byName = new Map((index ?? indexOf(entries)).map((row) => [plain(row[1]), row]));
  for (const e of entries) {
    if (NOT_COUNTED.test(e.name)) continue;
    const row = byName.get(plain(e.name));
    if (!row) throw new Error(`the golden index does not know ${e.name}`);
    if (`${row[2]}` !== `${e.shape}`)
      throw new Error(`${e.name} has the shape [${e.shape}] in the original's layout, the golden file [${row[2]}]`);
    tf.tidy(() => e.variable.assign(fromOriginal(e.kind, e.variable.shape, formulaWeights(row[0], e.shape, formula))));
  }
}

/** The formula's label map [height][width], row by row; element `b` of a batch; `sparse`: only classes 0..6. */
export function goldenLabels(height: number, width: number, b = 0, sparse = false): Uint8Array {
  const labels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const base =
        (Math.floor((y * 7) / height) * 5 + Math.floor((x * 5) / width) * 3 + ((y * x) % 11 === 0 ? 1 : 0)) % 29;
      const label = (base + 7 * b) % 29;
      labels[y * width + x] = sparse ? label % 7 : label;
    }
  }
  return labels;
}

/** The formula's image, [height, width, 3] in [-1, 1], the same for each element of a batch. */
export function goldenImage(height: number, width: number): Float32Array {
  const image = new Float32Array(height * width * 3);
  for (let i = 0, y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++, i++) image[i] = Math.sin(0.1 * (c + 1) * x + 0.07 * y);
    }
  }
  return image;
}

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
  const [n, c, h, w] = array.shape;
  const out = array.data.slice();
  for (let b = 0, i = 0; b < n; b++) {
    for (let k = 0; k < c; k++) {
      for (let p = 0; p < h * w; p++, i++) out[(b * h * w + p) * c + k] = array.data[i];
    }
  }
  return { shape: [n, h, w, c], dtype: array.dtype, data: out };
}
