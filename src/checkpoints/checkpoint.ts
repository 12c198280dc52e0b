import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DamagedFileError, UserError, excerpt } from '../common/errors';
import { parseJson } from '../common/json';
import type * as tf from '../engine/tf';
import { explain, removeLeftovers, syncFolder, writeSynced } from '../common/atomic';
import type { NamedVariables } from './layout';
import { assignParameters, checkParameters, parameterEntries } from './parameters';
import { readTensors, saveTensors, type StoredTensor, type TensorEntry, type TensorFile } from './safetensors';

export { loadParameters, saveParameters } from './parameters';

/*
 * The state of a training run on disk:
 *
 *   RUN/latest-000012/           a generation: G.safetensors, D.safetensors, ..., optimiser.safetensors, state.json
 *   RUN/latest-000011/           the one before, used where the newest is damaged
 *   RUN/best-000003/
 *   RUN/latest -> latest-000012  for people and scripts; never read here
 *
 * A generation is written into a folder of another name, synced, and renamed into its place: a folder of this form is
 * complete, whenever the process was killed. (Replacing a folder in place cannot be done in one step on Linux and macOS
 * alike; a new name for each can.)
 */

/** Anything that JSON can hold without loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

export interface CheckpointContent {
  /** Each becomes KEY.safetensors in the original's names and layout. */
  networks: Record<string, NamedVariables>;
  /**
   * Further tensors, bit for bit in their own layout: optimiser slots and the like. Each becomes KEY.safetensors.
   * float32 or int32.
   */
  extra?: Record<string, Record<string, tf.Tensor>>;
  /**
   * All the rest: step, epoch, state of the random generators, configuration, position in the history. No NaN or
   * infinity.
   */
  state: Json;
  /** Written into each network's file too, so that it can be used alone: configuration, step. */
  metadata?: Record<string, string>;
}

export interface CheckpointOptions {
  /** How many generations to keep, this one included. */
  keep?: number;
  onProgress?: (done: number, total: number, note?: string) => void;
}

/**
 * Saves a checkpoint as the newest generation of `name` in the folder `run` and removes the oldest above `keep`. Killed
 * at any moment it leaves the previous generation, or both. Returns the generation's folder. Throws a UserError where
 * the disk is full or the folder cannot be written; the earlier generations stay.
 */
export async function saveCheckpoint(run: string, name: string, content: CheckpointContent, options: CheckpointOptions = {}): Promise<string> {
  const { keep = 2, onProgress } = options;
  const state = toJson(content.state);
  const parts: [string, TensorEntry[], Record<string, string>][] = [
    ...Object.entries(content.networks).map(
      ([key, p]) => [key, parameterEntries(p), { ...content.metadata }] as [string, TensorEntry[], Record<string, string>],
    ),
    ...Object.entries(content.extra ?? {}).map(([key, t]) => [key, tensorEntries(t), {}] as [string, TensorEntry[], Record<string, string>]),
  ];
  for (const key of [name, ...parts.map(([k]) => k)]) if (!/^[A-Za-z]\w*$/.test(key)) throw new Error(`'${key}' is no name for a checkpoint's file`);
  if (new Set(parts.map(([key]) => key)).size !== parts.length) throw new Error('a network and a set of further tensors have the same name');

  const part = join(run, `${name}.${process.pid}.part`);
  try {
    await mkdir(run, { recursive: true });
    await removeLeftovers(join(run, name));
    await rm(part, { recursive: true, force: true });
    await mkdir(part);
    const files: Record<string, string> = {};
    for (const [i, [key, entries, metadata]] of parts.entries()) {
      onProgress?.(i, parts.length, key);
      files[`${key}.safetensors`] = await saveTensors(join(part, `${key}.safetensors`), entries, metadata, { plainly: true });
    }
    const body = { format: 1, files, state: JSON.parse(state) as Json };
    await writeSynced(join(part, 'state.json'), (handle) =>
      handle.writeFile(`${JSON.stringify({ sha256: sum(JSON.stringify(body)), ...body }, undefined, 1)}\n`),
    );
    await syncFolder(part);
    const all = await generations(run, name);
    const folder = join(run, `${name}-${String((all[0]?.number ?? 0) + 1).padStart(6, '0')}`);
    await rename(part, folder);
    await link(run, name, folder);
    await syncFolder(run);
    for (const old of all.slice(Math.max(1, keep) - 1)) {
      // Renamed first: a folder that is half removed must not look like a generation.
      await rename(old.folder, part);
      await rm(part, { recursive: true, force: true });
    }
    onProgress?.(parts.length, parts.length);
    return folder;
  } catch (e) {
    await rm(part, { recursive: true, force: true }).catch(() => undefined);
    throw explain(e, join(run, name));
  }
}

export interface LoadedCheckpoint {
  folder: string;
  state: Json;
  /** The sets of further tensors asked for. */
  extra: Record<string, Map<string, StoredTensor>>;
  /** Why newer generations were passed over: one sentence each, naming the file. Show them to the user. */
  damaged: string[];
}

/**
 * Loads the newest undamaged generation of `name` in the folder `run` into the given networks; undefined where there is
 * none at all. Only what is asked for is read. Names, shapes and checksums of everything are checked before anything is
 * assigned.
 * Throws a UserError where every generation is damaged, or where the networks are of another configuration.
 */
export async function loadCheckpoint(
  run: string,
  name: string,
  wanted: { networks?: Record<string, NamedVariables>; extra?: readonly string[] } = {},
): Promise<LoadedCheckpoint | undefined> {
  const { networks = {}, extra = [] } = wanted;
  const damaged: string[] = [];
  const all = await generations(run, name);
  for (const { folder } of all) {
    let state: Json;
    const read = new Map<string, TensorFile>();
    try {
      const document = await readState(folder);
      state = document.state;
      for (const key of [...Object.keys(networks), ...extra]) read.set(key, await readPart(folder, key, document.files));
    } catch (e) {
      if (!(e instanceof DamagedFileError)) throw e;
      damaged.push(e.message);
      continue;
    }
    for (const [key, p] of Object.entries(networks)) checkParameters(join(folder, `${key}.safetensors`), read.get(key)!.tensors, p);
    for (const [key, p] of Object.entries(networks)) assignParameters(read.get(key)!.tensors, p);
    return { folder, state, extra: Object.fromEntries(extra.map((key) => [key, read.get(key)!.tensors])), damaged };
  }
  if (damaged.length) throw new UserError(`No checkpoint '${name}' in ${run} can be used: ${damaged.join(' ')}`);
  return undefined;
}

/** The folder of the newest generation of `name`, undefined where there is none. */
export async function newestCheckpoint(run: string, name: string): Promise<string | undefined> {
  return (await generations(run, name))[0]?.folder;
}

/** Newest first. */
async function generations(run: string, name: string): Promise<{ number: number; folder: string }[]> {
  const names = await readdir(run).catch((e: NodeJS.ErrnoException) => {
    if (e.code === 'ENOENT') return [];
    throw new UserError(`${run} cannot be read as a folder of checkpoints (${e.code}).`, { cause: e });
  });
  return names
    .flatMap((n) => {
      const digits = n.startsWith(`${name}-`) ? /^\d{6,}$/.exec(n.slice(name.length + 1)) : null;
      return digits ? [{ number: Number(digits[0]), folder: join(run, n) }] : [];
    })
    .sort((a, b) => b.number - a.number);
}

async function readPart(folder: string, key: string, files: Record<string, string>): Promise<TensorFile> {
  const file = join(folder, `${key}.safetensors`);
  if (!Object.hasOwn(files, `${key}.safetensors`)) throw new UserError(`${folder} holds no '${key}': it was saved by another kind of run.`);
  let content: TensorFile;
  try {
    content = await readTensors(file);
  } catch (e) {
    // In a complete generation a file that is not there was removed later.
    if (e instanceof UserError && !(e instanceof DamagedFileError)) throw new DamagedFileError(file, 'is missing or unreadable');
    throw e;
  }
  if (content.sha256 !== files[`${key}.safetensors`]) throw new DamagedFileError(file, 'belongs to another checkpoint');
  return content;
}

async function readState(folder: string): Promise<{ files: Record<string, string>; state: Json }> {
  const file = join(folder, 'state.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new DamagedFileError(file, 'is missing or unreadable');
  }
  let parsed: { sha256: string; format: number; files: Record<string, string>; state: Json };
  try {
    parsed = parseJson(text) as typeof parsed;
    const { sha256, ...body } = parsed;
    if (sum(JSON.stringify(body)) !== sha256) throw new Error('checksum');
    if (typeof body.files !== 'object' || body.files === null) throw new Error('no list of files');
  } catch {
    throw new DamagedFileError(file, text.length ? 'is damaged: its content does not match its checksum' : 'is empty (0 bytes)');
  }
  if (parsed.format !== 1) throw new UserError(`${file} is of format ${excerpt(JSON.stringify(parsed.format) ?? 'none')}, which this version does not read.`);
  return parsed;
}

async function link(run: string, name: string, folder: string): Promise<void> {
  const temporary = join(run, `${name}.${process.pid}.link`);
  try {
    await rm(temporary, { force: true });
    await symlink(basename(folder), temporary);
    await rename(temporary, join(run, name));
  } catch {
    // Only a convenience; some file systems have no links.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

function tensorEntries(tensors: Record<string, tf.Tensor>): TensorEntry[] {
  return Object.entries(tensors).map(([name, t]) => {
    if (t.dtype !== 'float32' && t.dtype !== 'int32') throw new Error(`${name} is of type ${t.dtype}; checkpoints hold float32 and int32`);
    return { name, shape: t.shape, dtype: t.dtype, data: async () => (await t.data()) as Float32Array | Int32Array };
  });
}

/**
 * JSON.stringify turns NaN into null and arrays of bytes into objects without a word; a resumed run would go on with
 * them.
 */
function toJson(state: Json): string {
  return JSON.stringify(state, (key, value: unknown) => {
    const plain = typeof value !== 'object' || value === null || Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
    if (!plain || (typeof value === 'number' && !Number.isFinite(value)) || typeof value === 'function' || typeof value === 'bigint') {
      throw new Error(`the state's '${key}' cannot be held in JSON: ${String(value)}`);
    }
    return value;
  });
}

const sum = (text: string) => createHash('sha256').update(text).digest('hex');
