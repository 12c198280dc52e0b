/** What this machine has: Python, compiler, NVIDIA devices, C library. */
import os from 'node:os';
import { capture, which } from './system.mjs';
import { cacheFolder, parseNvidia } from './plan.mjs';

export const cache = cacheFolder(process.env, process.platform, os.homedir());

/** LGGAN_ENGINE: auto (default), cpu (no GPU wheel), wasm or plain (no native engine). */
export const choice = process.env.LGGAN_ENGINE ?? 'auto';

const pythonNames = ['python3', 'python'];
const compilerNames = [process.env.CXX, ...(process.platform === 'darwin' ? ['clang++', 'g++'] : ['g++', 'clang++', 'c++'])].filter(Boolean);

/** What is on the PATH, without running anything: a change of it makes a remembered decision void. */
export const onPath = () => ({
  python: pythonNames.map((name) => which(name)).find(Boolean) ?? null,
  compiler: compilerNames.map((name) => which(name)).find(Boolean) ?? null,
  nvidia: which('nvidia-smi'),
});

/** The first Python 3.9 or newer: {command, version, pip, venv}, or null. */
export async function findPython() {
  const question =
    'import sys; from importlib.util import find_spec as f; ' + 'print(*sys.version_info[:2], int(bool(f("pip"))), int(bool(f("venv") and f("ensurepip"))))';
  for (const command of pythonNames.map((name) => which(name)).filter(Boolean)) {
    const { code, output } = await capture(command, ['-c', question]);
    const [major, minor, pip, venv] = output.trim().split(' ').map(Number);
    if (code === 0 && major === 3 && minor >= 9) return { command, version: `${major}.${minor}`, pip: !!pip, venv: !!venv };
  }
  return null;
}

/** A compiler that answers (on macOS the command is there before the tools are), or null. */
export async function findCompiler() {
  for (const command of compilerNames.map((name) => which(name)).filter(Boolean)) {
    if ((await capture(command, ['--version'])).code === 0) return command;
  }
  return null;
}

/** NVIDIA devices: [{name, driver}]. */
export async function findNvidia() {
  const smi = which('nvidia-smi');
  if (!smi) return [];
  const { code, output } = await capture(smi, ['--query-gpu=name,driver_version', '--format=csv,noheader'], { timeout: 30_000 });
  return code === 0 ? parseNvidia(output) : [];
}

/** 'glibc', 'musl' or undefined outside Linux. Wheels are built for glibc. */
export function findLibc() {
  if (process.platform !== 'linux') return undefined;
  process.report.excludeNetwork = true;
  return process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
}
