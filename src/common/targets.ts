/** The rule for every command that writes: an input is never a target. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from './errors';

/** The place a path means: links of all parents that exist are followed, also where the file itself is not there yet. */
export function placeOf(path: string): string {
  const full = resolve(path);
  try {
    return realpathSync(full);
  } catch {
    const parent = dirname(full);
    return parent === full ? full : join(placeOf(parent), basename(full));
  }
}

/** A file by device and number: hard links, and names that differ in case alone, are one file. */
function numberOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stat && `${stat.dev}:${stat.ino}`;
}

/** The files of a data set: those in the folder, its `imgs` and its `labels`; of a file, itself. */
export function inputFiles(path: string): string[] {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return [path, join(path, 'imgs'), join(path, 'labels')]
    .filter((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.isDirectory()).map((entry) => join(folder, entry.name)));
}

/**
 * Refuses before the first byte where one of `targets` is one of `inputs`, also through symbolic or hard links.
 * @throws UserError that names both
 */
export function refuseInputs(inputs: readonly string[], targets: readonly string[]): void {
  const places = new Map<string, string>();
  for (const input of inputs) {
    places.set(placeOf(input), input);
    const number = numberOf(input);
    if (number) places.set(number, input);
  }
  for (const target of targets) {
    const number = numberOf(target);
    const input = places.get(placeOf(target)) ?? (number && places.get(number));
    if (input) throw new UserError(`${target} would be written over the input ${input}; nothing was written: choose another --output_path.`);
  }
}
