/** Unpacking of archives from the network: nothing leaves the folder, nothing fills the disk. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { ZipFile, type ZipEntry } from './zip';
import { UserError, excerpt } from '../../src/common/errors';
import { removeOldParts, writeWhole } from '../../src/common/atomic';

/** What an archive may unpack to. The contest's largest holds 20 000 files, of some hundred kilobytes each. */
export interface UnpackLimits {
  /** Default 100 000. */
  files: number;
  /** Bytes of one file. Default 64 MiB. */
  fileBytes: number;
  /** Bytes of all. Default 64 GiB. */
  bytes: number;
}

export const UNPACK_LIMITS: UnpackLimits = { files: 100_000, fileBytes: 64 * 2 ** 20, bytes: 64 * 2 ** 30 };

export interface UnpackOptions {
  limits?: Partial<UnpackLimits>;
  /**
   * Where an entry goes: a path below the folder, by the entry's folders and its name; undefined for what is not wanted. Default: where the
   * archive has it.
   */
  place?(folders: readonly string[], name: string): string | undefined;
  /** Whether a file of this path (as `place` gave it) and size is there already. Default: looks below the folder. */
  present?(path: string, size: number): boolean;
  signal?: AbortSignal;
  onProgress?(done: number, total: number, note?: string): void;
}

export interface Unpacked {
  written: number;
  /** Files that were there. */
  present: number;
  /** Entries that were not wanted. */
  skipped: number;
}

/**
 * Unpacks a zip archive below `folder`. The whole directory of the archive is checked before the first file is written: no path outside, no
 * links or devices, no name twice, nothing above the limits, no entries that share their bytes. Each file's size and checksum are checked
 * before it gets its name; files that are there in full are not written again, so that an interrupted call is completed by the next.
 * @throws UserError that names the archive, or the file that cannot be written
 */
export async function unpack(archive: string, folder: string, options: UnpackOptions = {}): Promise<Unpacked> {
  const { place = (folders: readonly string[], name: string) => [...folders, name].join('/'), signal, onProgress } = options;
  const present = options.present ?? ((path: string, size: number) => isThere(join(folder, path), size));
  const zip = new ZipFile(archive);
  try {
    const wanted = check(zip, archive, { ...UNPACK_LIMITS, ...options.limits }, place);
    const result: Unpacked = { written: 0, present: 0, skipped: zip.entries.size - wanted.length };
    const folders = new Set(wanted.map(({ path }) => join(folder, path, '..')));
    for (const f of folders) await removeOldParts(f);
    for (const [i, { entry, path }] of wanted.entries()) {
      if (signal?.aborted) throw new UserError(`${archive}: stopped; the same command goes on.`);
      if (present(path, entry.size)) result.present++;
      else {
        await writeWhole(join(folder, path), zip.read(entry.name, entry.size));
        result.written++;
      }
      onProgress?.(i + 1, wanted.length, path);
    }
    return result;
  } finally {
    zip.close();
  }
}

/** Whether a file of this size is there. */
export function isThere(file: string, size: number): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.isFile() && stat.size === size;
}

function check(zip: ZipFile, archive: string, limits: UnpackLimits, place: NonNullable<UnpackOptions['place']>): { entry: ZipEntry; path: string }[] {
  const refuse = (what: string): never => {
    throw new UserError(`${archive}: ${what}; nothing of it was unpacked. Fetch it again, or do not trust where it comes from.`);
  };
  if (zip.entries.size > limits.files) refuse(`it holds ${zip.entries.size} entries, above the limit of ${limits.files}`);
  const wanted: { entry: ZipEntry; path: string }[] = [];
  const paths = new Map<string, string>();
  let [bytes, packed] = [0, 0];
  for (const entry of zip.entries.values()) {
    const { name, mode, size, compressedSize } = entry;
    const shown = `'${excerpt(name)}'`;
    const kind = mode & 0o170000;
    const directory = name.endsWith('/');
    if (kind !== 0 && kind !== (directory ? 0o040000 : 0o100000)) refuse(`${shown} is a link or a device`);
    const parts = (directory ? name.slice(0, -1) : name).split('/');
    const plain = (part: string) => part !== '' && part !== '.' && part !== '..' && part.length <= 255 && !/[\\:\u0000-\u001f]/.test(part);
    if (!parts.every(plain) || parts.length > 16) refuse(`${shown} is no path inside a folder`);
    if (directory) continue;
    if (size > limits.fileBytes) refuse(`${shown} would have ${size} bytes, above the limit of ${limits.fileBytes} for one file`);
    bytes += size;
    packed += compressedSize;
    const path = place(parts.slice(0, -1), parts[parts.length - 1]);
    if (path === undefined) continue;
    // Some file systems do not tell upper and lower case apart.
    const other = paths.get(path.toLowerCase());
    if (other !== undefined) refuse(`${shown} and '${excerpt(other)}' would be one file`);
    paths.set(path.toLowerCase(), name);
    wanted.push({ entry, path });
  }
  if (bytes > limits.bytes) refuse(`it would unpack to ${bytes} bytes, above the limit of ${limits.bytes}`);
  if (packed > zip.length) refuse('its entries share their bytes, as in an archive made to fill the disk');
  return wanted;
}
