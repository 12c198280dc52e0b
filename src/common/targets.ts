/** Files of the user are never destroyed: what a command reads is no target, and what it did not write is replaced only where that is asked for. */
import { appendFileSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { UserError } from './errors';

/** The file or folder behind a path, through links, `..` and other spellings; undefined where there is none. */
function identity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/**
 * Refuses to write over what is read. Two paths are the same where the file system says so, so that links, hard links and spellings of
 * another case count. To be called before the first byte is written.
 * @param way what the user can do about it
 * @throws UserError that names target and input
 */
export function refuseInputs(inputs: Iterable<string>, targets: Iterable<string>, way = 'choose another --output_path'): void {
  const read = new Map<string, string>();
  for (const input of inputs) {
    const id = identity(input);
    if (id) read.set(id, input);
  }
  for (const target of targets) {
    const input = read.get(identity(target) ?? '');
    if (input) throw new UserError(`${target} would be written over ${input}, which is read; ${way}.`);
  }
}

/** The files of a folder, not those of folders inside; none where there is no folder. */
export function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((e) => !e.isDirectory())
      .map((e) => join(folder, e.name));
  } catch {
    return [];
  }
}

const NAME = '.lggan-written';

/**
 * What a command wrote into a folder, in a small hidden file there: a line `size mtime name` for each, the last one of a name counts. A file
 * that was changed since is the user's.
 */
export class WrittenFiles {
  private readonly known = new Map<string, string>();

  constructor(private readonly folder: string) {
    try {
      for (const line of readFileSync(join(folder, NAME), 'utf8').split('\n')) {
        const [, state, name] = /^(\d+ \d+) (.+)$/.exec(line) ?? [];
        if (name) this.known.set(JSON.parse(name) as string, state);
      }
    } catch {
      // None yet, or none that can be read: then nothing is known.
    }
  }

  /** @throws UserError where one of the targets is there and was not written by a command, or was changed since */
  refuseOthers(targets: Iterable<string>, way = 'choose another --output_path, or replace it with --overwrite'): void {
    for (const target of targets) {
      const state = stateOf(target);
      // An empty file, such as a power cut leaves, holds nothing to lose.
      if (state && !state.startsWith('0 ') && !this.has(target)) throw new UserError(`${target} is there already, and is not what this command wrote; ${way}.`);
    }
  }

  /** Whether a file is as a command wrote it. */
  has(file: string): boolean {
    return this.known.has(this.nameOf(file)) && this.known.get(this.nameOf(file)) === stateOf(file);
  }

  /** Remembers a file that was just written. */
  add(file: string): void {
    const state = stateOf(file);
    if (!state) return;
    const name = this.nameOf(file);
    this.known.set(name, state);
    mkdirSync(this.folder, { recursive: true });
    appendFileSync(join(this.folder, NAME), `${state} ${JSON.stringify(name)}\n`);
  }

  private readonly nameOf = (file: string) => relative(resolve(this.folder), resolve(file));
}

/** The record of the folder that a single file goes to. */
export const writtenBeside = (file: string): WrittenFiles => new WrittenFiles(dirname(file));

function stateOf(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stat && `${stat.size} ${stat.mtimeNs}`;
}
