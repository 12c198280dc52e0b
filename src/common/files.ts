/** Files and folders of a data set: listing, reading, and one sentence for what goes wrong. */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { UserError, excerpt } from './errors';
import { parseJson } from './json';
import { refuseStandIn } from './stand_in';

/** Extensions of photographs. */
export const IMAGE_EXTENSIONS: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff'];
/** Extensions of label maps: PNG alone, since JPEG changes the values. */
export const LABEL_EXTENSIONS: readonly string[] = ['.png'];

/** Order of Python's `sorted` on strings: by code points (JavaScript's own order differs beyond the basic plane). */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Name without folder and extension. Accents are composed: an archive made on macOS has them decomposed, and a photo's name should equal that
 * of its label map all the same.
 */
export const stem = (file: string): string => basename(file, extname(file)).normalize('NFC');

export const hasExtension = (name: string, extensions: readonly string[]): boolean => extensions.includes(extname(name).toLowerCase());

/** Names (not paths) of the files with one of these extensions, sorted as Python sorts; hidden files are passed over. */
export function listFiles(folder: string, extensions: readonly string[]): string[] {
  return listAll(folder)
    .filter((name) => hasExtension(name, extensions))
    .sort(byCodePoint);
}

/** Names of everything in a folder but hidden files. Throws a UserError where it is no folder. */
export function listAll(folder: string): string[] {
  if (!existsSync(folder)) throw new UserError(`${folder}: there is no such folder.`);
  if (!statSync(folder).isDirectory()) throw new UserError(`${folder}: this is a file, where a folder is wanted.`);
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch (e) {
    throw new UserError(`${folder}: the folder cannot be read (${(e as NodeJS.ErrnoException).code}).`, { cause: e });
  }
}

/**
 * The content of a file that must not be empty. Read synchronously: the thread pool then decodes it while the main thread is busy with a
 * training step, which could not be if reading itself waited for the main thread. Throws a UserError that names the file.
 */
export function readBytes(file: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new UserError(`${file}: there is no such file.`, { cause: e });
    if (code === 'EISDIR') throw new UserError(`${file}: this is a folder, where a file is wanted.`, { cause: e });
    throw new UserError(`${file}: the file cannot be read (${code ?? (e as Error).message}).`, { cause: e });
  }
  if (bytes.length === 0) throw new UserError(`${file}: the file is empty (0 bytes); fetch or write it again.`);
  refuseStandIn(bytes, file);
  return bytes;
}

/** A text file, see `textOf`. Throws a UserError that names the file. */
export const readText = (file: string): string => textOf(readBytes(file));

/** Text in UTF-8, or in UTF-16 where a byte-order mark says so; the mark is not part of it. */
function textOf(bytes: Buffer): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

/** A JSON file. Throws a UserError that names the file. */
export function readJson(file: string): unknown {
  try {
    return parseJson(readText(file));
  } catch (e) {
    if (e instanceof UserError) throw e;
    throw new UserError(`${file}: this is not valid JSON (${excerpt((e as Error).message, 200)}).`, { cause: e });
  }
}
