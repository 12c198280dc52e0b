/** `.venv` with Jupyter pinned, and in it the TypeScript kernel. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { SetupError, capture, readJson, root, step, writeFile } from './system.mjs';
import { explain, runtimeEnvironment } from './plan.mjs';
import { findPython } from './found.mjs';

const venv = path.join(root, '.venv');
const bin = path.join(venv, process.platform === 'win32' ? 'Scripts' : 'bin');
export const venvPython = path.join(bin, 'python');
export const jupyter = path.join(bin, 'jupyter');
const requirements = path.join(root, 'scripts/setup/requirements.txt');
const stampFile = path.join(venv, 'set-up.json');
const kernelFile = path.join(venv, 'share/jupyter/kernels/tslab/kernel.json');

/** Scripts in a virtual environment carry its absolute path, so a moved folder needs a new one. */
const stamp = () => ({ root, requirements: createHash('sha256').update(fs.readFileSync(requirements)).digest('hex') });

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

/** The kernel starts at the repository's root whatever the notebook's folder: `./src` is importable, paths are the same everywhere. */
const kernelSpec = () =>
  JSON.stringify(
    {
      argv: [process.execPath, path.join(root, 'scripts/kernel.cjs'), '{connection_file}'],
      display_name: 'TypeScript',
      language: 'typescript',
      env: runtimeEnvironment(process.platform),
    },
    null,
    1,
  );

export function jupyterReady() {
  if (!fs.existsSync(venvPython) || !same(readJson(stampFile), stamp())) return false;
  return fs.existsSync(kernelFile) && fs.readFileSync(kernelFile, 'utf8') === kernelSpec();
}

export async function installJupyter() {
  if (!fs.existsSync(venvPython) || !same(readJson(stampFile), stamp())) await step('Jupyter', makeEnvironment);
  writeFile(kernelFile, kernelSpec());
}

async function makeEnvironment(note) {
  const python = await findPython();
  if (!python) {
    throw new SetupError(
      'Notebooks need Python 3.9 or newer, and none was found; install Python 3 with pip and venv (on Debian or Ubuntu ' +
        '`sudo apt install python3-venv`), then start again.',
    );
  }
  // A .venv without our stamp is somebody's own: Jupyter is added to it. One of ours that is unfinished or outdated is made anew.
  if (!fs.existsSync(venvPython) || fs.existsSync(stampFile)) {
    note('virtual environment');
    fs.rmSync(venv, { recursive: true, force: true });
    writeFile(stampFile, '{}');
    await must('Making .venv', python.command, ['-m', 'venv', venv]);
  }
  note('packages');
  const install = ['-m', 'pip', 'install', '--quiet', '--retries', '2', '--disable-pip-version-check', '-r', requirements];
  await must('Installing Jupyter (pip install)', venvPython, install);
  writeFile(stampFile, JSON.stringify(stamp()));
  return `JupyterLab in .venv, Python ${python.version}`;
}

async function must(what, command, args) {
  const { code, output } = await capture(command, args);
  if (code === 0) return;
  const { message, passing } = explain(what, output);
  throw new SetupError(message, passing);
}
