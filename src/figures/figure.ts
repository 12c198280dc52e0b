/**
 * What every figure function returns: something that can be shown in a notebook, or saved as PNG, SVG and, where it is
 * a plot, HTML.
 */
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { explain, writeFileAtomically } from '../common/atomic';

export interface Figure {
  /** What the figure shows, in a line: the alternative text of its picture. */
  readonly title: string;
  /** Size in pixels at scale 1. */
  readonly width: number;
  readonly height: number;
  /** The figure as PNG; `scale` 2 doubles its pixels, for print. */
  png(scale?: number): Promise<Buffer>;
  /** The figure as SVG: text and lines stay vectors, pictures are embedded. */
  svg(): Promise<string>;
  /** An interactive page, where the figure has one; self-contained. */
  html?(): Promise<string>;
}

export type FigureFormat = 'png' | 'svg' | 'html';

/**
 * Saves a figure as `PATH.png`, `PATH.svg`, `PATH.html` (the last only where the figure is interactive) and returns the
 * files written. Folders are made as needed. Throws a UserError that names the file where it cannot be written; none is
 * ever half-written.
 */
export async function saveFigure(
  path: string,
  figure: Figure | Promise<Figure>,
  { formats = ['png', 'svg', 'html'], scale = 2 }: { formats?: readonly FigureFormat[]; scale?: number } = {},
): Promise<string[]> {
  const f = await figure;
  const stem = path.replace(/\.(png|svg|html)$/i, '');
  await mkdir(dirname(stem), { recursive: true }).catch((e: NodeJS.ErrnoException) => {
    throw explain(e, stem);
  });
  const files: string[] = [];
  for (const format of formats) {
    const content = format === 'png' ? await f.png(scale) : format === 'svg' ? await f.svg() : await f.html?.();
    if (content === undefined) continue;
    const file = `${stem}.${format}`;
    await writeFileAtomically(file, content);
    files.push(file);
  }
  return files;
}
