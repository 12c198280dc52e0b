import fs from 'node:fs';
import promises, { type FileHandle } from 'node:fs/promises';

/** What a process that is gone would not see any more. */
export class Crash extends Error {}

type Operation = (...args: unknown[]) => unknown;
const PROMISES = ['rename', 'rm', 'rmdir', 'mkdir', 'writeFile', 'copyFile', 'symlink', 'link', 'unlink'] as const;
const SYNC = ['renameSync', 'rmSync', 'mkdirSync', 'writeFileSync', 'copyFileSync'] as const;

/**
 * Runs `work` as if the process were killed at its n-th change of the disk (from 0): the change is not made, or, where it writes a file's
 * content, half of it is, and from then on nothing changes the disk, error handlers included. Returns false where `work` ended before.
 */
export async function crashAt(n: number, work: () => Promise<unknown>): Promise<boolean> {
  let count = 0;
  let dead = false;
  const restore: (() => void)[] = [];
  const due = () => {
    if (dead) return true;
    dead = count++ === n;
    return dead;
  };
  const wrap = (object: Record<string, Operation>, name: string, half?: (...args: unknown[]) => unknown) => {
    const original = object[name];
    const sync = name.endsWith('Sync');
    object[name] = function wrapped(this: unknown, ...args: unknown[]) {
      const before = dead;
      if (!due()) return original.apply(this, args);
      const end = () => {
        throw new Crash(`killed at ${name} ${String(args[0]).slice(0, 200)}`);
      };
      if (sync) return end();
      return (async () => {
        if (half && !before) await half.apply(this, args);
        return end();
      })();
    };
    restore.push(() => (object[name] = original));
  };
  const { writeFile, readFile, open } = promises;
  const halfOf = (data: unknown) => Buffer.from(data as string).subarray(0, Buffer.from(data as string).length >> 1);
  const p = promises as unknown as Record<string, Operation>;
  for (const name of PROMISES) {
    wrap(
      p,
      name,
      name === 'writeFile'
        ? (file, data) => writeFile(file as string, halfOf(data))
        : name === 'copyFile'
          ? async (from, to) => writeFile(to as string, halfOf(await readFile(from as string)))
          : undefined,
    );
  }
  for (const name of SYNC) wrap(fs as unknown as Record<string, Operation>, name);
  p.open = (async (...args: Parameters<typeof open>) => {
    const writing = /[wa]/.test(String(args[1] ?? 'r'));
    if (writing && due()) throw new Crash(`killed at open ${String(args[0])}`);
    const handle = await open(...args);
    if (writing) {
      const write = handle.writeFile.bind(handle);
      wrap(handle as unknown as Record<string, Operation>, 'writeFile', (data) => write(halfOf(data)));
      wrap(handle as unknown as Record<string, Operation>, 'write');
    }
    return handle as FileHandle;
  }) as unknown as Operation;
  restore.push(() => (p.open = open as unknown as Operation));
  try {
    await work();
    if (dead) throw new Error('the work went on after its process was killed');
    return false;
  } catch (e) {
    if (!dead) throw e;
    return true;
  } finally {
    restore.reverse().forEach((f) => f());
  }
}
