/** Label maps in this project's classes: read, checked, mapped. */
import { NUM_CLASSES } from '../classes';
import { oneOf, type Choice } from '../common/config';
import { UserError } from '../common/errors';
import { readImage, readLabelValues } from './image';
import { mapColours, mapValues, readMapping, type ClassMapping } from './mapping';
import { IGNORE, type LabelMap } from './types';

export interface LabelOptions {
  /** A mapping or the path of its file. Without one the values are this project's class indices. */
  mapping?: ClassMapping | string;
  /** Number of classes. Default 29. */
  classes?: number;
  /** Without a mapping 255 is read as a pixel of no class, as most data sets write it; false: an error like every value above the last class. Default true. */
  allowIgnore?: boolean;
  /**
   * `original`: 8-bit values are divided by 255 and cut to whole numbers, as the original's reading does to all but 32-bit images: every class
   * becomes 0. For showing the fault, and for nothing else. Default `paper`: values are class indices.
   */
  reading?: Choice;
}

/**
 * Reads a label map. Without a mapping: a PNG of one channel, or of equal ones, whose values (or palette indices) are class indices 0..28, or 255 for pixels of no class. With one of values:
 * the same with any values of 8 or 16 bits. With one of colours: any PNG, read as RGB.
 * Throws a UserError that names the file, and the value and its place where one is above the last class.
 */
export async function readLabelMap(file: string, options: LabelOptions = {}): Promise<LabelMap> {
  const { classes = NUM_CLASSES, allowIgnore = true } = options;
  const mapping = typeof options.mapping === 'string' ? readMapping(options.mapping) : options.mapping;
  if (mapping?.kind === 'colours') return mapColours(await readImage(file, { orient: false }), mapping, file);
  const { reading = 'paper' } = options;
  oneOf(reading, ['paper', 'original'], 'reading');
  const raw = await readLabelValues(file);
  // 16 bits are read as 32-bit numbers there, and stay.
  if (reading === 'original' && raw.data instanceof Uint8Array) raw.data = raw.data.map((v) => Math.floor(v / 255));
  if (mapping) return mapValues(raw, mapping, file);
  for (let i = 0; i < raw.data.length; i++) {
    const value = raw.data[i];
    if (value < classes || (allowIgnore && value === IGNORE)) continue;
    throw new UserError(
      `${file}: the value ${value} (column ${i % raw.width}, row ${Math.floor(i / raw.width)}) is no class, the last is ${classes - 1}; ` +
        'correct the label map, or give a mapping file that says which value is which class.',
    );
  }
  const data = raw.data instanceof Uint8Array ? raw.data : Uint8Array.from(raw.data);
  return { data, height: raw.height, width: raw.width };
}
