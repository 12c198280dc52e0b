/**
 * The five notebooks in JupyterLab, one after the other at toy size, each run twice: `npm run test:browser`. What they look like afterwards is
 * kept in figures/screenshots/.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { jupyterReady } from '../setup/jupyter.mjs';
import { noBrowser } from './chromium.mjs';
import { openLab } from './lab.mjs';

const NOTEBOOKS = ['split_dataset', 'construct_sr_dataset', 'train_lggan', 'train_rcan', 'evaluate'];

const skip =
  noBrowser() || (!jupyterReady() && 'Jupyter is not set up: npm start does that') || (process.env.LGGAN_LONG !== '1' && 'npm run test:browser runs it');

let lab;
before(async () => {
  if (!skip) lab = await openLab();
});
after(() => lab?.close());

for (const name of NOTEBOOKS) {
  test(`${name}: runs from top to bottom, shows its pictures, and every cell runs again`, { skip }, async (t) => {
    const notebook = await lab.notebook(name);
    t.after(() => notebook.close());
    const all = await notebook.runAll();
    await notebook.screenshot('after');
    assert.deepEqual(await notebook.complaints(), []);
    assert.equal(all, true);
    assert.deepEqual(await notebook.brokenPictures(), []);

    for (const { index, source } of await notebook.cells()) {
      await notebook.mustRun(index);
      if (source.includes('tensorsLeft()')) assert.match((await notebook.outputs(index)).at(-1).text, /^0 tensors are left/);
    }
    assert.deepEqual(await notebook.complaints(), []);
  });
}

test('how long a first import and plots take', { skip }, async (t) => {
  const notebook = await lab.notebook('split_dataset');
  const source = "import { lossCurves, show } from './src';";
  const { seconds } = await notebook.type(source);
  t.diagnostic(`importing ./src: ${seconds.toFixed(1)} s`);
  for (const which of ['first', 'second']) {
    const plot = await notebook.type('await show(lossCurves([1, 2, 3, 4].map((step) => ({ step, loss: 1 / step }))));');
    assert.equal(plot.outputs[0].mime, 'image/png');
    t.diagnostic(`${which} plot: ${plot.seconds.toFixed(2)} s`);
  }
});
