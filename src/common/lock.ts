import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { UserError } from './errors';
import { explain, isAlive, removeLeftovers } from './atomic';

/*
 * One writer for a run's folder. The lock is a small file that says which process holds it. It survives crashes: a
 * process that is gone, a machine that was started again, another process that got the same number since, all leave a
 * lock that the next run takes over without a question.
 */

/** Who holds a lock. */
interface Holder {
  pid: number;
  /** What tells the process from a later one of the same number: when it began; '' where that cannot be known. */
  started: string;
  /** The machine, and its start: numbers of processes mean nothing beyond. */
  host: string;
  boot: string;
  /** For people. */
  since: string;
}

/** A lock that is held; `release` gives it back and may be called twice. */
export interface FolderLock {
  release(): Promise<void>;
}

const NAME = 'run.lock';
let parts = 0;

/**
 * Takes the lock of a folder, which is made if need be. Throws a UserError where another run that lives holds it, in
 * this process too, and where the folder cannot be written.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const file = join(folder, NAME);
  const own: Holder = { ...identity(process.pid), host: hostname(), boot: bootId(), since: new Date().toISOString() };
  const text = `${JSON.stringify(own)}\n`;
  try {
    await mkdir(folder, { recursive: true });
    await removeLeftovers(file);
    await acquire(file, text, folder);
  } catch (e) {
    throw explain(e, file);
  }
  return {
    async release() {
      if ((await readFile(file, 'utf8').catch(() => '')) === text) await rm(file, { force: true });
    },
  };
}

/** `work` while the folder's lock is held. */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockFolder(folder);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function acquire(file: string, text: string, folder: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await createWhole(file, text)) return;
    const held = await readFile(file, 'utf8').catch((e: NodeJS.ErrnoException) => {
      if (e.code === 'ENOENT') return undefined;
      throw e;
    });
    if (held === undefined) continue;
    const holder = parse(held);
    if (holder && holds(holder)) throw busy(folder, file, holder);
    // Of several that find the same stale lock one may replace it. It holds a lock of that very content meanwhile, and
    // looks again once it has it: the stale one may have been replaced in between.
    const second = `${file}.${createHash('sha256').update(held).digest('hex').slice(0, 12)}`;
    await acquire(second, text, folder);
    try {
      if ((await readFile(file, 'utf8').catch(() => undefined)) !== held) continue;
      const part = partOf(file);
      await writeNew(part, text);
      await rename(part, file);
      return;
    } finally {
      await rm(second, { force: true });
    }
  }
  throw new UserError(`${file} changes all the time: several runs are starting in ${folder}; start one.`);
}

/** Makes the file with its whole content, unless there is one. */
async function createWhole(file: string, text: string): Promise<boolean> {
  const part = partOf(file);
  await writeNew(part, text);
  try {
    await link(part, file);
    return true;
  } catch (e) {
    const { code } = e as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw e;
    // A file system without hard links: the content comes a moment after the name.
    const handle = await open(file, 'wx').catch((x: NodeJS.ErrnoException) => {
      if (x.code === 'EEXIST') return undefined;
      throw x;
    });
    await handle?.writeFile(text);
    await handle?.close();
    return handle !== undefined;
  } finally {
    await rm(part, { force: true });
  }
}

/** A name of its own for each attempt, which `removeLeftovers` knows. */
const partOf = (file: string) => `${file}.${process.pid}.${parts++}.part`;

async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await handle.writeFile(text);
  } finally {
    await handle.close();
  }
}

function parse(text: string): Holder | undefined {
  try {
    const h = JSON.parse(text) as Holder;
    return Number.isInteger(h?.pid) && h.pid > 0 && [h.started, h.host, h.boot].every((x) => typeof x === 'string') ? h : undefined;
  } catch {
    // A power cut may leave a file without content.
    return undefined;
  }
}

/** Whether the holder still runs; of another machine that cannot be known. */
function holds(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  if (holder.boot !== bootId()) return false;
  if (!isAlive(holder.pid)) return false;
  return identity(holder.pid).started === holder.started;
}

function busy(folder: string, file: string, { pid, host, since }: Holder): UserError {
  const elsewhere = host !== hostname();
  const who = pid === process.pid && !elsewhere ? 'this very process' : `process ${pid}${elsewhere ? ` of ${host}` : ''}`;
  const more = elsewhere ? `; if that one no longer runs, delete ${file}` : '';
  return new UserError(`${folder} is used by another run (${who}, since ${since}): wait for it, stop it, or choose another folder${more}.`);
}

/** Linux names each start of the machine; elsewhere the processes' own start has to do. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function identity(pid: number): { pid: number; started: string } {
  try {
    // The name in parentheses may hold spaces; fields 3 (state) and 22 (start, in ticks since the machine's) follow it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return { pid, started: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
  } catch {
    const ps = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
    return { pid, started: (ps.stdout ?? '').trim() };
  }
}
