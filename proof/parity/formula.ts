import { fromOriginal, originalShape, type NamedVariables } from '../../src/checkpoints/layout';
import * as tf from '../../src/engine/tf';

/*
 * The golden files hold no weights: each value is given by a formula of the parameter's place in the sorted list of names and its own place in
 * the tensor, so that a folder of a few megabytes describes a network of 110 million numbers.
 */

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
 * The last elements of a large kernel have arguments of 6e6, where a double is rounded to 1e-9: the products and sums are taken in the order
 * of numpy's expression, since another order moves 2% of the values by one unit in the last place of float32, which shows in gradients.
 */
export function formulaWeights(i: number, shape: readonly number[], formula: WeightFormula = FORMULA): Float32Array {
  const { perIndex, perElement, perMod, mod, oneDimensionalScale } = formula;
  const n = shape.reduce((a, b) => a * b, 1);
  const scale = shape.length >= 2 ? Math.sqrt(2 / (n / shape[0])) : oneDimensionalScale;
  const first = perIndex * (i + 1);
  const out = new Float32Array(n);
  for (let j = 0; j < n; j++) out[j] = scale * sine(first + perElement * j + perMod * (j % mod));
  return out;
}

// 2 pi in two parts, of which the first has so few bits that its product with a whole number below 2^26 is exact.
const TURN_HIGH = 6.283185303211212;
const TURN_LOW = 3.968374318722162e-9;

/**
 * The sine to 1e-11, for arguments up to 1e8: nine times as fast as Math.sin on large ones. Whole turns are taken off, then the series
 * of Taylor up to x^15 on a quarter turn.
 */
function sine(x: number): number {
  const turns = Math.round(x / (2 * Math.PI));
  let r = x - turns * TURN_HIGH - turns * TURN_LOW;
  if (r > Math.PI / 2) r = Math.PI - r;
  else if (r < -Math.PI / 2) r = -Math.PI - r;
  const q = r * r;
  return r * (1 + q * (-1 / 6 + q * (1 / 120 + q * (-1 / 5040 + q * (1 / 362880 + q * (-1 / 39916800 + q * (1 / 6227020800 - q / 1307674368000)))))));
}

/**
 * Fills a network's parameters with formula weights. `index` is the list of the golden file (`goldenIndex('G')`), which
 * also counts names that the network may lack (`fc`); without it the network's own names are counted. `X.weight` and
 * `X.weight_orig` are the same name to it. Statistics and the vectors of spectral norm are left as they are. `nudged`
 * moves every value by the last bit of float32, up or down. Throws where a name or a shape does not match.
 */
export function applyFormula(parameters: NamedVariables, index?: GoldenIndex, formula: WeightFormula = FORMULA, nudged = false): void {
  const entries = parameters.entries().map((e) => ({ ...e, shape: originalShape(e.kind, e.variable.shape) }));
  const plain = (name: string) => name.replace(/weight_orig$/, 'weight');
  const byName = new Map((index ?? indexOf(entries)).map((row) => [plain(row[1]), row]));
  for (const e of entries) {
    if (NOT_COUNTED.test(e.name)) continue;
    const row = byName.get(plain(e.name));
    if (!row) throw new Error(`the golden index does not know ${e.name}`);
    if (`${row[2]}` !== `${e.shape}`) throw new Error(`${e.name} has the shape [${e.shape}] in the original's layout, the golden file [${row[2]}]`);
    const values = formulaWeights(row[0], e.shape, formula);
    if (nudged) nudge(values);
    tf.tidy(() => e.variable.assign(fromOriginal(e.kind, e.variable.shape, values)));
  }
}

/** Moves each value by 6e-8 of itself, which float32 rounds to its last bit; the sign is one bit of a hash of the place. */
function nudge(values: Float32Array): void {
  for (let j = 0; j < values.length; j++) values[j] *= 1 + ((Math.imul(j + 1, 0x9e3779b1) >>> 16) & 1 ? 8e-8 : -8e-8);
}

/** The formula's label map [height][width], row by row; element `b` of a batch; `sparse`: only classes 0..6. */
export function goldenLabels(height: number, width: number, b = 0, sparse = false): Uint8Array {
  const labels = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const base = (Math.floor((y * 7) / height) * 5 + Math.floor((x * 5) / width) * 3 + ((y * x) % 11 === 0 ? 1 : 0)) % 29;
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
