/** Label maps as pictures: every class in its colour, with a legend of the classes that are there. */
import { CLASSES } from '../classes';
import { IGNORE, type LabelMap, type RgbImage } from '../data/types';
import { rgb } from './colours';
import { resizeNearest } from './images';
import type { LegendEntry } from './legend';

/** Name and colour of each class, by its index. */
export type ClassStyles = readonly { readonly name: string; readonly colour: string }[];

/** Colour of pixels that belong to no class. */
export const IGNORE_COLOUR = '#ffffff';

/**
 * A label map in the classes' colours, exactly; IGNORE in white. Throws a RangeError that names an index which has no
 * class.
 */
export function colourLabels(labels: LabelMap, classes: ClassStyles = CLASSES): RgbImage {
  const table = new Uint8Array(256 * 3);
  classes.forEach((c, i) => table.set(rgb(c.colour), 3 * i));
  table.set(rgb(IGNORE_COLOUR), 3 * IGNORE);
  const data = new Uint8Array(labels.data.length * 3);
  for (let i = 0; i < labels.data.length; i++) {
    const c = labels.data[i];
    if (c >= classes.length && c !== IGNORE) throw new RangeError(`label map holds ${c}, but there are ${classes.length} classes`);
    data[3 * i] = table[3 * c];
    data[3 * i + 1] = table[3 * c + 1];
    data[3 * i + 2] = table[3 * c + 2];
  }
  return { data, height: labels.height, width: labels.width };
}

/** How many pixels of each index 0..255 the maps hold. */
export function countPixels(maps: Iterable<LabelMap>): Float64Array {
  const counts = new Float64Array(256);
  for (const map of maps) for (const c of map.data) counts[c]++;
  return counts;
}

/** Legend of the classes present in the maps, largest first, and of unlabelled pixels if there are any. */
export function classLegend(maps: Iterable<LabelMap>, classes: ClassStyles = CLASSES): LegendEntry[] {
  const counts = countPixels(maps);
  const entries = classes
    .map((c, i) => ({ label: c.name, colour: c.colour, count: counts[i] }))
    .filter((e) => e.count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ label, colour }) => ({ label, colour }));
  if (counts[IGNORE] > 0) entries.push({ label: 'not labelled', colour: IGNORE_COLOUR });
  return entries;
}

/**
 * The photo with its label map's colours over it; `opacity` 0 shows the photo, 1 the map. The map is fitted to the
 * photo's size.
 */
export function overlayLabels(photo: RgbImage, labels: LabelMap, { opacity = 0.5, classes = CLASSES as ClassStyles } = {}): RgbImage {
  const colours = resizeNearest(colourLabels(labels, classes), photo.width, photo.height).data;
  // A loop: `Uint8Array.from` with a function takes ten times as long.
  const data = new Uint8Array(photo.data.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round(photo.data[i] + (colours[i] - photo.data[i]) * opacity);
  return { data, height: photo.height, width: photo.width };
}
