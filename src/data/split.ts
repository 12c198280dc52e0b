/** The split of the training set into train and val, as the original's split_dataset chooses it. */
import { refuseInputs } from '../common/targets';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { copyFile, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { removeOldParts, writeFileAtomically } from '../common/atomic';
import { wholeNumbers } from '../common/config';
import { UserError } from '../common/errors';
import { IMAGE_EXTENSIONS, LABEL_EXTENSIONS, listFiles, readJson, stem } from '../common/files';
import { folderPairs, pairFolders, type PairFolders } from './pairs';
import { Random } from '../common/random';

export interface SplitOptions {
  /** Pairs that move to val. Default 400. */
  count?: number;
  /** Seed of Python's `random`. Default 628. */
  seed?: number;
  onProgress?(done: number, total: number, note?: string): void;
}

export interface SplitResult {
  /** Image files in `val`, in the order in which Python chooses them. */
  val: string[];
  /** Image files that stay in `train`, sorted. */
  train: string[];
  /** Whether this call moved anything; false where the split was complete already. */
  changed: boolean;
}

/** Name of the journal in the data set's folder: what is to move. It stays as the record of the split. */
const JOURNAL = 'split.json';

interface Journal {
  seed: number;
  count: number;
  /** Image and label files to move, by name. */
  moves: { image: string; labels: string }[];
  complete: boolean;
  /** The files are on their way back. */
  undoing?: boolean;
}

/** What `random.seed(seed); random.sample(sorted(files), count)` chooses in Python. */
export function chooseValidation<T>(files: readonly T[], count = 400, seed = 628): T[] {
  return new Random(seed).sample(files, count);
}

/**
 * Moves `count` pairs of `ROOT/train/{imgs,labels}` to `ROOT/val/{imgs,labels}`: exactly those that Python's
 * `random.seed(seed); random.sample(sorted(os.listdir('train/imgs')), count)` chooses (hidden files and files that are no pictures aside).
 *
 * The choice is written to `ROOT/split.json` before the first file moves. A run that was interrupted is completed by the next with the
 * same settings; a complete split is left as it is. Nothing is ever overwritten.
 * Throws a UserError: a pair without a partner, fewer pairs than `count`, a val that holds files already, other settings than those of
 * the split that was begun.
 */
export async function splitDataset(root: string, options: SplitOptions = {}): Promise<SplitResult> {
  const { count = 400, seed = 628, onProgress } = options;
  wholeNumbers({ count }, 'split');
  wholeNumbers({ seed }, 'split', 0);
  const file = join(root, JOURNAL);
  const train = pairFolders(join(root, 'train'));
  const val = inVal(root, train);

  let journal = existsSync(file) ? readJournal(file) : undefined;
  if (journal?.undoing) throw new UserError(`${file}: this split is half undone; complete that (npm run split -- --undo) first.`);
  if (journal && (journal.count !== count || journal.seed !== seed)) {
    throw new UserError(
      `${file}: a split of ${journal.count} pairs with seed ${journal.seed} was ${journal.complete ? 'made' : 'begun'} here; ` +
        `${journal.complete ? 'undo it (npm run split -- --undo)' : 'complete it with the same settings'} first.`,
    );
  }
  refuseInputs([train.images, train.labels], [val.images, val.labels], 'make val a folder of its own');
  await Promise.all([val.images, val.labels].map(removeOldParts));
  if (!journal) {
    journal = { seed, count, moves: plan(root, train, val, count, seed), complete: false };
    await writeJournal(file, journal);
  }
  const changed = !journal.complete;
  if (changed) {
    mkdirSync(val.images, { recursive: true });
    mkdirSync(val.labels, { recursive: true });
    for (const [i, { image, labels }] of journal.moves.entries()) {
      await move(join(train.images, image), join(val.images, image));
      await move(join(train.labels, labels), join(val.labels, labels));
      onProgress?.(i + 1, count, image);
    }
    await writeJournal(file, { ...journal, complete: true });
  }
  return { val: journal.moves.map((m) => m.image), train: listFiles(train.images, IMAGE_EXTENSIONS), changed };
}

/**
 * Moves the pairs of a split back to train, whether it was complete or not, and forgets it. An interrupted call is completed by the next.
 * @returns how many pairs the split had
 * @throws UserError where there is no split, or a file is neither here nor there
 */
export async function undoSplit(root: string, options: Pick<SplitOptions, 'onProgress'> = {}): Promise<number> {
  const file = join(root, JOURNAL);
  if (!existsSync(file)) throw new UserError(`${file}: there is no such record, so there is no split to undo.`);
  const journal = readJournal(file);
  if (!journal.undoing) await writeJournal(file, { ...journal, complete: false, undoing: true });
  const train = pairFolders(join(root, 'train'));
  const val = inVal(root, train);
  await Promise.all([train.images, train.labels].map(removeOldParts));
  for (const [i, { image, labels }] of journal.moves.entries()) {
    await move(join(val.images, image), join(train.images, image));
    await move(join(val.labels, labels), join(train.labels, labels));
    options.onProgress?.(i + 1, journal.moves.length, image);
  }
  // Folders that hold something else stay.
  for (const folder of [val.images, val.labels, join(root, 'val')]) await rmdir(folder).catch(() => undefined);
  await rm(file);
  return journal.moves.length;
}

/** The folders of val, named as those of train. */
function inVal(root: string, train: PairFolders): PairFolders {
  return { images: join(root, 'val', basename(train.images)), labels: join(root, 'val', basename(train.labels)) };
}

/** Chooses, and checks before anything moves that everything can. */
function plan(root: string, train: PairFolders, val: PairFolders, count: number, seed: number): Journal['moves'] {
  folderPairs(train);
  for (const folder of [val.images, val.labels]) {
    if (existsSync(folder) && listFiles(folder, IMAGE_EXTENSIONS).length) {
      throw new UserError(`${folder}: there are files in it, but no ${JOURNAL} in ${root} that tells of a split; empty val (or use the split that is there).`);
    }
  }
  const files = listFiles(train.images, IMAGE_EXTENSIONS);
  if (files.length <= count) {
    throw new UserError(`${train.images}: it holds ${files.length} photographs; ${count} of them cannot be moved to val with some left.`);
  }
  const labels = new Map(listFiles(train.labels, LABEL_EXTENSIONS).map((name) => [stem(name), name]));
  return chooseValidation(files, count, seed).map((image) => ({ image, labels: labels.get(stem(image))! }));
}

/** Moves a file that may have been moved already. */
async function move(from: string, to: string): Promise<void> {
  const [source, target] = [existsSync(from), existsSync(to)];
  if (!source && target) return;
  if (!source) throw new UserError(`${from}: the file is gone, and ${to} is not there; put it back and start again.`);
  // Both are there where copying to another disk was interrupted before the source was removed.
  if (target && !readFileSync(from).equals(readFileSync(to))) {
    throw new UserError(`${to}: another file of this name is there already; remove it and start again.`);
  }
  if (target) return rm(from);
  try {
    await rename(from, to);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EXDEV') throw e;
    const part = join(dirname(to), `.${basename(to)}.${process.pid}-0.part`);
    await copyFile(from, part);
    await rename(part, to);
    await rm(from);
  }
}

function readJournal(file: string): Journal {
  const j = readJson(file) as Partial<Journal> | null;
  const ok =
    Number.isInteger(j?.seed) &&
    Number.isInteger(j?.count) &&
    typeof j?.complete === 'boolean' &&
    Array.isArray(j.moves) &&
    j.moves.length === j.count &&
    j.moves.every((m) => isName(m?.image) && isName(m?.labels));
  if (!ok) throw new UserError(`${file}: this is not the record of a split; delete it if train and val are as they should be.`);
  return j as Journal;
}

/** A plain file name: a journal must not move files outside the data set. */
const isName = (x: unknown): boolean => typeof x === 'string' && x.length > 0 && x.length < 256 && !/[\\/\0]/.test(x) && x !== '.' && x !== '..';

// Synced: what was moved before a power cut must not outlive the record of it.
const writeJournal = (file: string, journal: Journal) => writeFileAtomically(file, `${JSON.stringify(journal, null, 1)}\n`);
