/** The main job end to end: the five notebooks, headless, at toy size, from nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { root } from './setup/system.mjs';
import { venvPython } from './setup/jupyter.mjs';

const NOTEBOOKS = ['split_dataset', 'construct_sr_dataset', 'train_lggan', 'train_rcan', 'evaluate'];
const TOY = ['datasets/toy', 'checkpoints/toy_lggan', 'checkpoints/toy_rcan', 'figures/toy'];

test('the five notebooks run one after the other, show pictures, and leave checkpoints and a results table', (t) => {
  if (!fs.existsSync(venvPython)) return t.skip('Jupyter is not set up: npm start does that');
  const clean = () => TOY.forEach((folder) => fs.rmSync(path.join(root, folder), { recursive: true, force: true }));
  const out = fs.mkdtempSync(path.join(os.tmpdir(), 'notebooks-'));
  t.after(() => {
    clean();
    fs.rmSync(out, { recursive: true, force: true });
  });
  clean();
  const files = NOTEBOOKS.map((name) => `notebooks/${name}.ipynb`);
  const env = { ...process.env, LGGAN_TOY: '1' };
  const run = spawnSync(venvPython, ['scripts/run_notebooks.py', out, ...files], { cwd: root, env, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  for (const name of NOTEBOOKS) {
    const notebook = JSON.parse(fs.readFileSync(path.join(out, `${name}.ipynb`), 'utf8'));
    const outputs = notebook.cells.flatMap((cell) => cell.outputs ?? []);
    assert.ok(!outputs.some((o) => o.output_type === 'error'), name);
    const pictures = outputs.filter((o) => o.data?.['image/png'] || o.data?.['image/jpeg']);
    assert.ok(pictures.length >= 1, `${name} shows no picture`);
  }
  assert.match(run.stdout, /0 tensors are left/);
  for (const file of ['toy_lggan/history.csv', 'toy_rcan/history.csv']) assert.ok(fs.existsSync(path.join(root, 'checkpoints', file)), file);
  const results = fs.readFileSync(path.join(root, 'figures/toy/results.md'), 'utf8');
  assert.match(results, /\| scaling \| mask accuracy \| aesthetic \| FID \| score \|/);
  assert.match(results, /\| RCAN, the network that is a toy \| 0\.\d{4} \| - \| (\d+\.\d{4}|-) \| - \|/);
});
