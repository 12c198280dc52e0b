/** Pictures side by side with titles, captions and keys. */
import type { RgbImage } from '../data/types';
import type { Box } from '../data/picture';
import { COLOUR_BAR_HEIGHT, type ColourBar, type LegendEntry, drawColourBar, drawLegend, legendHeight } from './legend';
import { Sheet } from './sheet';
import { fitText, textWidth, wrapText } from './text';

/** A picture of a grid with what is to be said about it. */
export interface Cell {
  image: RgbImage;
  /** Below the picture; shortened to two lines. */
  caption?: string;
  /** Keeps its colours when it is shrunk: for label maps. */
  exact?: boolean;
  /** Pixels of the figure for each pixel of this picture, instead of what fits. */
  scale?: number;
}

export interface GridOptions {
  /** In one line over everything; also the alternative text. */
  title?: string;
  rowTitles?: readonly string[];
  columnTitles?: readonly string[];
  /** captions[row][column]; a cell's own caption comes first. */
  captions?: readonly (readonly (string | undefined)[])[];
  legend?: readonly LegendEntry[];
  colourBar?: ColourBar;
  /** A remark below everything, wrapped. */
  note?: string;
  /** Largest width of the whole figure in pixels; 1080 fills a notebook. */
  maxWidth?: number;
  /** Largest width of one picture in pixels. */
  cellWidth?: number;
  /**
   * Pixels of the figure for each pixel of the pictures, the same for all; else each is fitted into its cell (enlarged
   * by whole factors only).
   */
  scale?: number;
  /** Pixels between pictures. */
  gap?: number;
}

const MARGIN = 12;
const TITLE = 16;
const HEADING = 13;
const CAPTION = 12;
const LINE = 16;

/** A grid of pictures that knows where each of them lies, for marks on them. */
export class GridSheet extends Sheet {
  constructor(
    title: string,
    width: number,
    height: number,
    private readonly boxes: readonly (readonly (Box | undefined)[])[],
  ) {
    super(title, width, height);
  }

  /** Where the picture in this row and column lies on the sheet. Throws a RangeError where there is none. */
  box(row: number, column: number): Box {
    const box = this.boxes[row]?.[column];
    if (!box) throw new RangeError(`the grid has no picture in row ${row}, column ${column}`);
    return box;
  }
}

const asCell = (cell: Cell | RgbImage): Cell => ('image' in cell ? cell : { image: cell });
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);

/**
 * A grid of pictures. Small pictures are enlarged by whole factors so that their pixels are seen, large ones shrunk to
 * fit `maxWidth`. A cell may be undefined: its place stays empty. Throws a RangeError where there is no picture at all.
 */
export function imageGrid(cells: readonly (readonly (Cell | RgbImage | undefined)[])[], options: GridOptions = {}): GridSheet {
  const { title = '', rowTitles = [], columnTitles = [], captions = [], legend = [], colourBar, note } = options;
  const { maxWidth = 1080, gap = 8, scale } = options;
  const rows = cells.map((row) => row.map((cell) => (cell ? asCell(cell) : undefined)));
  const columns = largest(rows.map((row) => row.length));
  const all = rows.flat().filter((cell): cell is Cell => cell !== undefined);
  if (all.length === 0) throw new RangeError('an image grid needs at least one picture');

  const rowTitleWidth = rowTitles.length === 0 ? 0 : Math.min(150, Math.ceil(largest(rowTitles.map((t) => textWidth(t, HEADING, true)))) + 1);
  const left = MARGIN + (rowTitleWidth > 0 ? rowTitleWidth + gap : 0);
  const available = Math.floor((maxWidth - left - MARGIN - gap * (columns - 1)) / columns);
  const cellWidth = Math.max(16, Math.min(available, options.cellWidth ?? 512));

  const sizes = rows.map((row) => row.map((cell) => cell && shownSize(cell.image, cellWidth, cell.scale ?? scale)));
  const widths = Array.from({ length: columns }, (_, c) => largest(sizes.map((row) => row[c]?.width ?? 0)));
  const heights = sizes.map((row) => largest(row.map((s) => s?.height ?? 0)));

  const captionOf = (r: number, c: number) => {
    const text = rows[r][c]?.caption ?? captions[r]?.[c];
    return text ? atMostTwo(text, widths[c] + gap, CAPTION) : [];
  };
  const headings = columnTitles.map((t, c) => atMostTwo(t, (widths[c] ?? 0) + gap - 2, HEADING, true));
  const headingHeight = largest(headings.map((h) => h.length)) * LINE + (headings.length ? 4 : 0);
  const captionHeights = rows.map((row, r) => largest(row.map((_, c) => captionOf(r, c).length)) * (LINE - 1));

  const inner = left - MARGIN + sum(widths) + gap * (columns - 1);
  const barWidth = colourBar ? Math.ceil(textWidth(colourBar.label, 13)) + 400 : 0;
  const legendWidth = legend.length ? largest(legend.map((e) => textWidth(e.label, 13) + 36)) : 0;
  const needed = largest([inner, Math.min(textWidth(title, TITLE, true), maxWidth - 2 * MARGIN), barWidth, legendWidth]);
  const width = Math.ceil(needed) + 2 * MARGIN;
  const titleLines = title ? wrapText(title, width - 2 * MARGIN, TITLE, true) : [];
  const noteLines = note ? wrapText(note, width - 2 * MARGIN, CAPTION) : [];
  const keyHeight = legendHeight(legend, width - 2 * MARGIN) + (colourBar ? COLOUR_BAR_HEIGHT : 0);
  const top = MARGIN + titleLines.length * 22 + headingHeight;
  const gridHeight = sum(heights) + sum(captionHeights) + gap * (rows.length - 1);
  const height = top + gridHeight + (keyHeight ? gap + keyHeight : 0) + (noteLines.length ? 6 + noteLines.length * LINE : 0) + MARGIN;

  const xs = widths.map((_, c) => left + sum(widths.slice(0, c)) + gap * c);
  const ys = heights.map((_, r) => top + sum(heights.slice(0, r)) + sum(captionHeights.slice(0, r)) + gap * r);
  const boxes = sizes.map((row, r) =>
    row.map(
      (s, c) =>
        s && {
          x: xs[c] + Math.floor((widths[c] - s.width) / 2),
          y: ys[r] + Math.floor((heights[r] - s.height) / 2),
          ...s,
        },
    ),
  );

  const sheet = new GridSheet(title || 'a grid of pictures', width, height, boxes);
  titleLines.forEach((line, i) => sheet.text(MARGIN, MARGIN + 16 + 22 * i, line, { size: TITLE, bold: true }));
  headings.forEach((lines, c) => {
    const base = top - 6 - (lines.length - 1) * LINE;
    lines.forEach((line, i) => sheet.text(xs[c] + widths[c] / 2, base + i * LINE, line, { size: HEADING, bold: true, anchor: 'middle' }));
  });
  rows.forEach((row, r) => {
    const lines = rowTitles[r] ? wrapText(rowTitles[r], rowTitleWidth, HEADING, true) : [];
    const base = ys[r] + heights[r] / 2 - ((lines.length - 1) * LINE) / 2 + 5;
    lines.forEach((line, i) => sheet.text(MARGIN + rowTitleWidth, base + i * LINE, line, { size: HEADING, bold: true, anchor: 'end' }));
    row.forEach((cell, c) => {
      if (!cell) return;
      sheet.picture(cell.image, boxes[r][c]!, cell.exact);
      captionOf(r, c).forEach((line, i) =>
        sheet.text(xs[c] + widths[c] / 2, ys[r] + heights[r] + 13 + i * (LINE - 1), line, {
          size: CAPTION,
          anchor: 'middle',
        }),
      );
    });
  });
  let y = top + gridHeight + gap;
  y += drawLegend(sheet, MARGIN, y, legend, width - 2 * MARGIN);
  if (colourBar) {
    drawColourBar(sheet, MARGIN, y, colourBar);
    y += COLOUR_BAR_HEIGHT;
  }
  if (!keyHeight) y -= gap;
  noteLines.forEach((line, i) => sheet.text(MARGIN, y + 6 + 12 + i * LINE, line, { size: CAPTION, fill: '#555555' }));
  return sheet;
}

function shownSize(image: RgbImage, cellWidth: number, scale?: number): { width: number; height: number } {
  const fit = cellWidth / image.width;
  const factor = scale ?? (fit >= 1 ? Math.floor(fit) : fit);
  return {
    width: Math.max(1, Math.round(image.width * factor)),
    height: Math.max(1, Math.round(image.height * factor)),
  };
}

/** The text in one or two lines; what does not fit is left out behind an ellipsis. */
function atMostTwo(text: string, width: number, size: number, bold = false): string[] {
  const lines = wrapText(text, width, size, bold);
  return lines.length <= 2 ? lines : [lines[0], fitText(lines.slice(1).join(' '), width, size, bold)];
}
