/**
 * Set-up: dependencies, Jupyter with the TypeScript kernel in `.venv`, the native TensorFlow engine.
 * Every command calls it; it does what is missing, says each step and its time, and is silent where nothing is.
 * `node setup.mjs` (npm run setup) runs it alone and tries again for an engine that could not be had before.
 *
 * Nothing is half-made: each artefact is built under a temporary name and renamed, or ends with a stamp written last.
 * Decisions are in scripts/setup/plan.mjs, what was found in found.mjs, the three steps in the files named after them.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupError, guarded, locked, root, say, seconds } from './scripts/setup/system.mjs';
import { dependenciesReady, installDependencies } from './scripts/setup/dependencies.mjs';
import { installJupyter, jupyterReady } from './scripts/setup/jupyter.mjs';
import { engineReady, engineStamp, installEngine } from './scripts/setup/engine.mjs';

const OLDEST_NODE = [20, 11];

/**
 * @param {boolean} options.notebooks whether the caller cannot do without Jupyter; else a failure there is only told.
 * @param {boolean} options.dev whether the caller needs the packages for development too: `npm test`, `npm run check`.
 * @returns {Promise<{notebooks: boolean}>} whether notebooks can run.
 * @throws {SetupError} one sentence with the way out.
 */
export async function setUp({ notebooks = false, dev = false } = {}) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new SetupError(
      `Node ${process.versions.node} is too old; install Node ${OLDEST_NODE.join('.')} or newer (20, 22 and 24 are tested), then start again.`,
    );
  }
  if (dependenciesReady(dev) && jupyterReady() && (await engineReady())) return { notebooks: true };

  const started = Date.now();
  const complete = () =>
    locked(path.join(root, '.set-up.lock'), async () => {
      await installDependencies(dev);
      let jupyter = true;
      try {
        if (!jupyterReady()) await installJupyter();
      } catch (error) {
        if (notebooks || !(error instanceof SetupError)) throw error;
        jupyter = false;
        say(error.message);
      }
      if (!(await engineReady())) await installEngine();
      if (Date.now() - started > 1000) say(`Set up in ${seconds(started)}.`);
      return { notebooks: jupyter };
    });
  try {
    return await guarded('The set-up', complete);
  } catch (error) {
    // A checkout of somebody else's: what its owner can load and we cannot, such as libraries in a cache of theirs, is no reason to do nothing.
    if (!error.unwritable || notebooks || !dependenciesReady(dev)) throw error;
    say(error.message);
    return { notebooks: false };
  }
}

/** Runs a script's main function; a failure is one sentence and exit status 1. */
export async function run(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(fs.realpathSync(process.argv[1])).href) {
  await run(async () => {
    // Asked for by name: forget an engine that could not be had, and try again.
    if (engineStamp()?.engine === 'other') fs.rmSync(path.join(root, 'node_modules/@tensorflow/tfjs-node/lib/set-up.json'));
    const { notebooks } = await setUp();
    const { engine, gpu } = engineStamp() ?? {};
    say(
      `Dependencies: ready. Notebooks: ${notebooks ? 'ready' : 'not available'}. Engine: ${engine === 'tensorflow' ? `TensorFlow on the ${gpu ? 'GPU' : 'CPU'}` : 'WebAssembly'}.`,
    );
    return 0;
  });
}
