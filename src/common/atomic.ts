/** Files that are there whole or not at all, whenever a process is killed. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { UserError } from './errors';

/**
 * Writes a file so that it is there whole or not at all, whenever the process is killed: under a temporary name beside
 * it, synced to the disk, then renamed. Leftovers of writers that no longer live are removed first.
 * Throws a UserError that names the file where the folder cannot be written or the disk is full; the file that was
 * there stays.
 */
export async function replaceFile(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  await removeLeftovers(file);
  await renamed(`${file}.${process.pid}.part`, file, async (part) => {
    await writeSynced(part, write);
  });
  await syncFolder(dirname(file));
}

/** `replaceFile` for content that is at hand. */
export async function writeFileAtomically(file: string, content: string | Uint8Array): Promise<void> {
  await replaceFile(file, async (handle) => {
    await handle.writeFile(content);
  });
}

let parts = 0;

/**
 * `writeFileAtomically` for files that can be made again, such as a set of thousands of pictures: it makes folders as needed and does not wait
 * for the disk. The name it writes under is hidden, since others list the folder; `removeOldParts` removes it.
 */
export async function writeWhole(file: string, content: Uint8Array | string): Promise<void> {
  // The end of the name will do: names may be as long as the file system allows.
  const part = join(dirname(file), `.${basename(file).slice(-40)}.${process.pid}-${parts++}.part`);
  await renamed(part, file, async () => {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(part, content);
  });
}

/** Writes under the name of a part, which becomes the file's where that succeeds and is removed where it does not. */
async function renamed(part: string, file: string, write: (part: string) => Promise<void>): Promise<void> {
  try {
    await write(part);
    await rename(part, file);
  } catch (e) {
    await rm(part, { force: true }).catch(() => undefined);
    throw explain(e, file);
  }
}

/** Writes a new file and syncs it to the disk. */
export async function writeSynced(file: string, write: (handle: FileHandle) => Promise<void>): Promise<void> {
  const handle = await open(file, 'w');
  try {
    await write(handle);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes renames and new names in a folder last through a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  try {
    await handle?.sync();
  } catch {
    // Some file systems refuse to sync a folder; the rename itself is atomic all the same.
  } finally {
    await handle?.close();
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full: free some space and start again',
  EDQUOT: 'the disk quota is used up: free some space and start again',
  EACCES: 'the folder may not be written: change its permissions or choose another',
  EPERM: 'the folder may not be written: change its permissions or choose another',
  EROFS: 'the file system is read-only: choose another folder',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of its path is a file, not a folder: choose another',
  EISDIR: 'a folder of this name exists',
  EEXIST: 'a file of this name stands in its place: remove it or choose another name',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its symbolic links go round in a circle',
  EMFILE: 'too many files are open: raise the limit (ulimit -n) and start again',
  ENFILE: 'too many files are open on this machine: close some programs and start again',
  EBUSY: 'another program uses it: close that and start again',
  EFBIG: 'the file system does not hold files that large',
};

/** Turns an error of the file system into a sentence; other errors stay as they are. */
export function explain(e: unknown, file: string): unknown {
  const reason = REASONS[(e as NodeJS.ErrnoException)?.code ?? ''];
  return reason ? new UserError(`${file} was not written: ${reason}.`, { cause: e }) : e;
}

/**
 * The same where nobody knows what was being done: the error itself says which path. A path that is not there stays a fault of the program,
 * which should have looked; other errors stay as they are.
 */
export function explainAny(e: unknown): unknown {
  if (!(e instanceof Error) || e instanceof UserError) return e;
  // TensorFlow's, and JavaScript's own.
  if (/OOM when allocating|Invalid TF_Status: 8\b|Array buffer allocation failed/.test(e.message)) {
    return new UserError('The memory does not suffice: take a smaller batch, smaller images or a narrower network, or end other programs.', { cause: e });
  }
  const { code = '', syscall, path, dest } = e as NodeJS.ErrnoException & { dest?: string };
  if (!syscall || (code === 'ENOENT' && syscall !== 'mkdir')) return e;
  const denied = code === 'EACCES' || code === 'EPERM';
  const reason =
    code === 'ENOENT'
      ? 'no folder can be made there: choose another'
      : denied
        ? 'it may not be read or written: change its permissions or choose another'
        : REASONS[code];
  if (!reason) return e;
  const file = syscall === 'rename' || syscall === 'link' || syscall === 'copyfile' ? (dest ?? path) : path;
  return new UserError(`${file ?? 'A file'}: ${reason}.`, { cause: e });
}

/** Whether a process of this number lives (also one that belongs to somebody else). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
  try {
    // Killed, and its parent has not asked for its end yet, which in a container may never happen.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/[ZX]/.test(stat.charAt(stat.lastIndexOf(')') + 2));
  } catch {
    return true;
  }
}

/** Removes what writers of `path` left behind when they were killed. */
export async function removeLeftovers(path: string): Promise<void> {
  const names = await readdir(dirname(path)).catch(() => []);
  const base = basename(path);
  for (const name of names) {
    if (!name.startsWith(`${base}.`)) continue;
    const pid = /^(\d+)(?:\.\d+)?\.part$/.exec(name.slice(base.length + 1))?.[1];
    if (pid && Number(pid) !== process.pid && !isAlive(Number(pid))) await rm(join(dirname(path), name), { recursive: true, force: true });
  }
}

/** Removes what killed writers left in a folder: hidden parts of processes that are gone, or older than a minute, since a writer takes less. */
export async function removeOldParts(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const pid = /^\..*\.(\d+)-\d+\.part$/.exec(name)?.[1];
    if (!pid) continue;
    const file = join(folder, name);
    const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 60_000 || !isAlive(Number(pid))) await rm(file, { force: true });
  }
}
