import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { LabelMap } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { readNpz, type NpyArray } from '../testing/npz';
import type { GoldenIndex, WeightFormula } from './formula';

/** What `golden_small.json` and its like may hold, as far as it is read. */
export type GoldenDocument = Record<string, unknown> & { G_index?: GoldenIndex; D_index?: GoldenIndex };

/** Differences between two builds of the original: [largest, root mean square] by array, largest by loss, of the norm by gradient. */
export interface Tolerances {
  arrays: Record<string, [number, number]>;
  losses: Record<string, Record<string, number>>;
  gradients: Record<string, Record<string, number>>;
}

/**
 * A folder of golden files: `formula.json` with the constants of the weights, `*.npz` with inputs (`in/label`, `in/image`) and outputs, and
 * beside each of these a `.json` of the same name with names, losses, gradients and layers. Files are read when they are asked for, once.
 */
export class GoldenFolder {
  readonly formula: WeightFormula;
  private readonly archives = new Map<string, Map<string, NpyArray>>();
  private readonly documents = new Map<string, GoldenDocument>();
  private readonly names: string[];

  /** @throws UserError if the folder or its formula.json is missing or not what it should be */
  constructor(readonly path: string) {
    if (!existsSync(path) || !statSync(path).isDirectory()) throw new UserError(`${path}: there is no such folder; give the path of a folder of golden files.`);
    this.names = readdirSync(path).sort();
    this.formula = readFormula(join(path, 'formula.json'));
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }

  /** Names of archives and documents of golden numbers, without their endings: `golden_small`, ... */
  documentNames(): string[] {
    const names = this.names.map((n) => /^(golden.*)\.json$|^(.+)\.npz$/.exec(n)).map((m) => m?.[1] ?? m?.[2]);
    return [...new Set(names.filter((n): n is string => n !== undefined))];
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** The arrays of NAME.npz; empty where there is none. */
  arrays(name: string): Map<string, NpyArray> {
    let found = this.archives.get(name);
    if (!found) this.archives.set(name, (found = this.has(`${name}.npz`) ? readNpz(this.file(`${name}.npz`)) : new Map()));
    return found;
  }

  /** The document NAME.json; empty where there is none. */
  document(name: string): GoldenDocument {
    let found = this.documents.get(name);
    if (!found) this.documents.set(name, (found = this.has(`${name}.json`) ? readJson(this.file(`${name}.json`)) : {}));
    return found;
  }

  /** A list of NAME.json; empty where there is none. */
  list<T>(name: string, key: string): T[] {
    const value = this.document(name)[key];
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw new UserError(`${this.file(`${name}.json`)}: ${key} is not a list; write it as the golden files do.`);
    return value as T[];
  }

  /** By how much two builds of the original differ; the folder's tolerances.json tells it of golden_small. */
  tolerances(name: string): Tolerances {
    if (name !== 'golden_small' || !this.has('tolerances.json')) return { arrays: {}, losses: {}, gradients: {} };
    const content = this.document('tolerances');
    const section = (start: string) => content[Object.keys(content).find((key) => key.startsWith(start)) ?? ''] ?? {};
    return {
      arrays: section('abs_diff') as Tolerances['arrays'],
      losses: section('losses') as Tolerances['losses'],
      gradients: section('grad') as Tolerances['gradients'],
    };
  }

  /** Who computed the outputs, as manifest.json says. */
  get upstream(): string {
    const { upstream, versions } = this.document('manifest') as Record<string, Record<string, string> | undefined>;
    if (!upstream?.repo) return 'the outputs of the folder';
    return `the original's own code (${upstream.commit?.slice(0, 7) ?? upstream.repo}${versions?.jittor ? `, Jittor ${versions.jittor}, CPU` : ''})`;
  }

  /** The first list of names of a network that a document of the folder holds. */
  index(key: 'G_index' | 'D_index'): GoldenIndex | undefined {
    for (const name of this.names) {
      if (!/^golden.*\.json$/.test(name)) continue;
      const index = this.document(name.slice(0, -5))[key];
      if (index === undefined) continue;
      const fits = Array.isArray(index) && index.every((r) => Array.isArray(r) && typeof r[1] === 'string' && Array.isArray(r[2]));
      if (!fits) throw new UserError(`${this.file(name)}: ${key} is not a list of [place, name, shape]; write it as the golden files do.`);
      return index;
    }
    return undefined;
  }
}

function readFormula(file: string): WeightFormula {
  if (!existsSync(file)) throw new UserError(`${file} does not exist; it has to hold the constants of the weight formula.`);
  const content = readJson(file);
  const constant = (key: keyof WeightFormula) => {
    const value = content[key];
    if (typeof value !== 'number' || !Number.isFinite(value) || (key === 'mod' && !(Number.isInteger(value) && value > 0)))
      throw new UserError(`${file}: ${key} is ${JSON.stringify(value)}; it has to be a ${key === 'mod' ? 'positive whole ' : ''}number.`);
    return value;
  };
  return {
    perIndex: constant('perIndex'),
    perElement: constant('perElement'),
    perMod: constant('perMod'),
    mod: constant('mod'),
    oneDimensionalScale: constant('oneDimensionalScale'),
  };
}

function readJson(file: string): GoldenDocument {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (e) {
    throw new UserError(`${file} cannot be read as JSON (${(e as Error).message}); make it again.`, { cause: e });
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) throw new UserError(`${file} holds no JSON object; make it again.`);
  return content as GoldenDocument;
}

/** Label maps of `in/label`: [H,W], [B,H,W] or [B,1,H,W] whole numbers. `where` names the file in errors. */
export function labelMaps({ shape, data }: NpyArray, where: string, classes: number): LabelMap[] {
  const [height, width] = shape.slice(-2);
  const leading = shape.slice(0, -2);
  if (shape.length < 2 || shape.length > 4 || (shape.length === 4 && shape[1] !== 1))
    throw new UserError(`${where}: in/label has the shape [${shape}]; it has to be [H,W] or [B,H,W].`);
  if (height % 32 || width % 32 || !height || !width)
    throw new UserError(`${where}: in/label is ${height}x${width}; height and width have to be multiples of 32.`);
  const batch = leading.reduce((a, b) => a * b, 1);
  const wrong = Array.prototype.find.call(data, (v: number) => !Number.isInteger(v) || v < 0 || v >= classes) as number | undefined;
  if (wrong !== undefined) throw new UserError(`${where}: in/label holds ${wrong}; classes are whole numbers from 0 to ${classes - 1}.`);
  const size = height * width;
  return Array.from({ length: batch }, (_, b) => ({ data: Uint8Array.from(data.slice(b * size, (b + 1) * size)), height, width }));
}

/** Images of `in/image`, [3,H,W] or [B,3,H,W], as one [batch,3,H,W]; a single one stands for the whole batch. */
export function imageBatch({ shape, data }: NpyArray, where: string, maps: readonly LabelMap[]): { shape: number[]; data: Float32Array } {
  const [{ height, width }] = maps;
  const size = 3 * height * width;
  const count = shape.length === 4 ? shape[0] : 1;
  if (`${shape.slice(-3)}` !== `${[3, height, width]}` || shape.length > 4 || (count !== 1 && count !== maps.length))
    throw new UserError(`${where}: in/image has the shape [${shape}]; beside its label maps it has to be [3,${height},${width}] or one for each map.`);
  const batch = new Float32Array(maps.length * size);
  for (let b = 0; b < maps.length; b++) batch.set(data.slice((b % count) * size, ((b % count) + 1) * size), b * size);
  return { shape: [maps.length, 3, height, width], data: batch };
}
