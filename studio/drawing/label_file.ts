/** Label maps as files: PNG of class numbers, or of the palette's colours. */
import { decode, encode, type DecodedPng } from 'fast-png';
import { CLASS_NAMES, NUM_CLASSES } from '../../src/classes';
import { UserError } from '../../src/common/errors';
import { IGNORE, type LabelMap } from '../../src/data/types';
import { COLOURS, classOf } from './palette';

/** A file with more pixels is refused before it is unpacked. */
export const MAX_PIXELS = 16e6;
/** Colours that are not of the palette are listed up to so many. */
const LISTED = 4;
/** A picture of more colours than this, most of them not of the palette, is a photo. */
const PHOTO_COLOURS = 500;

/** What a pixel of no class becomes: a sketch has a class everywhere. */
const OTHER = classOf('other');

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

export interface LabelFile {
  labels: LabelMap;
  /** What one should know of how it was read. */
  remarks: string[];
}

/**
 * Reads a label map: grey values and palette indices are class numbers, colours are those of the classes; a colour that is none is the
 * nearest one, and is named.
 * @throws UserError that names the file
 */
export function readLabelFile(bytes: Uint8Array, name: string): LabelFile {
  const size = pngSize(bytes);
  if (!size) throw new UserError(`${name}: this is no PNG. A label map has to be one; a photo can be opened to trace it.`);
  const { height, width } = size;
  if (height < 1 || width < 1 || height * width > MAX_PIXELS) {
    throw new UserError(`${name}: ${width} x ${height} pixels are too many for a sketch, the most are ${MAX_PIXELS / 1e6} million; scale it down.`);
  }
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (e) {
    throw new UserError(`${name}: the file is damaged or not complete (${e instanceof Error ? e.message : String(e)}).`, { cause: e });
  }
  const { channels, palette } = png;
  const samples = unpacked(png);
  if (channels >= 3) return fromColours(name, png, (i) => [0, 1, 2].map((c) => eight(samples[i * channels + c], png.depth)));
  if (palette && palette.some((colour) => isClassColour(colour)) && allIn(samples, height * width, (v) => isClassColour(palette[v] ?? []))) {
    return fromColours(name, png, (i) => palette[samples[i]]);
  }
  return fromNumbers(name, png, (i) => samples[i * channels]);
}

/** A label map as an 8-bit grey PNG of its class numbers, as `npm run generate` reads it. */
export function writeLabelFile({ data, height, width }: LabelMap): Uint8Array {
  return encode({ data, height, width, channels: 1, depth: 8 });
}

/** Height and width that a PNG says it has; undefined for another file. */
export function pngSize(bytes: Uint8Array): { height: number; width: number } | undefined {
  if (bytes.length < 33 || SIGNATURE.some((b, i) => bytes[i] !== b)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function fromNumbers(name: string, { height, width }: DecodedPng, valueAt: (i: number) => number): LabelFile {
  const data = new Uint8Array(height * width);
  let ignored = 0;
  for (let i = 0; i < data.length; i++) {
    let value = valueAt(i);
    if (value === IGNORE) {
      value = OTHER;
      ignored++;
    }
    if (value >= NUM_CLASSES) {
      throw new UserError(`${name}: the value ${value} (column ${i % width}, row ${Math.floor(i / width)}) is no class, the last is ${NUM_CLASSES - 1}.`);
    }
    data[i] = value;
  }
  const remarks = ignored ? [`${pixels(ignored)} of no class (${IGNORE}) became ${CLASS_NAMES[OTHER]}.`] : [];
  return { labels: { data, height, width }, remarks };
}

const pixels = (n: number) => (n === 1 ? '1 pixel' : `${n} pixels`);

function fromColours(name: string, png: DecodedPng, colourAt: (i: number) => readonly number[]): LabelFile {
  const { height, width } = png;
  const data = new Uint8Array(height * width);
  const known = new Map<number, number>();
  const strange = new Map<number, number>();
  let numbers = true;
  for (let i = 0; i < data.length; i++) {
    const [r, g, b] = colourAt(i);
    const key = (r << 16) | (g << 8) | b;
    numbers &&= r === g && g === b && r < NUM_CLASSES;
    let c = known.get(key);
    if (c === undefined) {
      const [nearest, distance] = nearestClass(r, g, b);
      if (distance > 0) strange.set(key, 0);
      known.set(key, (c = nearest));
    }
    const count = strange.get(key);
    if (count !== undefined) strange.set(key, count + 1);
    data[i] = c;
  }
  // Class numbers that some program saved as colours.
  if (numbers) return fromNumbers(name, png, (i) => colourAt(i)[0]);
  const others = [...strange.values()].reduce((sum, n) => sum + n, 0);
  if (strange.size > PHOTO_COLOURS && others > data.length / 2) {
    throw new UserError(`${name}: this looks like a photo (${known.size} colours), not like a label map; open it to trace it.`);
  }
  return { labels: { data, height, width }, remarks: strange.size ? [remark(strange, known)] : [] };
}

function remark(strange: ReadonlyMap<number, number>, known: ReadonlyMap<number, number>): string {
  const named = [...strange]
    .sort((a, b) => b[1] - a[1])
    .map(([key, n]) => {
      return `#${key.toString(16).padStart(6, '0')} as ${CLASS_NAMES[known.get(key)!]} (${pixels(n)})`;
    });
  const rest = named.length > LISTED ? ` and ${named.length - LISTED} more` : '';
  return `Colours that are of no class were taken for the nearest: ${named.slice(0, LISTED).join(', ')}${rest}.`;
}

const isClassColour = (colour: readonly number[]) => COLOURS.some(([r, g, b]) => r === colour[0] && g === colour[1] && b === colour[2]);

function nearestClass(r: number, g: number, b: number): [c: number, distance: number] {
  let best: [number, number] = [0, Infinity];
  COLOURS.forEach(([cr, cg, cb], c) => {
    const distance = (r - cr) ** 2 + (g - cg) ** 2 + (b - cb) ** 2;
    if (distance < best[1]) best = [c, distance];
  });
  return best;
}

function allIn(values: ArrayLike<number>, count: number, holds: (v: number) => boolean): boolean {
  const seen = new Set<number>();
  for (let i = 0; i < count; i++) seen.add(values[i]);
  return [...seen].every(holds);
}

/** A sample of 16 bits by its upper 8. */
const eight = (value: number, depth: number) => (depth === 16 ? value >> 8 : value);

/** One sample an element; those of less than 8 bits come packed, each row from a byte of its own. */
function unpacked({ data, depth, channels, height, width }: DecodedPng): ArrayLike<number> {
  if (depth >= 8 || data.length === height * width * channels) return data;
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  const out = new Uint8Array(height * width * channels);
  const mask = (1 << depth) - 1;
  for (let y = 0, o = 0; y < height; y++) {
    for (let x = 0; x < width * channels; x++, o++) {
      const bit = x * depth;
      out[o] = (data[y * rowBytes + (bit >> 3)] >> (8 - depth - (bit & 7))) & mask;
    }
  }
  return out;
}
