import type { Size } from '../src/data/types';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative } from 'node:path';
import { writeFileAtomically } from '../src/common/atomic';
import { sha256Of } from '../src/common/checksum';
import { readTensorsHeader } from '../src/checkpoints/safetensors';
import { heldOutCrops } from '../src/data/crops';
import { readMapping } from '../src/data/mapping';
import { folderPairs, labelFolder } from '../src/data/pairs';
import { SR_LOW, srFolder, srPairsOf, type SrDataset } from '../src/data/sr_pairs';
import { UserError } from '../src/common/errors';
import { readAblation } from '../experiments/ablation/statistics';
import { guessNetwork } from '../src/models/config_from_shapes';
import { PAPER_FIGURES, type PaperInputs } from '../experiments/figures/paper';
import { savePrint } from '../experiments/figures/print';
import { readEvaluation } from '../experiments/figures/results';
import { withoutDrawing } from '../src/layers/core/parameters';
import { sizesOf } from '../src/metrics/metric';
import { Discriminator } from '../src/models/discriminator';
import { checkpointFile, chooseCheckpoint, loadDiscriminator, loadLGGAN, loadRCAN } from '../src/models/pretrained';
import { progress } from '../src/common/progress';
import { History } from '../src/training/history';
import { WrittenFiles, filesIn, refuseInputs } from '../src/common/targets';
import { runCommand, type OptionSpec } from './arguments';
import { readAll, subset } from '../src/data/dataset';

/** What of a data set is shown as super-resolution: windows of this size, one of each photo. */
const SR_WINDOW: Size = [300, 400];

const OPTIONS = {
  checkpoint: { type: 'string', value: 'PATH', help: "generator: a run's folder or a .safetensors file; default: the network that comes with the project" },
  labels: { type: 'string', value: 'DIR', default: 'datasets/photos', help: 'label maps (PNG)' },
  mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
  limit: { type: 'integer', min: 1, default: 8, help: 'only the first so many label maps' },
  rcan: { type: 'string', value: 'PATH', help: "RCAN: a run's folder or a .safetensors file" },
  transposed: { type: 'string', value: 'PATH', help: 'a generator trained with --upsampling transposed, to compare features with' },
  photos: {
    type: 'string',
    value: 'DIR',
    default: 'datasets/photos',
    help: 'photos for RCAN: DIR/imgs_lr and imgs_lr_256, or imgs and labels (then a window of each held-out strip)',
  },
  history: { type: 'list', value: 'FILE', help: 'history.csv of the runs, stages in their order; default: those beside the checkpoints' },
  evaluation: { type: 'string', value: 'FILE', help: 'evaluation.csv of the run; default: the one beside the checkpoint' },
  results: { type: 'list', value: 'FILE', help: 'what `npm run evaluate -- --json` printed' },
  ablation: { type: 'string', value: 'FILE', default: 'figures/ablation.json', help: 'what `npm run ablation` left; before that, what comes with the project' },
  output_path: { type: 'string', value: 'DIR', default: 'figures/paper', help: 'where the figures go' },
  overwrite: { type: 'flag', help: 'replace files that this command did not write, or that were changed since' },
  only: { type: 'string', value: 'NAME,...', help: `some of ${Object.keys(PAPER_FIGURES).join(', ')}` },
} as const satisfies Record<string, OptionSpec>;

/** The ablation that comes with the project. */
const OWN_ABLATION = 'docs/ablation.json';

/** How the index begins, by which it is known again. */
const INDEX_TITLE = '# Figures';

void runCommand(
  {
    name: 'npm run figures --',
    description:
      'Makes the figures of the papers from a checkpoint and label maps: each as SVG and as PNG at print size (17 cm, 300 dots an inch), with a ' +
      'caption that says how it was made, and an index of all. What lacks its input is left out with a sentence.',
    options: OPTIONS,
    examples: ['npm run figures', 'npm run figures -- --checkpoint checkpoints/lggan --labels datasets/photos --rcan checkpoints/rcan'],
  },
  async (args) => {
    const names = chosen(args.only);
    const folders = [args.labels, join(args.labels, 'labels'), ...['', 'imgs', 'labels', 'imgs_lr', 'imgs_lr_256'].map((part) => join(args.photos, part))];
    const files = [args.mapping, args.evaluation, args.ablation, ...(args.history ?? []), ...(args.results ?? [])].filter((f): f is string => f !== undefined);
    const index = join(args.output_path, 'README.md');
    const filesOf = (name: string) => ['.png', '.svg', '.html', '.md'].map((end) => join(args.output_path, `${name}${end}`));
    const own = [...names.flatMap(filesOf), index];
    refuseInputs([...files, ...folders.flatMap(filesIn)], own);
    const record = new WrittenFiles(args.output_path);
    if (!args.overwrite) record.refuseOthers(own);
    // How each input is named in the captions.
    const said: Partial<Record<keyof PaperInputs, string>> = {};
    const { path: checkpoint, sentence: which } = await chooseCheckpoint('LGGAN', args.checkpoint);
    console.log(which);
    const generator = await loadLGGAN(checkpoint);
    said.generator = await describeCheckpoint('generator', checkpoint, await checkpointFile(checkpoint, 'LGGAN'));
    const transposed = args.transposed ? await loadLGGAN(args.transposed) : undefined;
    if (transposed && transposed.config.upsampling !== 'transposed') {
      throw new UserError(
        `--transposed: ${args.transposed} was trained with upsampling '${transposed.config.upsampling}'; give one that was trained with 'transposed'.`,
      );
    }
    if (args.transposed) said.transposed = await describeCheckpoint('transposed convolution', args.transposed, await checkpointFile(args.transposed, 'LGGAN'));
    const rcan = args.rcan ? await loadRCAN(args.rcan) : undefined;
    if (args.rcan) said.rcan = await describeCheckpoint('RCAN', args.rcan, await checkpointFile(args.rcan, 'RCAN'));
    const mapping = args.mapping ? await readMapping(args.mapping) : undefined;
    const maps = await readAll(labelFolder(args.labels, { mapping, limit: args.limit }));
    said.labels = `label maps: ${maps.length} of ${shown(args.labels)} (${maps.map((m) => m.name).join(', ')}), ${sizesOf(maps.map((m) => m.labels))} (height x width)`;
    const photos = rcan && existsSync(args.photos) ? await readAll(await photoPairs(args.photos)) : undefined;
    if (photos) said.photos = `photos: ${shown(args.photos)} (${photos.map((p) => p.name).join(', ')}), ${sizesOf(photos.map((p) => p.high))} (height x width)`;

    const histories = await readHistories(args.history ?? [checkpoint, args.rcan].flatMap((path) => beside(path, 'history.csv')));
    if (histories.lggan) said.history = `history: ${histories.lggan.files.map(shown).join(', ')}, ${histories.lggan.history.length} steps`;
    if (histories.rcan) said.rcanHistory = `history: ${histories.rcan.files.map(shown).join(', ')}, ${histories.rcan.history.length} steps`;
    const evaluationFile = args.evaluation ?? beside(checkpoint, 'evaluation.csv')[0];
    if (args.evaluation && !existsSync(args.evaluation)) throw new UserError(`--evaluation: there is no file ${args.evaluation}; train with --val_path.`);
    if (evaluationFile) said.evaluation = `evaluations: ${shown(evaluationFile)}`;
    const results = await Promise.all((args.results ?? []).map(readEvaluation));
    if (args.results) said.results = `results: ${args.results.map(shown).join(', ')}`;
    const ablationFile = args.ablation === OPTIONS.ablation.default && !existsSync(args.ablation) ? OWN_ABLATION : args.ablation;
    const ablation = await readAblation(ablationFile);
    said.ablation = `ablation: ${shown(ablationFile)}${ablation['created by'] ? `, created by \`${ablation['created by']}\`` : ''}`;

    const { discriminator, sentence } = await findDiscriminator(await checkpointFile(checkpoint, 'LGGAN'), generator.config.classes);
    said.discriminator = sentence;
    const inputs: PaperInputs = {
      generator,
      discriminator,
      labels: maps,
      transposed,
      rcan,
      photos,
      history: histories.lggan?.history,
      rcanHistory: histories.rcan?.history,
      evaluation: evaluationFile ? await History.load(evaluationFile) : undefined,
      results,
      ablation,
    };

    await mkdir(args.output_path, { recursive: true });
    const bar = progress(names.length, 'figures', { unit: 'figures' });
    const leftOut = new Map<string, string>();
    let done = 0;
    for (const name of names) {
      const made = await PAPER_FIGURES[name](inputs);
      if (typeof made === 'string') leftOut.set(name, `${name} is left out: ${made}.`);
      else {
        const sources = made.from.flatMap((input) => said[input] ?? []);
        await savePrint(args.output_path, name, made.figure, { shows: made.shows, made: [`\`${commandLine(args, name)}\``, ...sources] });
        for (const file of filesOf(name)) record.add(file);
      }
      bar.update(++done, name);
    }
    await writeFileAtomically(index, indexOf(args.output_path, leftOut));
    record.add(index);
    bar.finish(args.output_path);
    for (const sentence of leftOut.values()) console.log(sentence);
    [generator, discriminator, transposed, rcan].forEach((network) => network?.dispose());
  },
);

function chosen(only: string | undefined): string[] {
  const known = Object.keys(PAPER_FIGURES);
  if (only === undefined) return known;
  const names = only
    .split(',')
    .map((n) => n.trim())
    .filter(Boolean);
  const odd = names.find((n) => !known.includes(n));
  if (odd !== undefined || !names.length) throw new UserError(`--only: there is no figure '${odd ?? only}'; there are ${known.join(', ')}.`);
  return known.filter((n) => names.includes(n));
}

/** A file in the folder of a run, where there is one. */
function beside(path: string | undefined, name: string): string[] {
  if (!path || !existsSync(path)) return [];
  const file = join(statSync(path).isDirectory() ? path : dirname(path), name);
  return existsSync(file) ? [file] : [];
}

/** A path as captions name it: from here, or, where it lies elsewhere, by its last parts alone, so that no machine's folders are told. */
function shown(path: string): string {
  const fromHere = relative('.', path);
  if (!isAbsolute(fromHere) && !fromHere.startsWith('..')) return fromHere || '.';
  return join(basename(dirname(path)), basename(path));
}

/** `generator: checkpoints/lggan (best-000003/G.safetensors, step 1200, sha256 0123456789ab)` */
async function describeCheckpoint(what: string, path: string, file: string): Promise<string> {
  const step = stepOf(file);
  const inside = file === path ? [] : [relative(path, file)];
  return `${what}: ${shown(path)} (${[...inside, ...(step === undefined ? [] : [`step ${step}`]), `sha256 ${(await sha256Of(file)).slice(0, 12)}`].join(', ')})`;
}

/** The step that a checkpoint's state.json holds; undefined for a file alone. */
function stepOf(file: string): number | undefined {
  try {
    const { state } = JSON.parse(readFileSync(join(dirname(file), 'state.json'), 'utf8')) as { state?: { step?: unknown } };
    return typeof state?.step === 'number' ? state.step : undefined;
  } catch {
    return undefined;
  }
}

/** Pairs that `construct-sr` made, or a window from the middle of each photo's held-out strip. */
async function photoPairs(dir: string): Promise<SrDataset> {
  if (existsSync(join(dir, SR_LOW))) return srFolder(dir, { limit: 4 });
  const strips = await heldOutCrops(folderPairs(dir, { limit: 4 }), SR_WINDOW, { count: 3 });
  const middle = strips.names.flatMap((name, i) => (name.endsWith('_2') ? [i] : []));
  return srPairsOf(subset(strips, middle));
}

interface Run {
  files: string[];
  history: History;
}

/** Histories by the network they tell of; files of one network are stages that follow each other. */
async function readHistories(files: readonly string[]): Promise<{ lggan?: Run; rcan?: Run }> {
  const runs: { lggan?: Run; rcan?: Run } = {};
  for (const file of files) {
    if (!existsSync(file)) throw new UserError(`--history: there is no file ${file}.`);
    const history = await History.load(file);
    const network = history.columns.includes('generator') ? 'lggan' : 'rcan';
    const before = runs[network];
    if (!before) {
      runs[network] = { files: [file], history };
      continue;
    }
    if (history.length && !(history.row(0).step > before.history.step)) {
      throw new UserError(
        `--history: ${file} begins with step ${history.row(0).step}, ${before.files.at(-1)} ends with ${before.history.step}; give the stages of one run in their order.`,
      );
    }
    for (let i = 0; i < history.length; i++) before.history.append(history.row(i) as { step: number });
    before.files.push(file);
  }
  return runs;
}

/** The discriminator beside a generator's file, else one as the default configuration builds it. */
async function findDiscriminator(generatorFile: string, classes: number): Promise<{ discriminator: Discriminator; sentence: string }> {
  const file = join(dirname(generatorFile), 'D.safetensors');
  if (!existsSync(file)) {
    return {
      discriminator: withoutDrawing(() => new Discriminator({ classes })),
      sentence: 'discriminator: the default configuration, as the checkpoint holds none',
    };
  }
  const { tensors } = await readTensorsHeader(file);
  const guess = guessNetwork(file, tensors);
  if (guess.network !== 'Discriminator') throw new UserError(`${file} holds no discriminator but ${guess.network}; move it away.`);
  const discriminator = withoutDrawing(() => new Discriminator(guess.config));
  await loadDiscriminator(file, discriminator.parameters);
  return { discriminator, sentence: `discriminator: ${shown(file)}` };
}

/** The command that makes one figure again: what differs from the defaults. */
function commandLine(args: object, name: string): string {
  const given = Object.entries({ ...args, only: name }).flatMap(([option, value]) => {
    // A flag that is not set, or says what to do with the last time's files, makes no other figure.
    if (value === undefined || typeof value === 'boolean' || value === (OPTIONS as Record<string, { default?: unknown }>)[option].default) return [];
    const words = (Array.isArray(value) ? value : [value]).map((v) => (typeof v === 'string' && PATHS.includes(option) ? shown(v) : String(v)));
    return [`--${option} ${words.join(' ')}`];
  });
  return `npm run figures -- ${given.join(' ')}`;
}

const PATHS = ['checkpoint', 'labels', 'mapping', 'rcan', 'transposed', 'photos', 'history', 'evaluation', 'results', 'ablation', 'output_path'];

/** All figures that lie in the folder, from whichever run, in the order of their list; and what this run left out. */
function indexOf(folder: string, leftOut: ReadonlyMap<string, string>): string {
  const captions = Object.keys(PAPER_FIGURES).flatMap((name) => {
    const file = join(folder, `${name}.md`);
    return existsSync(file) && !leftOut.has(name) ? [readFileSync(file, 'utf8').trim().replace(/^# /, '## ')] : [];
  });
  const missing = [...leftOut.values()].map((sentence) => `- ${sentence}`);
  return `${[INDEX_TITLE, ...captions, ...(missing.length ? ['## Left out', missing.join('\n')] : [])].join('\n\n')}\n`;
}
