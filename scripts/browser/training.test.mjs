/** Training in JupyterLab: what changes while it runs, what an interrupt leaves, what an error says, what running again costs, the explorer. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { jupyterReady } from '../setup/jupyter.mjs';
import { noBrowser } from './chromium.mjs';
import { openLab } from './lab.mjs';

const skip = noBrowser() || (!jupyterReady() && 'Jupyter is not set up: npm start does that');

// At toy size a step takes a tenth of a second: many of them, watched closely.
const CHANGES = [
  ['sampleEvery = Math.ceil((training.schedule.epochs * training.stepsPerEpoch) / 6)', 'sampleEvery = 8'],
  ["liveTraining({ title: 'LGGAN',", "liveTraining({ drawEvery: 0.5, title: 'LGGAN',"],
  ['...training, ...choices', '...training, ...choices, stepsPerEpoch: 300'],
];

function watchClosely(name, text) {
  if (name !== 'train_lggan') return text;
  return CHANGES.reduce((changed, [from, to]) => {
    assert.ok(changed.includes(from), `train_lggan no longer holds ${from}`);
    return changed.replace(from, to);
  }, text);
}

let lab;
let notebook;
let training;
let cells;
before(async () => {
  if (skip) return;
  lab = await openLab({ edit: watchClosely });
  notebook = await lab.notebook('train_lggan');
  training = await notebook.find('trainLGGAN(');
  cells = await notebook.cells();
  for (const { index } of cells) if (index < training) await notebook.mustRun(index);
});
after(() => lab?.close());

const stepOf = (line) => Number(/(\d+)\/600/.exec(line ?? '')?.[1] ?? NaN);

/**
 * Runs the training until `enough` says so of what each of its outputs has shown, or until it is clear that no more will come, then presses
 * the button to interrupt.
 */
async function trainUntil(enough, picture = false) {
  const shown = [new Set(), new Set(), new Set()];
  let line;
  await notebook.begin(training);
  for (const began = Date.now(); !enough(shown, line) && Date.now() - began < 120_000; await sleep(100)) {
    const outputs = await notebook.outputs(training);
    outputs.forEach((output, o) => (shown[o] ??= new Set()).add(output.text ?? output.data));
    line = outputs[0]?.text ?? line;
  }
  if (picture) await notebook.screenshot('while-training', training);
  await notebook.interrupt();
  const at = stepOf((await notebook.outputs(training))[0].text);
  assert.equal(await notebook.ended(), true);
  assert.ok(enough(shown, line), `too little is shown: ${shown.map((set) => set.size)}, ${line}`);
  const outputs = await notebook.outputs(training);
  outputs.forEach((output, o) => (shown[o] ??= new Set()).add(output.text ?? output.data));
  assert.ok(shown.length === 3, 'outputs are added, not rewritten');
  return { shown, at, outputs };
}

const historyRows = () => fs.readFileSync(path.join(lab.folder, 'checkpoints/toy_lggan/history.csv'), 'utf8').trim().split('\n').length - 1;

test('progress, curves and samples are rewritten in place; an interrupt stops within a step and keeps the checkpoint', { skip }, async () => {
  const first = await trainUntil(([lines, curves, samples]) => lines.size >= 4 && curves.size >= 1 && samples.size >= 2, true);
  const [line, curves, samples] = first.outputs;
  assert.deepEqual([line.mime, ...[curves, samples].map(({ mime }) => mime.replace('jpeg', 'png'))], ['text/plain', 'image/png', 'image/png']);
  assert.ok(first.shown[1].size >= 2, 'the curves have not changed');
  const lines = [...first.shown[0]];
  assert.match(lines[0], /LGGAN {2}getting ready/);
  assert.ok(
    lines.some((l) => /LGGAN {2}\[#*\.+\] {2}\d+\/600 {2}.* left {2}generator [\d.]+$/.test(l)),
    lines.join('\n'),
  );
  assert.match(line.text, /LGGAN {2}\d+\/600 steps in .* {2}interrupted$/);
  const stopped = stepOf(line.text);
  // The line is a quarter of a second old, and the button's message takes its way.
  assert.ok(stopped - first.at <= 10, `interrupted at step ${first.at}, stopped at ${stopped}`);
  assert.equal(historyRows(), stopped);
  assert.deepEqual(await notebook.brokenPictures(), []);
  await notebook.screenshot('interrupted', training);

  // The next cells work, with the checkpoint that was kept.
  for (const text of ['await History.load(', "keep('generator'"]) {
    const index = await notebook.find(text);
    await notebook.mustRun(index);
    assert.match((await notebook.outputs(index)).at(-1).mime, /^image\//);
  }

  const second = await trainUntil((_shown, text) => stepOf(text) > stopped + 2);
  assert.ok(stepOf(second.outputs[0].text) > stopped, 'the run goes on');
  assert.equal(historyRows(), stepOf(second.outputs[0].text));
});

test('an error is one sentence; a bug keeps the lines that are ours; the next cell works', { skip }, async () => {
  const said = async (source) => {
    const { ok, outputs } = await notebook.type(source);
    assert.equal(ok, false, source);
    assert.deepEqual(
      outputs.map(({ type }) => type),
      ['stderr'],
    );
    return outputs[0].text;
  };
  assert.match(await said("await loadLGGAN('checkpoints/nothing');"), /^checkpoints\/nothing: there is no such checkpoint;[^\n]*\.\n$/);
  assert.match(await said("import { LGGAN } from './src';\nnew LGGAN({ ngf: -1 });"), /^[^\n]*ngf[^\n]*\n$/);
  assert.match(await said('const count: number = settings.output;'), /^1:7 - Type 'string' is not assignable to type 'number'\.\n$/);
  assert.equal(await said("throw new Error('a bug of the cell');"), 'Error: a bug of the cell\n');
  assert.match(
    await said('await show(pairGrid([{ ...watched[0], labels: { ...labels[0], data: labels[0].data.map(() => 77) } }]));'),
    /^RangeError: label map holds 77[^\n]*\n( +at [^\n]*\/src\/[^\n]*\n)+$/,
  );
  assert.equal((await notebook.type('1 + 1')).outputs[0].text, '2\n');
});

test('running cells again leaks neither tensors nor variables nor listeners', { skip }, async () => {
  const state = async () => {
    // Listeners are away while the first part of a cell runs.
    const source =
      "import { tf } from './src';\nawait new Promise((resolve) => setTimeout(resolve, 50));\n" +
      "[tensorsLeft(), tf.memory().numTensors, Object.keys((globalThis as any).__tslab__.exports).length, process.listenerCount('SIGINT')].join('; ')";
    return (await notebook.type(source)).outputs[0].text;
  };
  const again = cells.filter(({ source }) => !/^import|trainLGGAN/.test(source));
  const runAll = async () => {
    for (const { index } of again) await notebook.mustRun(index);
  };
  await runAll();
  const once = await state();
  assert.match(once, /^0 tensors are left, beside the (\d+) of [a-z, ]+; \1; \d+; 1\n$/);
  await runAll();
  await trainUntil((_shown, text) => stepOf(text) > 0);
  assert.equal(await state(), once);
  await notebook.screenshot('after');
});

test('the SAU explorer in its cell follows the pointer, pins a point and changes its background', { skip }, async () => {
  const index = await notebook.find('sauExplorer(one');
  const frame = notebook.page.frameLocator('.jp-Notebook iframe').first();
  const [stage, points] = ['#stage', '#points'].map((id) => frame.locator(id));
  await points.getByText('own class').first().waitFor();
  const { width, height } = await stage.boundingBox();
  const place = async (x, y) => {
    await stage.hover({ position: { x: x * width, y: y * height } });
    return /column (\d+), row (\d+)/
      .exec(await points.innerText())
      ?.slice(1)
      .map(Number);
  };
  // The picture has 128 columns and 96 rows.
  assert.deepEqual(await place(0.125 + 0.002, 0.25 + 0.002), [16, 24]);
  await stage.click({ position: { x: 0.5 * width, y: 0.5 * height } });
  await place(0.75, 0.5);
  assert.equal([...(await points.innerText()).matchAll(/column \d+, row \d+/g)].length, 2, 'two points are compared');
  await notebook.screenshot('explorer', index);
  const picture = () => frame.locator('#picture').evaluate((canvas) => canvas.toDataURL());
  const before = await picture();
  await frame.locator('#backgrounds').getByText('final').click();
  assert.notEqual(await picture(), before);
});
