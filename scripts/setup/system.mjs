/** Processes, files and messages that the set-up is made of. Plain Node: works before anything is installed. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { explain } from './plan.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** What stands before a file of TypeScript on Node's command line. */
export const TYPESCRIPT = ['--require', path.join(root, 'scripts/typescript.cjs')];

/** A failure in one sentence that ends with the way out. Shown without a stack. */
export class SetupError extends Error {
  /** @param {boolean} passing whether trying again later may help (network, space). */
  constructor(message, passing = false) {
    super(message);
    this.passing = passing;
    /** Whether the checkout is somebody else's, or read-only: what is there can be used all the same. */
    this.unwritable = false;
  }
}

/** Turns file system errors (no space, no permission) of `action` into sentences; `elsewhere` says how another folder is chosen. */
export async function guarded(what, action, elsewhere) {
  try {
    return await action();
  } catch (error) {
    if (error instanceof SetupError || !error.syscall) throw error;
    const { message, passing } = explain(what, error.message, elsewhere);
    throw new SetupError(message, passing);
  }
}

/** The full path of a program, or null. */
export function which(name, env = process.env) {
  if (name.includes('/')) return fs.existsSync(name) ? name : null;
  const endings = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  for (const folder of (env.PATH ?? '').split(path.delimiter).filter(Boolean)) {
    for (const ending of endings) {
      const file = path.join(folder, name + ending);
      try {
        fs.accessSync(file, fs.constants.X_OK);
        if (fs.statSync(file).isFile()) return file;
      } catch {
        // Not in this folder.
      }
    }
  }
  return null;
}

const working = new Set();
let inForeground = null;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of working) child.kill(signal); // What they leave behind has temporary names.
    if (!inForeground) process.exit(128 + os.constants.signals[signal]);
    // A terminal gives Ctrl-C to the child too.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) inForeground.kill(signal);
  });
}

/** Runs a program and collects what it prints. Never throws for its exit status: {code, output}. */
export function capture(command, args, { cwd = root, env = process.env, timeout = 0 } = {}) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd, env, timeout, stdio: ['ignore', 'pipe', 'pipe'] });
    working.add(child);
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
    const finish = (code) => {
      working.delete(child);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += error.message;
      finish(-1);
    });
    child.on('close', (code) => finish(code ?? -1));
  });
}

const runningFolder = path.join(root, 'node_modules/.running');

/** Says that process `pid` works with node_modules, until the returned function is called or the process is gone. */
export function register(pid, name = process.env.npm_lifecycle_event ?? '') {
  const file = path.join(runningFolder, String(pid));
  try {
    fs.mkdirSync(runningFolder, { recursive: true });
    fs.writeFileSync(file, name);
  } catch {
    return () => {}; // Somebody else's folder: we cannot renew node_modules there either.
  }
  return () => fs.rmSync(file, { force: true });
}

/** The living processes that work with node_modules: [{pid, name}]. */
export function running() {
  const started = Date.now() - os.uptime() * 1000; // Numbers from before the machine started belong to others now.
  const names = fs.existsSync(runningFolder) ? fs.readdirSync(runningFolder) : [];
  const registered = names
    .filter((name) => /^\d+$/.test(name) && isRunning(Number(name)))
    .map((name) => path.join(runningFolder, name))
    .filter((file) => (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > started)
    .map((file) => ({ pid: Number(path.basename(file)), name: fs.readFileSync(file, 'utf8') }));
  const known = new Set(registered.map(({ pid }) => pid));
  return [...registered, ...loaders().filter(({ pid }) => !known.has(pid))];
}

/** Processes that did not register, such as `node FILE`, and have a library of node_modules in memory; on Linux alone. */
function loaders() {
  const folder = `${fs.realpathSync(root)}/node_modules/`;
  const numbers = fs.existsSync('/proc/self/maps') ? fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid) : [];
  const loads = (number) => {
    try {
      return fs.readFileSync(`/proc/${number}/maps`, 'utf8').includes(folder);
    } catch {
      return false; // Gone, or another user's.
    }
  };
  return numbers.filter(loads).map((number) => ({ pid: Number(number), name: '' }));
}

/** Runs a program on this terminal, passing signals on to it. Resolves to its exit code. */
export function foreground(command, args, { env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    inForeground = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
    // The program's own number, as it may outlive us.
    const unregister = inForeground.pid ? register(inForeground.pid) : () => {};
    inForeground.on('error', reject);
    inForeground.on('close', (code, signal) => {
      inForeground = null;
      unregister();
      resolve(code ?? 128 + os.constants.signals[signal]);
    });
  });
}

/** Prints a line on stderr, so that a command's own output stays clean. */
export const say = (text) => process.stderr.write(`${text}\n`);

export const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Runs `action` as a named step: says that it began, counts the seconds on a terminal, says what came of it and its time.
 *  @param {(note: (text: string) => void) => Promise<string>} action returns the closing words; `note` renames the work going on. */
export async function step(name, action) {
  const started = Date.now();
  const live = process.stderr.isTTY;
  let doing = name;
  const draw = () => process.stderr.write(`\r\x1b[2K· ${doing} ... ${seconds(started)}`);
  const timer = live ? setInterval(draw, 200) : undefined;
  const note = (text) => {
    doing = `${name}: ${text}`;
    if (!live) say(`· ${doing} ...`);
  };
  if (!live) say(`· ${name} ...`);
  const finish = (text) => say(`${live ? '\r\x1b[2K' : ''}${text}`);
  try {
    const result = await action(note);
    finish(`✓ ${name}: ${result} (${seconds(started)})`);
  } catch (error) {
    finish(`✗ ${name} (${seconds(started)})`);
    throw error;
  } finally {
    clearInterval(timer);
  }
}

export function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return null; // Missing or half-written: the same as never made.
  }
}

/** A name beside `file` for work in progress; `sweep` removes those whose process is gone. */
export const temporary = (file) => `${file}.tmp-${process.pid}`;

export function sweep(folder, prefix = '') {
  if (!fs.existsSync(folder)) return;
  for (const name of fs.readdirSync(folder)) {
    const match = /\.tmp-(\d+)$/.exec(name);
    if (match && name.startsWith(prefix) && !isRunning(Number(match[1]))) fs.rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/** Writes a file whole or not at all. */
export function writeFile(file, content) {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(temporary(file), content);
  fs.renameSync(temporary(file), file);
}

export function copyFile(from, to) {
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.copyFileSync(from, temporary(to));
  fs.renameSync(temporary(to), to);
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Lets one process at a time do `action`; another waits. A lock whose process has died is taken over.
 * `advice` is the way out where the lock's folder cannot be written.
 */
export async function locked(
  file,
  action,
  advice = 'whoever owns it runs npm run setup once, with LGGAN_CACHE set to a folder that all can read, or copy the project to a folder of your own',
) {
  const mine = temporary(file);
  const refuse = (error) => {
    if (!['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENOTDIR', 'EEXIST'].includes(error.code)) throw error;
    const folder = path.dirname(file);
    const refusal = new SetupError(`${folder} cannot be written (${error.code}), and the set-up is not complete there: ${advice}.`);
    refusal.unwritable = ['EACCES', 'EPERM', 'EROFS'].includes(error.code);
    throw refusal;
  };
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(mine, String(process.pid));
  } catch (error) {
    refuse(error);
  }
  try {
    for (let told = false; !tryLink(mine, file); await sleep(200)) {
      const owner = lockOwner(file);
      if (owner && isRunning(owner)) {
        if (!told) say(`· another set-up is at work (process ${owner}): waiting for it`);
        told = true;
      } else if (owner) {
        fs.rmSync(file, { force: true });
      }
    }
  } catch (error) {
    refuse(error); // A dead user's lock in a folder where only owners delete.
  } finally {
    fs.rmSync(mine, { force: true });
  }
  const release = () => fs.rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await action();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

/** A link appears with its content, so that nobody sees an empty lock. */
function tryLink(from, to) {
  try {
    fs.linkSync(from, to);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    // File systems without links (FAT, some shares).
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(error.code)) throw error;
  }
  try {
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function lockOwner(file) {
  try {
    return Number(fs.readFileSync(file, 'utf8'));
  } catch {
    return 0; // Released in this moment.
  }
}
