/** Class mappings: what a label map of another data set means in this project's 29 classes. */
import { CLASS_NAMES, NUM_CLASSES } from '../classes';
import { nearest } from '../common/config';
import { UserError, excerpt } from '../common/errors';
import { readJson, stem } from '../common/files';
import type { RawLabels } from './image';
import { IGNORE, type LabelMap, type RgbImage } from './types';

/** A validated mapping. */
export interface ClassMapping {
  /** For messages and tables. */
  name: string;
  /** Whether label maps hold class values (grey or palette indices) or colours. */
  kind: 'values' | 'colours';
  /** Source value, or colour as 0xrrggbb -> class index or IGNORE. */
  classes: ReadonlyMap<number, number>;
  /** What a value or colour that is not listed becomes; undefined: it is an error. */
  rest?: number;
}

/**
 * Reads a mapping file. Its JSON:
 *
 * ```json
 * {
 *   "name": "CamVid",
 *   "classes": [
 *     { "from": 0, "to": "sky", "note": "Sky" },
 *     { "from": "#804080", "to": "road" },
 *     { "from": [64, 0, 128], "to": "ignore" }
 *   ],
 *   "rest": "ignore"
 * }
 * ```
 *
 * `from` is a source value (0..65535) or a colour, `to` one of the 29 class names, its index, or "ignore". The short form
 * `"classes": { "0": "sky", "#804080": "road", "64,0,128": "ignore" }` means the same. All `from` are values, or all are colours. `rest`
 * may be left out: then a value that is not listed is an error. Throws a UserError that names the file and the entry.
 */
export function readMapping(file: string): ClassMapping {
  return parseMapping(readJson(file), file);
}

/** The same from parsed JSON; `where` stands in messages. */
export function parseMapping(json: unknown, where: string): ClassMapping {
  if (!isObject(json)) throw new UserError(`${where}: a mapping is an object with a field "classes", not ${show(json)}.`);
  for (const key of Object.keys(json)) {
    if (['name', 'about', 'classes', 'rest'].includes(key)) continue;
    throw new UserError(`${where}: there is no field "${excerpt(key)}" in a mapping; it has "name", "about", "classes" and "rest".`);
  }
  const entries = listEntries(json.classes, where);
  if (!entries.length) throw new UserError(`${where}: "classes" lists nothing.`);
  const classes = new Map<number, number>();
  let kind: ClassMapping['kind'] | undefined;
  for (const { from, to } of entries) {
    const key = parseSource(from);
    if (!key) {
      throw new UserError(`${where}: ${show(from)} is neither a value (0..65535) nor a colour ("#rrggbb" or [r, g, b] of 0..255).`);
    }
    if (kind && kind !== key.kind) {
      throw new UserError(`${where}: values and colours stand side by side (${show(from)}); a label map holds one or the other.`);
    }
    kind = key.kind;
    if (classes.has(key.key)) throw new UserError(`${where}: ${show(from)} is listed twice.`);
    classes.set(key.key, parseClass(to, `${where}, ${show(from)}`));
  }
  return {
    name: typeof json.name === 'string' ? excerpt(json.name) : stem(where),
    kind: kind!,
    classes,
    rest: json.rest === undefined ? undefined : parseClass(json.rest, `${where}, "rest"`),
  };
}

function listEntries(classes: unknown, where: string): { from: unknown; to: unknown }[] {
  if (Array.isArray(classes)) {
    return classes.map((entry: unknown) => {
      if (!isObject(entry) || !('from' in entry) || !('to' in entry)) {
        throw new UserError(`${where}: an entry of "classes" is { "from": ..., "to": ... }, not ${show(entry)}.`);
      }
      return { from: entry.from, to: entry.to };
    });
  }
  if (isObject(classes)) return Object.entries(classes).map(([from, to]) => ({ from, to }));
  throw new UserError(`${where}: "classes" has to be a list or an object of what becomes what, not ${show(classes)}.`);
}

function parseSource(from: unknown): { kind: ClassMapping['kind']; key: number } | undefined {
  const byte = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 0 && (n as number) <= 255;
  if (typeof from === 'number') return value(from);
  if (Array.isArray(from)) return from.length === 3 && from.every(byte) ? colour(from) : undefined;
  if (typeof from !== 'string') return undefined;
  const text = from.trim();
  if (/^\d+$/.test(text)) return value(Number(text));
  if (/^#[0-9a-f]{6}$/i.test(text)) return { kind: 'colours', key: parseInt(text.slice(1), 16) };
  const parts = text
    .replace(/^\[|\]$/g, '')
    .split(',')
    .map(Number);
  return parts.length === 3 && parts.every(byte) ? colour(parts) : undefined;

  function value(n: number) {
    return Number.isInteger(n) && n >= 0 && n <= 65535 ? { kind: 'values' as const, key: n } : undefined;
  }
  function colour([r, g, b]: number[]) {
    return { kind: 'colours' as const, key: (r << 16) | (g << 8) | b };
  }
}

function parseClass(to: unknown, where: string): number {
  if (to === 'ignore') return IGNORE;
  if (typeof to === 'number' && Number.isInteger(to) && to >= 0 && to < NUM_CLASSES) return to;
  const index = typeof to === 'string' ? CLASS_NAMES.indexOf(to) : -1;
  if (index >= 0) return index;
  const hint = typeof to === 'string' ? nearest(to, [...CLASS_NAMES, 'ignore']) : undefined;
  const help = hint ? `did you mean "${hint}"?` : `the classes are ${CLASS_NAMES.join(', ')}, or "ignore".`;
  throw new UserError(`${where}: there is no class ${show(to)}; ${help}`);
}

/** A class by its name. `where` begins the message. @throws UserError for a name that is no class */
export function classNamed(name: string, where: string): number {
  const index = CLASS_NAMES.indexOf(name);
  if (index >= 0) return index;
  const hint = nearest(name, CLASS_NAMES);
  throw new UserError(`${where}: there is no class '${name}'; ${hint ? `did you mean '${hint}'?` : `the classes are ${CLASS_NAMES.join(', ')}.`}`);
}

/** A label map of source values in this project's classes. Throws a UserError that names `file` at a value that is not listed. */
export function mapValues(raw: RawLabels, mapping: ClassMapping, file: string): LabelMap {
  const table = new Int16Array(raw.data instanceof Uint16Array ? 65536 : 256).fill(mapping.rest ?? -1);
  for (const [from, to] of mapping.classes) if (from < table.length) table[from] = to;
  const data = new Uint8Array(raw.data.length);
  for (let i = 0; i < data.length; i++) {
    const to = table[raw.data[i]];
    if (to < 0) throw unlisted(`the value ${raw.data[i]}`, i, raw.width, mapping, file);
    data[i] = to;
  }
  return { data, height: raw.height, width: raw.width };
}

/** A label map of colours in this project's classes. Throws a UserError that names `file` at a colour that is not listed. */
export function mapColours(image: RgbImage, mapping: ClassMapping, file: string): LabelMap {
  const data = new Uint8Array(image.height * image.width);
  let last = -1;
  let to: number | undefined;
  for (let i = 0, p = 0; i < data.length; i++, p += 3) {
    const key = (image.data[p] << 16) | (image.data[p + 1] << 8) | image.data[p + 2];
    // Neighbours mostly share their colour.
    if (key !== last) {
      to = mapping.classes.get(key) ?? mapping.rest;
      last = key;
    }
    if (to === undefined) throw unlisted(`the colour #${key.toString(16).padStart(6, '0')}`, i, image.width, mapping, file);
    data[i] = to;
  }
  return { data, height: image.height, width: image.width };
}

function unlisted(what: string, pixel: number, width: number, mapping: ClassMapping, file: string): UserError {
  const place = `column ${pixel % width}, row ${Math.floor(pixel / width)}`;
  return new UserError(`${file}: ${what} (${place}) is not listed in the mapping "${mapping.name}"; add it there, or a "rest" for all that is not listed.`);
}

const isObject = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x);
const show = (x: unknown): string => excerpt(JSON.stringify(x) ?? String(x));
