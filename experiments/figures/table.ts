/** A table as a figure. */
import type { Figure } from '../../src/figures/figure';
import { Sheet } from '../../src/figures/sheet';
import { textWidth, wrapText } from '../../src/figures/text';
import { COLUMN } from './print';

export interface TableOptions {
  title: string;
  /** Headings, a cell of each row below each; the first column is left-aligned, the others are centred. */
  columns: readonly string[];
  rows: readonly (readonly string[])[];
  /** Rows, by index, over which a line is drawn; the heading's line is always there. */
  ruled?: readonly number[];
  /** A remark below the table, wrapped. */
  note?: string;
  width?: number;
}

const MARGIN = 12;
const SIZE = 13;
const LINE = 17;
const PADDING = 10;

/**
 * Texts in rows and columns, with lines above and below as in print. Columns get room by their longest text, long texts are wrapped. Throws a
 * RangeError where a row has another number of cells than there are headings.
 */
export function tableFigure({ title, columns, rows, ruled = [], note, width = COLUMN }: TableOptions): Figure {
  const odd = rows.findIndex((row) => row.length !== columns.length);
  if (odd >= 0) throw new RangeError(`row ${odd} of '${title}' has ${rows[odd].length} cells, there are ${columns.length} columns`);
  const widths = columnWidths([columns, ...rows], width - 2 * MARGIN);
  const lines = [columns, ...rows].map((row, r) => row.map((cell, c) => wrapText(cell, widths[c] - PADDING, SIZE, r === 0)));
  const heights = lines.map((row) => Math.max(...row.map((cell) => cell.length)) * LINE + 8);
  const titleLines = wrapText(title, width - 2 * MARGIN, 16, true);
  const noteLines = note ? wrapText(note, width - 2 * MARGIN, 12) : [];
  const top = MARGIN + titleLines.length * 22 + 6;
  const total = top + heights.reduce((a, b) => a + b, 0) + (noteLines.length ? 8 + noteLines.length * 16 : 0) + MARGIN;
  const sheet = new Sheet(title, width, total);
  titleLines.forEach((line, i) => sheet.text(MARGIN, MARGIN + 16 + 22 * i, line, { size: 16, bold: true }));
  const rule = (y: number, strokeWidth: number) => sheet.line(MARGIN, y, width - MARGIN, y, { stroke: '#222222', strokeWidth });
  rule(top, 1.4);
  let y = top;
  lines.forEach((row, r) => {
    if (r === 1) rule(y, 0.9);
    else if (ruled.includes(r - 1)) rule(y, 0.4);
    let x = MARGIN;
    row.forEach((cell, c) => {
      const at = c === 0 ? { x: x + PADDING / 2, anchor: 'start' as const } : { x: x + widths[c] / 2, anchor: 'middle' as const };
      cell.forEach((line, i) => sheet.text(at.x, y + 16 + i * LINE, line, { size: SIZE, anchor: at.anchor, bold: r === 0 }));
      x += widths[c];
    });
    y += heights[r];
  });
  rule(y, 1.4);
  noteLines.forEach((line, i) => sheet.text(MARGIN, y + 20 + i * 16, line, { size: 12, fill: '#555555' }));
  return sheet;
}

/** What each column needs; where that is too much, the widest ones give way until all fit. */
function columnWidths(rows: readonly (readonly string[])[], available: number): number[] {
  const needed = rows[0].map((_, c) => Math.max(...rows.map((row, r) => textWidth(row[c], SIZE, r === 0))) + PADDING + 2);
  const spare = available - needed.reduce((a, b) => a + b, 0);
  if (spare >= 0) return needed.map((w) => w + spare / needed.length);
  let limit = Math.max(...needed);
  while (limit > 40 && needed.reduce((sum, w) => sum + Math.min(w, limit), 0) > available) limit -= 1;
  return needed.map((w) => Math.min(w, limit));
}
