/** What only notebooks need: short names for what their cells do. */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeFileAtomically } from '../common/atomic';
import { configure } from '../common/config';
import { embeddedDataset, type EmbeddedOptions } from '../data/embedded';
import { atToySize, toyPath, toySettings, TOY_EMBEDDED, type NotebookName } from './toy';
import { inNotebook, outputPath, Slot } from './show';
import { replacingSink, reporter, setProgressSink } from '../common/progress';
import * as tf from '../engine/tf';
import { readAll, type Dataset } from '../data/dataset';

// Progress is rewritten in place, in an output of its own.
if (inNotebook()) {
  setProgressSink(() => {
    const slot = new Slot();
    return replacingSink((text) => slot.text(text));
  });
}

/**
 * A notebook's settings. With the environment variable LGGAN_TOY (tests) the values of toy.ts stand in for theirs, so that every cell runs
 * within seconds.
 * @throws UserError naming a toy value that the settings do not have
 */
export function notebookSettings<const T extends object>(notebook: NotebookName, settings: T): T {
  return atToySize() ? configure(settings, toySettings(notebook) as Partial<T>, 'settings') : settings;
}

interface Held {
  readonly made: object;
  readonly tensors: number;
}

const held = new Map<string, Held>();

async function free({ made }: Held): Promise<void> {
  if ('dispose' in made && typeof made.dispose === 'function') await made.dispose();
  else tf.dispose(made);
}

/**
 * Makes what a cell holds on to (a network, an output's tensors), after freeing what the cell made under this name when it last ran: running
 * a cell again costs no memory.
 *
 * ```ts
 * const generator = await keep('generator', () => loadLGGAN('checkpoints/lggan'));
 * ```
 */
export async function keep<T extends object>(name: string, make: () => T | Promise<T>): Promise<T> {
  const before = held.get(name);
  held.delete(name);
  if (before) await free(before);
  const count = tf.memory().numTensors;
  const made = await make();
  held.set(name, { made, tensors: tf.memory().numTensors - count });
  return made;
}

/** A sentence on the tensors that nobody holds, which should be none: '0 tensors are left, beside the 231 of generator, output'. */
export function tensorsLeft(): string {
  const known = [...held.values()].reduce((sum, { tensors }) => sum + tensors, 0);
  const left = `${tf.memory().numTensors - known} tensors are left`;
  return known ? `${left}, beside the ${known} of ${[...held.keys()].join(', ')}` : left;
}

/** The first `count` items of a data set, or all if it has fewer. */
export const first = <T>(dataset: Dataset<T>, count: number): Promise<T[]> => readAll(dataset, count);

/**
 * Copies the data set that comes with the project to the folder that the notebooks use (see `embeddedDataset`), where it is not there. Any
 * other folder is yours and stays as it is.
 */
export async function prepareDataset(folder: string): Promise<void> {
  const embedded: Readonly<Record<string, EmbeddedOptions>> = { 'datasets/embedded': {}, [toyPath('datasets/toy')]: TOY_EMBEDDED };
  if (embedded[folder]) await embeddedDataset(folder, { ...embedded[folder], onProgress: reporter('copying') });
}

/** Writes a text file, all or nothing; folders are made as needed. */
export async function writeText(file: string, text: string): Promise<void> {
  const path = outputPath(file);
  await mkdir(dirname(path), { recursive: true });
  await writeFileAtomically(path, text);
}
