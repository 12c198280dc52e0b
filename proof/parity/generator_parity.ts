import type { LabelMap } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import type { NpyArray } from '../testing/npz';
import { deviation } from '../testing/close';
import { compareArray, compareSummary, figures, RELATIVE_LIMIT, type CompareOptions, type Summary, type Values } from './compare';
import { exactOutputs } from './exact';
import { labelMaps, type GoldenFolder } from './folder';
import { goldenLabels } from './formula';
import { runGenerator } from './generator';
import { freshStatistics, type GoldenNetworks } from './networks';
import type { Section } from './row';

type Mode = 'eval' | 'train';

/** A place of the generator's tuple of outputs in a document. */
type OutputSummary = { name: string; train_equals_eval?: boolean } & Partial<Record<Mode, Summary>>;

/** One thing the folder says of the generator. */
interface Expectation {
  mode: Mode;
  /** As `runGenerator` names it. */
  name: string;
  /** As the folder names it. */
  quantity: string;
  array?: NpyArray;
  summary?: Summary;
  group?: string;
}

/**
 * The generator: every output, SAU and layer that NAME.npz and NAME.json tell of, in evaluation and training mode, and the running statistics
 * after one pass in training mode. Undefined where the two say nothing of it.
 */
export function generatorSections(networks: GoldenNetworks, name: string): Section[] {
  const { folder } = networks;
  const found = expectations(folder, name);
  if (!found.length) return [];
  const where = folder.file(`${name}.npz`);
  const { generator } = networks;
  const maps = mapsOf(folder, name, found, generator.config.classes);
  if (typeof maps === 'string') return [{ ...describe(folder, name, 'generator'), rows: [], notes: [maps] }];

  const sections: Section[] = [];
  for (const mode of ['eval', 'train'] as const) {
    const expected = found.filter((e) => e.mode === mode);
    if (!expected.length) continue;
    sections.push(compareMode(networks, name, mode, expected, maps));
  }
  const unknown = [...folder.arrays(name).keys()].filter((key) => !isKnown(key));
  if (unknown.length) sections[0].notes.push(`${where} also holds ${unknown.join(', ')}, which are no names that are known here.`);
  return sections;
}

function compareMode(networks: GoldenNetworks, name: string, mode: Mode, expected: Expectation[], maps: LabelMap[]): Section {
  const { folder } = networks;
  const training = mode === 'train';
  const wanted = new Set(expected.map((e) => e.name));
  const run = () => {
    const values = runGenerator(networks.generator, maps, training, (n) => wanted.has(n));
    const statistics = training ? runningStatistics(networks) : new Map<string, Values>();
    freshStatistics(networks.generator.parameters);
    return new Map([...values, ...statistics]);
  };
  const actual = run();
  const tolerances = folder.tolerances(name);
  const exact = exactOutputs(folder.formula, maps);
  const section = describe(folder, name, training ? 'generator, training mode' : 'generator, evaluation mode');
  // Norms amplify rounding where a channel hardly varies or has few pixels. How far it carries is known for the arrays of tolerances.json and
  // float64.json; where a row exceeds its limit without, it is measured here.
  let rounding: Map<string, Values> | undefined;
  const skipped: string[] = [];
  for (const e of expected) {
    const value = actual.get(e.name);
    if (!value && e.quantity.startsWith('trace ')) {
      skipped.push(e.quantity.slice(6));
      continue;
    }
    const options: CompareOptions = { group: e.group, tolerance: 4 * (tolerances.arrays[e.quantity]?.[0] ?? 0) };
    if (e.summary && e.quantity in exact) {
      const { error } = deviation(figures(e.summary), figures(exact[e.quantity]));
      const own = compareSummary(
        `${e.quantity} in float64`,
        value,
        { ...e.summary, ...exact[e.quantity] },
        { group: 'against float64', relative: FLOAT64_LIMIT[mode] },
      );
      section.rows.push({ ...own, note: `the reference stands ${error.toExponential(1)} from it` });
      options.tolerance = 2 * error;
      if (2 * error > RELATIVE_LIMIT * own.scale) options.note = 'limit: twice what the reference stands from float64';
    }
    const compare = () => (e.array ? compareArray(e.quantity, value, e.array, options) : compareSummary(e.quantity, value, e.summary!, options));
    let row = compare();
    if (value && row.error > row.limit!) {
      if (!rounding) {
        networks.fill(true);
        rounding = run();
        networks.fill(false);
      }
      const { error } = compareArray(e.quantity, rounding.get(e.name), value);
      if (ROUNDINGS * error > row.limit!) {
        options.tolerance = ROUNDINGS * error;
        options.note = `limit: ${ROUNDINGS} times ${error.toExponential(1)}, by which the last bit of the weights moves it`;
      }
      row = compare();
    }
    section.rows.push(row);
  }
  if (skipped.length) section.notes.push(skippedNote(skipped));
  return section;
}

/** Two computations in float32 differ by many roundings; against golden_small's layers in training mode this is 5 times one of the weights. */
export const ROUNDINGS = 8;

/**
 * In training mode statistics of few pixels amplify our own rounding as well. The order of the sums depends on the processor: with AVX2 the
 * largest deviation in evaluation is 1.7e-5, with AVX-512 4.4e-5; the original's own is 1.1e-4.
 */
const FLOAT64_LIMIT = { eval: 5e-5, train: 1e-4 };

const skippedNote = (names: string[]) =>
  `${names.length} layers are not computed as such here and have no row: ${kinds(names).join(', ')}. What follows from them has.`;

/** Names without what tells equal layers of different blocks apart. */
const kinds = (names: string[]) => [...new Set(names.map((n) => n.replace(/^(up|head|G_middle)_\d\./, '').replace(/\d+/g, 'N')))].sort();

/** Running means and variances by name. */
function runningStatistics({ generator }: GoldenNetworks): Map<string, Values> {
  const states = generator.parameters.entries().filter((e) => /running_(mean|var)$/.test(e.name));
  return new Map(states.map(({ name, variable }) => [`running/${name}`, { shape: variable.shape, data: variable.dataSync() }]));
}

const ARRAY = /^(eval|train)\/(?:\d+_)?(.+)$/;

const isKnown = (key: string) => key.startsWith('in/') || /^D\/(scale\d+_feat\d+|downsampled_input_last3ch)$/.test(key) || nameOf(key) !== undefined;

/** What `runGenerator` calls an array of the archive. */
function nameOf(key: string): { mode: Mode; name: string } | undefined {
  if (/^sau\/deconv[34]_(local|attention)\.(in|out|weight)$/.test(key)) return { mode: 'eval', name: key };
  const [, mode, name] = ARRAY.exec(key) ?? [];
  if (!mode || !OUTPUT.test(name)) return undefined;
  return { mode: mode as Mode, name };
}

const OUTPUT = /^(final|result_global|result_local|label_3_\d+(_again)?|result_\d+|feature_score|target|valid_index|attention_(global|local)|mid_head_0_in)$/;

const groupOf = (name: string) =>
  /^label_3_/.test(name) ? "classes' pixels" : /^result_\d/.test(name) ? "classes' images" : /^sau\//.test(name) ? 'SAU' : undefined;

function expectations(folder: GoldenFolder, archive: string): Expectation[] {
  const arrays = folder.arrays(archive);
  const document = folder.document(archive);
  const found: Expectation[] = [];
  for (const [key, array] of arrays) {
    const known = nameOf(key);
    if (known) found.push({ ...known, quantity: key, array, group: groupOf(known.name) });
  }
  const inFull = new Set(found.map((e) => `${e.mode} ${e.name}`));
  for (const output of folder.list<OutputSummary>(archive, 'outputs')) {
    for (const mode of ['eval', 'train'] as const) {
      const { name } = output;
      const summary = output[mode];
      if (!summary || !OUTPUT.test(name) || inFull.has(`${mode} ${name}`)) continue;
      found.push({ mode, name, quantity: `${mode}/${name}`, summary, group: groupOf(name) });
    }
  }
  for (const [layer, byMode] of Object.entries((document.trace ?? {}) as Record<string, Partial<Record<Mode, Summary>>>)) {
    for (const mode of ['eval', 'train'] as const) {
      const summary = byMode[mode];
      if (summary) found.push({ mode, name: `trace/${layer}`, quantity: `trace ${layer}`, summary, group: 'layers' });
    }
  }
  const statistics = (document.running_stats_after_one_train_forward ?? {}) as Record<string, Summary>;
  for (const [state, summary] of Object.entries(statistics))
    found.push({ mode: 'train', name: `running/${state}`, quantity: state, summary, group: 'running statistics after one pass' });
  return found;
}

/** The label maps, or why there are none. A document without an archive is of the formula's map, if it counts the same pixels. */
function mapsOf(folder: GoldenFolder, name: string, found: Expectation[], classes: number): LabelMap[] | string {
  const where = folder.file(`${name}.npz`);
  const label = folder.arrays(name).get('in/label');
  if (label) return labelMaps(label, where, classes);
  if (folder.has(`${name}.npz`)) throw new UserError(`${where}: there is no in/label in it; outputs cannot be compared without their label map.`);
  const [batch, , height, width] = found.find((e) => e.name === 'final')?.summary?.shape ?? [];
  if (batch !== 1) return `There is no ${name}.npz with in/label, so nothing says what label map ${name}.json is of.`;
  const data = goldenLabels(height, width);
  const counts = Array.from({ length: classes }, (_, c) => data.reduce((n, v) => n + (v === c ? 1 : 0), 0));
  const expected = folder.document(name).pixels_per_class;
  return `${counts}` === `${expected}`
    ? [{ data, height, width }]
    : `There is no ${name}.npz with in/label, and ${name}.json is not of the label map that manifest.json's formula gives.`;
}

const describe = (folder: GoldenFolder, name: string, what: string): Section => ({
  title: `${what} (${name})`,
  reference: folder.upstream,
  rows: [],
  notes: [],
});
