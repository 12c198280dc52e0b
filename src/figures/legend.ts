/** Keys to a figure's colours: a legend of swatches with names, and a bar for maps. */
import type { RgbImage } from '../data/types';
import { VIRIDIS } from './colours';
import type { Sheet } from './sheet';
import { fitText, textWidth } from './text';

export interface LegendEntry {
  colour: string;
  label: string;
}

const SIZE = 13;
const SWATCH = 14;
const ROW = 22;
const SPACE = 16;

interface Placed extends LegendEntry {
  x: number;
  row: number;
}

/** The entries in rows of at most `width` pixels. */
function flow(entries: readonly LegendEntry[], width: number): Placed[] {
  let x = 0;
  let row = 0;
  return entries.map((entry) => {
    const label = fitText(entry.label, width - SWATCH - 6, SIZE);
    const needed = SWATCH + 6 + Math.ceil(textWidth(label, SIZE));
    if (x > 0 && x + needed > width) {
      x = 0;
      row++;
    }
    const placed = { colour: entry.colour, label, x, row };
    x += needed + SPACE;
    return placed;
  });
}

/** Height in pixels that a legend takes at a width. */
export function legendHeight(entries: readonly LegendEntry[], width: number): number {
  return entries.length === 0 ? 0 : (flow(entries, width).at(-1)!.row + 1) * ROW;
}

/** Draws a legend with its corner at (x, y) and returns its height. */
export function drawLegend(sheet: Sheet, x: number, y: number, entries: readonly LegendEntry[], width: number): number {
  for (const { colour, label, x: dx, row } of flow(entries, width)) {
    const top = y + row * ROW + (ROW - SWATCH) / 2;
    sheet.rect({ x: x + dx + 0.5, y: top + 0.5, width: SWATCH - 1, height: SWATCH - 1 }, { fill: colour, stroke: '#777777' });
    sheet.text(x + dx + SWATCH + 6, top + SWATCH - 2.5, label, { size: SIZE });
  }
  return legendHeight(entries, width);
}

export interface ColourBar {
  min: number;
  max: number;
  /** What is measured, with its unit. */
  label: string;
}

/** Height in pixels of a colour bar. */
export const COLOUR_BAR_HEIGHT = 26;

/** A number with about three digits, without needless zeros. */
export function shortNumber(value: number): string {
  if (value === 0) return '0';
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replace('-', '−');
}

/** Draws `label  min [viridis] max` with its corner at (x, y). */
export function drawColourBar(sheet: Sheet, x: number, y: number, { min, max, label }: ColourBar): void {
  const data = new Uint8Array(VIRIDIS);
  const ramp: RgbImage = { data, width: 256, height: 1 };
  const base = y + 18;
  let left = x;
  sheet.text(left, base, label, { size: SIZE });
  left += Math.ceil(textWidth(label, SIZE)) + 12;
  const low = shortNumber(min);
  sheet.text(left, base, low, { size: SIZE });
  left += Math.ceil(textWidth(low, SIZE)) + 6;
  sheet.picture(ramp, { x: left, y: y + 6, width: 256, height: 14 });
  sheet.text(left + 262, base, shortNumber(max), { size: SIZE });
}
