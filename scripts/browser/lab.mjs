/**
 * JupyterLab as `npm run lab` starts it, on copies of the notebooks, and a browser in front of it: what tests of the real thing drive.
 *
 *     const lab = await openLab();
 *     const notebook = await lab.notebook('split_dataset');
 *     await notebook.runAll();
 *     await lab.close();
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../setup/system.mjs';
import { openBrowser } from './chromium.mjs';
import { Notebook } from './notebook.mjs';

/** Settings of a first start that tests cannot do with: the question about news; cells that are drawn only when they are scrolled to. */
const SETTINGS = {
  'apputils-extension/notification': { fetchNews: 'false', checkForUpdates: false },
  'notebook-extension/tracker': { windowingMode: 'none' },
};

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** A folder that looks like the repository to a notebook's links, with notebooks that may be overwritten. */
function makeRoot(folder, edit) {
  fs.mkdirSync(path.join(folder, 'notebooks'));
  for (const name of fs.readdirSync(path.join(root, 'notebooks')).filter((file) => file.endsWith('.ipynb'))) {
    const text = fs.readFileSync(path.join(root, 'notebooks', name), 'utf8');
    fs.writeFileSync(path.join(folder, 'notebooks', name), edit(path.basename(name, '.ipynb'), text));
  }
  // Jupyter serves no links that lead out of its folder.
  fs.cpSync(path.join(root, 'docs/pictures'), path.join(folder, 'docs/pictures'), { recursive: true });
  for (const [name, value] of Object.entries(SETTINGS)) {
    const file = path.join(folder, `config/lab/user-settings/@jupyterlab/${name}.jupyterlab-settings`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify(value));
  }
}

/**
 * Starts JupyterLab and a browser.
 *
 * @param options.env variables for the server and its kernels; by default the notebooks run at toy size and leave all they make in the lab's folder
 * @param options.edit changes a notebook's text before it is copied: (name, text) => text
 * @throws Error with the server's own words if it does not answer within two minutes
 */
export async function openLab({ env = {}, edit = (_name, text) => text } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'lggan-lab-'));
  makeRoot(folder, edit);
  const token = randomBytes(12).toString('hex');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const args = [
    ...['scripts/lab.mjs', '--no-browser', '--expose-app-in-browser', `--ServerApp.port=${port}`, '--ServerApp.port_retries=0'],
    ...[`--IdentityProvider.token=${token}`, `--ServerApp.root_dir=${folder}`],
  ];
  const folders = { JUPYTER_CONFIG_DIR: `${folder}/config`, JUPYTER_DATA_DIR: `${folder}/data`, JUPYTER_RUNTIME_DIR: `${folder}/runtime` };
  let output = '';
  const server = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...folders, LGGAN_TOY: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (output += text));
  const ended = new Promise((resolve) => server.once('close', resolve));
  let browser;
  const close = async () => {
    await browser?.close();
    if (server.exitCode === null) server.kill('SIGTERM');
    await ended;
    fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await answers(`${url}/api/status?token=${token}`, server, () => output);
    browser = await openBrowser(folder);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    /** Where `datasets/toy`, `checkpoints/toy_lggan`, ... of the notebooks lie. */
    folder,
    close,
    /** Opens a notebook and waits for its kernel. */
    async notebook(name) {
      const page = await browser.newPage();
      await page.goto(`${url}/lab/workspaces/${name}/tree/notebooks/${name}.ipynb?token=${token}`);
      const notebook = new Notebook(page, name);
      await notebook.ready();
      return notebook;
    },
  };
}

async function answers(url, server, output) {
  for (let i = 0; i < 600; i++, await sleep(200)) {
    if (server.exitCode !== null) break;
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
  }
  throw new Error(`JupyterLab does not answer:\n${output()}`);
}
