import { statSync } from 'node:fs';
import { join } from 'node:path';
import { labelFolder } from '../src/data/pairs';
import { readLabelMap } from '../src/data/label_map';
import type { LabelMap } from '../src/data/types';
import { UserError } from '../src/common/errors';
import { saveFigure } from '../src/figures/figure';
import { sauExplorer } from '../studio/explorer/sau_explorer';
import { markdownTable } from '../src/notebook/show';
import { inspect, untrained } from '../src/inspection/inspect';
import { localRows, localShares, mergeLocalShares, mergeSauMeasures, sauMeasures, sauRows, type LocalShare, type SauMeasure } from '../src/inspection/measures';
import type { LGGAN } from '../src/models/lggan/lggan';
import { chooseCheckpoint, loadLGGAN } from '../src/models/pretrained';
import { progress } from '../src/common/progress';
import { engineInfo } from '../src/engine/tf';
import { filesIn, refuseInputs, writtenBeside } from '../src/common/targets';
import { runCommand } from './arguments';
import { interruptible } from '../src/common/interrupt';
import { readAll } from '../src/data/dataset';
import * as tf from '../src/engine/tf';

void runCommand(
  {
    name: 'npm run explore --',
    description:
      'Writes a page to look into SAU with (PATH.html, and PATH.png and .svg), and prints how much of its weight falls on pixels of the same ' +
      'class, how far kernels are spread, and which branch paints which class.',
    options: {
      labels: {
        type: 'string',
        value: 'PATH',
        required: true,
        help: 'a label map (PNG), or a folder of them: the page shows the first, the tables are about all',
      },
      checkpoint: { type: 'string', value: 'PATH', help: "generator: a run's folder or a .safetensors file; default: the network that comes with the project" },
      output_path: { type: 'string', value: 'PATH', default: 'figures/explorer', help: 'where the page goes' },
      mapping: { type: 'string', value: 'FILE', help: 'JSON that maps the values or colours of the label maps to the classes' },
      overwrite: { type: 'flag', help: 'replace files that this command did not write, or that were changed since' },
      limit: { type: 'integer', min: 1, help: 'of a folder only the first so many' },
    },
    examples: ['npm run explore -- --labels datasets/photos/labels/sunset.png'],
  },
  async (args) => {
    const chosen = await chooseCheckpoint('LGGAN', args.checkpoint);
    const generator = await loadLGGAN(chosen.path);
    if (generator.config.upsampling !== 'sau') {
      throw new UserError(`${chosen.path}: this generator upsamples by '${generator.config.upsampling}'; only one with 'sau' has kernels to look at.`);
    }
    const maps = await readLabels(args.labels, args.mapping, args.limit);
    const stem = args.output_path.replace(/\.(png|svg|html)$/i, '');
    const read = [args.labels, ...filesIn(args.labels), ...filesIn(join(args.labels, 'labels')), chosen.path, ...(args.mapping ? [args.mapping] : [])];
    const own = ['html', 'png', 'svg'].map((format) => `${stem}.${format}`);
    refuseInputs(read, own);
    const record = writtenBeside(stem);
    if (!args.overwrite) record.refuseOthers(own);
    console.log(engineInfo().description);
    console.log(chosen.sentence);
    const start = untrained(generator);
    const interrupt = interruptible();
    const shown = progress(maps.length, 'measuring', { unit: 'maps' });
    const measured: Measured[] = [];
    for (let i = 0; i < maps.length && !interrupt.requested; i++) {
      measured.push(await measure(generator, start, maps[i], i === 0 ? args.output_path : undefined));
      if (i === 0) for (const file of own) record.add(file);
      shown.update(i + 1);
    }
    shown.finish(`${stem}.html`);
    const sau = (which: 'sau' | 'untrained') => mergeSauMeasures(measured.map((m) => m[which]));
    console.log(`\n${markdownTable(sauRows(sau('sau'), sau('untrained')))}\n`);
    console.log(`${markdownTable(localRows(mergeLocalShares(measured.map((m) => m.local))))}\n`);
    console.log(
      'Own class: share of the weight on pixels of the same class; uniform: the same of a plain average; at boundaries: where the window holds another class.',
    );
    generator.dispose();
    start.dispose();
  },
);

interface Measured {
  sau: SauMeasure[];
  untrained: SauMeasure[];
  local: LocalShare[];
}

/** Measures one map; writes the explorer where a path is given. */
async function measure(generator: LGGAN, start: LGGAN, labels: LabelMap, page: string | undefined): Promise<Measured> {
  const seen = inspect(generator, labels, { keep: ['attention'] });
  try {
    if (page) await saveFigure(page, sauExplorer(seen, seen.labels[0]));
    return { sau: await sauMeasures(seen), untrained: await atStart(start, labels), local: await localShares(seen) };
  } finally {
    tf.dispose(seen);
  }
}

async function atStart(start: LGGAN, labels: LabelMap): Promise<SauMeasure[]> {
  const seen = inspect(start, labels, { keep: ['attention'] });
  try {
    return await sauMeasures(seen);
  } finally {
    tf.dispose(seen);
  }
}

/** The label map of a file, or those of a folder. */
async function readLabels(path: string, mapping: string | undefined, limit: number | undefined): Promise<LabelMap[]> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return [await readLabelMap(path, { mapping })];
  return (await readAll(labelFolder(path, { limit, mapping }))).map((item) => item.labels);
}
