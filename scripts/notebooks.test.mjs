/** The notebook runner on tiny notebooks, through the real kernel. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { jupyterReady, venvPython } from './setup/jupyter.mjs';
import { root } from './setup/system.mjs';

const skip = !jupyterReady() && 'no Jupyter';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'lggan-notebooks-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

/** Cells that begin with # are Markdown. */
function notebook(name, ...sources) {
  const cells = sources.map((source, id) => ({
    ...{ id: String(id), metadata: {}, source },
    ...(source.startsWith('#') ? { cell_type: 'markdown' } : { cell_type: 'code', execution_count: null, outputs: [] }),
  }));
  const file = path.join(scratch, `${name}.ipynb`);
  const metadata = { kernelspec: { name: 'tslab', display_name: 'TypeScript', language: 'typescript' } };
  fs.writeFileSync(file, JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  return file;
}

const args = (...files) => ['scripts/run_notebooks.py', path.join(scratch, 'out'), ...files];
const outputs = (name) => JSON.parse(fs.readFileSync(path.join(scratch, 'out', `${name}.ipynb`), 'utf8')).cells.map((cell) => cell.outputs);

test('runs notebooks in order, passes on what they print, stops at the first failing cell', { skip }, () => {
  const good = notebook(
    'good',
    '# Title\n\nWords.',
    "import { NUM_CLASSES } from './src/classes';\nimport * as path from 'node:path';",
    '## Second step',
    'const folder = path.basename(process.cwd());',
    "const said = { NUM_CLASSES, folder, deep: { folder } };\nconsole.log(said.NUM_CLASSES, 'classes in', said.deep.folder);",
    "import { newDisplay } from 'tslab';\nconst live = newDisplay();\nfor (let i = 1; i <= 3; i++) live.text(`step ${i} of 3`);",
  );
  const bad = notebook('bad', '## Broken', "console.log('before');\nthrow new Error('labels.png has values above 28');", "console.log('never');");
  const { status, stdout, stderr } = spawnSync(venvPython, args(good, bad), { cwd: root, encoding: 'utf8', env: { ...process.env, FORCE_COLOR: '0' } });

  assert.equal(status, 1);
  assert.match(stdout, /good\.ipynb \(1 of 2\)\n +1\/4 Title · \d+:\d\d\n/);
  assert.match(stdout, new RegExp(`\\n +29 classes in ${path.basename(root)}\\n +3/4 Second step`));
  assert.match(stdout, /\n +step 1 of 3\n/);
  assert.match(stdout, /✓ good \(\d+:\d\d\)\n.*bad\.ipynb \(2 of 2\)\n +before\n$/);
  assert.match(stderr, /^\n✗ .*bad\.ipynb, cell 1\/2 Broken:\n\n[^]*Error: labels\.png has values above 28\n[^]*What ran up to there is in .*bad\.ipynb\.\n$/);
  assert.doesNotMatch(stderr, /tslab|Traceback/);
  assert.match(JSON.stringify(outputs('good')), /29 classes/);
  assert.deepEqual(outputs('bad')[2], []);
});

test('ended by a signal: the kernel ends too, what ran is kept', { skip }, async () => {
  const long = notebook(
    'long',
    '# Long',
    "require('fs').writeFileSync('" + scratch + "/pid', String(process.pid));",
    'await new Promise((r) => setTimeout(r, 120000));',
  );
  const child = spawn(venvPython, args(long), { cwd: root, stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const pidFile = path.join(scratch, 'pid');
  for (let i = 0; i < 1200 && !(fs.existsSync(pidFile) && fs.readFileSync(pidFile, 'utf8')); i++) await sleep(50);
  child.kill('SIGTERM');
  assert.equal(await ended, 130);
  const kernel = Number(fs.readFileSync(pidFile, 'utf8'));
  await sleep(500);
  assert.throws(() => process.kill(kernel, 0), /ESRCH/);
  assert.ok(fs.existsSync(path.join(scratch, 'out/long.ipynb')));
});
