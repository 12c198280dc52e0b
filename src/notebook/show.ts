/**
 * What a notebook cell shows. In a notebook each call makes one output; outside of one nothing is shown and nothing
 * fails, so that the same code runs in scripts and tests.
 */
import sharp from 'sharp';
import type { RgbImage } from '../data/types';
import { writtenBeside } from '../common/targets';
import { type Figure, saveFigure } from '../figures/figure';
import { imageGrid } from '../figures/grid';
import { escapeXml } from '../figures/text';
import { atToySize, toyPath } from './toy';

/** Where a notebook's file goes: at toy size (toy.ts) into `figures/toy`, so that tests leave real results alone. */
export function outputPath(file: string): string {
  return atToySize() ? toyPath(file.replace(/^figures\//, 'figures/toy/')) : file;
}

/** The part of tslab that shows things: one output with one MIME type. */
interface Output {
  html(text: string): void;
  markdown(text: string): void;
  text(text: string): void;
  png(bytes: Uint8Array): void;
  jpeg(bytes: Uint8Array): void;
}

/** Whether this code runs in a cell of a notebook. */
export function inNotebook(): boolean {
  return '__tslab__' in globalThis;
}

/** A new output of the cell; what is shown in it next replaces what it holds. Undefined outside a notebook. */
function newOutput(): Output | undefined {
  if (!inNotebook()) return undefined;
  // Outside a notebook tslab would load a whole compiler for nothing.
  const tslab = require('tslab') as { newDisplay(): Output };
  return tslab.newDisplay();
}

/** Anything that can be shown: a figure, PNG or JPEG bytes, a picture, or text in Markdown. */
export type Showable = Figure | RgbImage | Uint8Array | string;

export interface ShowOptions {
  /** Also saves a figure as PATH.png, PATH.svg and, if it is interactive, PATH.html. */
  save?: string;
  /** Largest PNG in bytes; a larger one (photographs) is shown as JPEG if that is smaller. Keeps notebooks small. */
  maxPng?: number;
}

const MAX_PNG = 150_000;

/**
 * Shows something in the notebook and waits until it is drawn: `await show(lossCurves(history))`. Plots are shown as
 * PNG, which every viewer of notebooks keeps; save them to have the interactive page too.
 */
export async function show(what: Showable | Promise<Showable>, options: ShowOptions = {}): Promise<void> {
  await new Slot().show(what, options);
}

/** Shows text in Markdown. */
export function showMarkdown(text: string): void {
  newOutput()?.markdown(text);
}

/** Shows HTML. GitHub strips scripts and styles from it: for extras only. */
export function showHtml(html: string): void {
  newOutput()?.html(html);
}

/**
 * Shows a figure's interactive page in a frame of its own, then its picture, which is what is left where pages are not shown (GitHub,
 * a notebook that is not trusted). `height`: of the frame, in pixels.
 */
export async function showInteractive(figure: Figure | Promise<Figure>, { height = 860, ...options }: ShowOptions & { height?: number } = {}): Promise<void> {
  const f = await figure;
  const page = inNotebook() ? await f.html?.() : undefined;
  if (page !== undefined) showHtml(frameOf(page, f.title, height));
  await show(f, options);
}

/** A page inside of another; its scripts reach nothing beyond the frame. */
function frameOf(page: string, title: string, height: number): string {
  const quoted = page.replace(/&/g, '&amp;').replace(/"/g, '&quot;');
  const style = `width:100%;height:${height}px;border:0`;
  return `<iframe title="${escapeXml(title)}" sandbox="allow-scripts" style="${style}" srcdoc="${quoted}"></iframe>`;
}

/**
 * Rows as a Markdown table, columns in the order of the first row; numbers with at most four decimals, what is missing
 * as a dash.
 */
export function markdownTable(rows: readonly Readonly<Record<string, unknown>>[]): string {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const numeric = names.map((name) => rows.every((row) => row[name] === undefined || typeof row[name] === 'number'));
  const cell = (v: unknown) => {
    if (v === undefined || v === null || Number.isNaN(v)) return '–';
    const text = typeof v === 'number' ? (Number.isInteger(v) ? String(v) : v.toFixed(4)) : String(v);
    return text.replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ');
  };
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(names.map(cell)), line(numeric.map((n) => (n ? '---:' : ':---'))), ...rows.map((row) => line(names.map((n) => cell(row[n]))))].join('\n');
}

/** Shows rows as a table. */
export function showTable(rows: readonly Readonly<Record<string, unknown>>[]): void {
  showMarkdown(markdownTable(rows));
}

/** One output that is rewritten in place. It appears with the first thing shown in it. */
export class Slot {
  private output?: Output;

  async show(what: Showable | Promise<Showable>, { save, maxPng = MAX_PNG }: ShowOptions = {}): Promise<void> {
    const thing = await what;
    if (save && isFigure(thing)) {
      // What commands may write anew, such as evaluate's galleries.
      for (const file of await saveFigure(outputPath(save), thing)) writtenBeside(file).add(file);
    }
    if (!inNotebook()) return;
    this.output ??= newOutput()!;
    if (typeof thing === 'string') this.output.markdown(thing);
    else await this.picture(await bytesOf(thing), maxPng);
  }

  /** Plain text in the notebook's fixed-width font. */
  text(text: string): void {
    this.output ??= newOutput();
    this.output?.text(text);
  }

  private async picture(bytes: Uint8Array, maxPng: number): Promise<void> {
    const isPng = bytes[0] === 0x89;
    if (isPng && bytes.length > maxPng) {
      // Full chroma resolution: text and label maps stay sharp.
      const jpeg = await sharp(bytes).jpeg({ quality: 80, chromaSubsampling: '4:4:4', mozjpeg: true }).toBuffer();
      if (jpeg.length < 0.7 * bytes.length) return this.output!.jpeg(jpeg);
    }
    if (isPng) this.output!.png(bytes);
    else this.output!.jpeg(bytes);
  }
}

function isFigure(thing: Showable): thing is Figure {
  return typeof thing === 'object' && 'png' in thing && typeof thing.png === 'function';
}

async function bytesOf(thing: Figure | RgbImage | Uint8Array): Promise<Uint8Array> {
  if (isFigure(thing)) return thing.png();
  return thing instanceof Uint8Array ? thing : imageGrid([[thing as RgbImage]]).png();
}
