/** The contest's data set: three archives, fetched, unpacked and renamed as the original's description says. */
import { existsSync } from 'node:fs';
import { rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomically } from '../../src/common/atomic';
import { withFolderLock } from '../../src/common/lock';
import { ZipFile } from './zip';
import { IMAGE_EXTENSIONS, LABEL_EXTENSIONS, hasExtension, listFiles, readJson, stem } from '../../src/common/files';
import { UserError } from '../../src/common/errors';
import { sha256Of } from '../../src/common/checksum';
import { fetchFile, type FetchOptions } from './fetch';
import { isThere, unpack, type Unpacked } from './unpack';

export interface LandscapeArchive {
  name: 'train' | 'testA' | 'testB';
  url: string;
  /** The last folder of an entry's path in the archive -> where its files go, below the data set's folder. */
  folders: Readonly<Record<string, string>>;
  /** Pairs, or label maps, that it has to hold. */
  count: number;
  /** Where it is known; else what came first is remembered. */
  sha256?: string;
}

export const LANDSCAPE: readonly LandscapeArchive[] = [
  {
    name: 'train',
    url: 'https://cloud.tsinghua.edu.cn/f/1d734cbb68b545d6bdf2/?dl=1',
    folders: { imgs: 'train/imgs', labels: 'train/labels' },
    count: 10_000,
  },
  {
    name: 'testA',
    url: 'https://cloud.tsinghua.edu.cn/f/70195945f21d4d6ebd94/?dl=1',
    folders: { val_A_labels_cleaned: 'testA/labels', labels: 'testA/labels' },
    count: 1000,
  },
  {
    name: 'testB',
    url: 'https://cloud.tsinghua.edu.cn/f/980d8204f38e4dfebbc8/?dl=1',
    folders: { 'val_B-labels-clean': 'testB/labels', labels: 'testB/labels' },
    count: 1000,
  },
];

export interface LandscapeOptions {
  /** Default 'datasets/landscape'. */
  root?: string;
  /** A folder or the address of one that has train.zip, testA.zip and testB.zip; default: where the contest put them. */
  from?: string;
  /** Some of the archives. Default all. */
  only?: readonly string[];
  archives?: readonly LandscapeArchive[];
  fetch?: Pick<FetchOptions, 'stallMs' | 'retries' | 'retryDelayMs'>;
  signal?: AbortSignal;
  /** `part` is 'fetching train.zip' (bytes) or 'unpacking train.zip' (files). */
  onProgress?(part: string, done: number, total: number): void;
}

export interface LandscapeOutcome {
  name: string;
  /** False where it was there already. */
  changed: boolean;
  /** Pairs, or label maps. */
  count: number;
}

/** What is known of the archives that were unpacked: `ROOT/download.json`. */
type Archives = Record<string, { sha256: string; bytes: number }>;
const RECORD = 'download.json';

/**
 * Fetches and unpacks the data set below `root` and checks that it is complete: 10 000 pairs (in val, where it has been split), 1000 label maps
 * in each test set. Archives are removed when they are unpacked. Whatever interrupts it, the next call goes on; where all is there it does
 * nothing.
 * @throws UserError that names the address, archive or folder, and what to do
 */
export async function downloadLandscape(options: LandscapeOptions = {}): Promise<LandscapeOutcome[]> {
  const { root = join('datasets', 'landscape'), only, archives = LANDSCAPE } = options;
  const unknown = only?.find((name) => !archives.some((a) => a.name === name));
  if (unknown) throw new UserError(`--only: there is no archive '${unknown}'; there are ${archives.map((a) => a.name).join(', ')}.`);
  const outcomes: LandscapeOutcome[] = [];
  try {
    await withFolderLock(root, async () => {
      for (const archive of archives.filter(({ name }) => !only || only.includes(name))) outcomes.push(await one(root, archive, options));
    });
  } finally {
    // Only an empty one goes: nothing came.
    await rmdir(root).catch(() => undefined);
  }
  return outcomes;
}

async function one(root: string, archive: LandscapeArchive, options: LandscapeOptions): Promise<LandscapeOutcome> {
  const { name, folders, count } = archive;
  const file = join(root, RECORD);
  const record = existsSync(file) ? recordOf(file) : {};
  if (Object.hasOwn(record, name) && countOf(root, archive) === count) return { name, changed: false, count };

  const { zip, own } = await obtain(root, archive, record[name]?.sha256, options);
  let unpacked: Unpacked;
  try {
    unpacked = await unpack(zip, root, {
      signal: options.signal,
      onProgress: (done, total) => options.onProgress?.(`unpacking ${name}.zip`, done, total),
      place(parents, leaf) {
        const parent = parents[parents.length - 1];
        if (parents.includes('__MACOSX') || leaf.startsWith('.') || !Object.hasOwn(folders, parent ?? '')) return undefined;
        const wanted = parent === 'imgs' ? IMAGE_EXTENSIONS : LABEL_EXTENSIONS;
        return hasExtension(leaf, wanted) ? `${folders[parent]}/${leaf}` : undefined;
      },
      // What `npm run split` has moved is not put back.
      present: (path, size) => isThere(join(root, path), size) || isThere(join(root, path.replace(/^train\//, 'val/')), size),
    });
  } catch (e) {
    // What is damaged would be found damaged again: the next call has to fetch it anew.
    if (own && e instanceof UserError && !options.signal?.aborted && e.message.startsWith(zip)) await rm(zip, { force: true });
    throw e;
  }
  const found = countOf(root, archive);
  if (found !== count) {
    const what = name === 'train' ? 'pairs of a photo and a label map' : 'label maps';
    if (own) await rm(zip, { force: true });
    throw new UserError(
      `${zip}: it held ${unpacked.written + unpacked.present} files, and ${join(root, name)} has ${found} ${what} instead of ${count}; fetch it by hand and give its folder with --from, or see what is in ${root}.`,
    );
  }
  const { size } = await stat(zip);
  await writeFileAtomically(file, `${JSON.stringify({ ...record, [name]: { sha256: await sha256Of(zip), bytes: size } }, null, 1)}\n`);
  if (own) await rm(zip, { force: true });
  return { name, changed: true, count };
}

/** The archive as a whole file: the user's own, one that an earlier call has fetched, or fetched now. `own`: ours to remove. */
async function obtain(
  root: string,
  { name, url, sha256 }: LandscapeArchive,
  known: string | undefined,
  options: LandscapeOptions,
): Promise<{ zip: string; own: boolean }> {
  const { from, fetch, signal, onProgress } = options;
  if (from !== undefined && !/^https?:\/\//.test(from)) {
    const zip = join(from, `${name}.zip`);
    if (!existsSync(zip)) throw new UserError(`${zip}: there is no such file; --from wants a folder with train.zip, testA.zip and testB.zip.`);
    return { zip, own: false };
  }
  const zip = join(root, `${name}.zip`);
  // It has its name only once it has come whole; without a checksum to compare, its directory says so too.
  if (!existsSync(zip) || !opens(zip)) {
    const address = from === undefined ? url : `${from.replace(/\/$/, '')}/${name}.zip`;
    await fetchFile(address, zip, {
      sha256: sha256 ?? known,
      signal,
      ...fetch,
      onProgress: (done, total) => onProgress?.(`fetching ${name}.zip`, done, total),
    });
    if (!opens(zip)) {
      await rm(zip, { force: true });
      throw new UserError(
        `${address}: what came is not a whole zip archive (a page of the server, perhaps); open the address in a browser, and give the folder of what it saves with --from.`,
      );
    }
  }
  return { zip, own: true };
}

function opens(file: string): boolean {
  try {
    new ZipFile(file).close();
    return true;
  } catch (e) {
    if (e instanceof UserError) return false;
    throw e;
  }
}

/** Pairs of train and val together, or label maps. */
function countOf(root: string, { name }: LandscapeArchive): number {
  const files = (folder: string, extensions: readonly string[]) => (existsSync(join(root, folder)) ? listFiles(join(root, folder), extensions) : []);
  if (name !== 'train') return files(`${name}/labels`, LABEL_EXTENSIONS).length;
  return ['train', 'val'].reduce((sum, split) => {
    const labels = new Set(files(`${split}/labels`, LABEL_EXTENSIONS).map(stem));
    return sum + files(`${split}/imgs`, IMAGE_EXTENSIONS).filter((f) => labels.has(stem(f))).length;
  }, 0);
}

function recordOf(file: string): Archives {
  const record = readJson(file);
  const fits = (x: unknown) => typeof x === 'object' && x !== null && typeof (x as { sha256?: unknown }).sha256 === 'string';
  if (typeof record !== 'object' || record === null || !Object.values(record).every(fits)) {
    throw new UserError(`${file}: this is not the record of a download; delete it and start again.`);
  }
  return record as Archives;
}
