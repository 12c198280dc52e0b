/** Scripts and commands in a process of their own, as users start them. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './material';

/** What stands before a file of TypeScript on Node's command line. */
export const TYPESCRIPT = ['--require', join(ROOT, 'scripts/typescript.cjs')];

export interface Said {
  status: number | null;
  out: string;
  err: string;
}

/** Runs a command of `cli` to its end. */
export function command(name: string, ...args: string[]): Said {
  const run = spawnSync(process.execPath, [...TYPESCRIPT, join(ROOT, 'cli', `${name}.ts`), ...args], { cwd: ROOT, encoding: 'utf8' });
  return { status: run.status, out: run.stdout, err: run.stderr };
}
