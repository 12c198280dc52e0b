/** node_modules as package-lock.json has them. */
import fs from 'node:fs';
import path from 'node:path';
import { SetupError, capture, readJson, root, running, step, sweep, temporary } from './system.mjs';
import { dependenciesMatch, explain } from './plan.mjs';

const modules = path.join(root, 'node_modules');
const lock = () => readJson(path.join(root, 'package-lock.json'));

/** npm writes this list last. */
const listOf = (folder) => readJson(path.join(folder, '.package-lock.json'));

/** @param {boolean} dev whether packages for development count too. */
export const dependenciesReady = (dev = false) => dependenciesMatch(lock(), listOf(modules), dev);

/**
 * Installs beside node_modules and swaps: `npm ci` in place removes the old folder first and `npm install` mends it package by
 * package, so both leave a mixture where they are interrupted. This way the old one serves until the new one is whole.
 */
export async function installDependencies(dev = false) {
  if (dependenciesReady(dev)) return;
  refuseWhileUsed();
  await step('dependencies', async () => {
    sweep(root, 'node_modules.');
    const beside = temporary(modules);
    const old = temporary(`${modules}.old`);
    fs.mkdirSync(beside);
    try {
      for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
        if (fs.existsSync(path.join(root, name))) fs.copyFileSync(path.join(root, name), path.join(beside, name));
      }
      await npmCi(beside, dev);
      const made = path.join(beside, 'node_modules');
      if (!dependenciesMatch(lock(), listOf(made), dev)) {
        throw new SetupError('npm ci ended well and did not install what package-lock.json lists; a setting in .npmrc or npm_config_* keeps it from that.');
      }
      refuseWhileUsed();
      swap(made, old);
    } finally {
      fs.rmSync(beside, { recursive: true, force: true });
      fs.rmSync(old, { recursive: true, force: true });
    }
    return `${Object.keys(listOf(modules).packages).length} packages`;
  });
}

function swap(made, old) {
  const had = fs.existsSync(modules);
  try {
    if (had) fs.renameSync(modules, old);
  } catch (error) {
    if (!['EXDEV', 'EBUSY'].includes(error.code)) throw error;
    // A volume or a layer of a container does not move: it is filled anew, npm's list last.
    const list = '.package-lock.json';
    for (const name of [list, ...fs.readdirSync(modules)]) fs.rmSync(path.join(modules, name), { recursive: true, force: true });
    const names = fs.readdirSync(made).filter((name) => name !== list);
    for (const name of [...names, list]) fs.cpSync(path.join(made, name), path.join(modules, name), { recursive: true, verbatimSymlinks: true });
    return;
  }
  try {
    fs.renameSync(made, modules);
  } catch (error) {
    if (had) fs.renameSync(old, modules);
    throw error;
  }
}

/** A program loads many of its modules only when it needs them. @throws {SetupError} while one is at work. */
function refuseWhileUsed() {
  const [first] = running();
  if (!first) return;
  const name = first.name && ` (npm run ${first.name})`;
  throw new SetupError(`node_modules has to be renewed, and process ${first.pid}${name} is working with it: let it finish or end it, then start again.`);
}

async function npmCi(folder, dev) {
  // The npm that started us, if one did: a second one may lie on the PATH.
  const [command, ...first] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const options = [
    ...['--prefer-offline', '--no-audit', '--no-fund'],
    '--loglevel=error', // `npm -s` would hide the reason of a failure.
    '--workspaces=false', // This project is its own, also in a folder that a workspace above it lists.
    '--package-lock=true', // Settings of the user's may switch it off, or lay packages out otherwise.
    '--install-strategy=hoisted',
    ...['--include=optional', '--include=peer', ...(dev ? ['--include=dev'] : [])],
  ];
  const env = { ...process.env };
  delete env.npm_config_workspace; // Contradicts --workspaces=false.
  const { code, output } = await capture(command, [...first, 'ci', ...options], { cwd: folder, env });
  if (code === 0) return;
  const { message, passing } = explain('Installing the dependencies (npm ci)', output);
  throw new SetupError(message, passing);
}
