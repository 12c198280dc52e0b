/** Figures for print: PNG at 300 dots an inch for a column of 17 cm, SVG of the same size, and a file that says what is to be seen. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { explain, writeFileAtomically } from '../../src/common/atomic';
import type { Figure } from '../../src/figures/figure';

/** Width of a printed column. */
export const COLUMN_CM = 17;
export const DOTS_PER_INCH = 300;
/** Pixels of a figure that fill the column; text of 12 pixels is 7.2 points high then. */
export const COLUMN = 800;

const CM_PER_INCH = 2.54;

/** What stands beside a figure. Nothing in it may change from one run to the next. */
export interface Caption {
  /** What the figure shows; Markdown. */
  shows: string;
  /** How it was made, a line each: command, checkpoint, label maps. */
  made: readonly string[];
}

/** Size of a figure on paper in cm: `COLUMN` pixels fill the column, wider figures are shrunk to it. */
export function printSize({ width, height }: { width: number; height: number }): { width: number; height: number } {
  const perPixel = COLUMN_CM / Math.max(COLUMN, width);
  return { width: width * perPixel, height: height * perPixel };
}

/**
 * Writes `FOLDER/NAME.png` (300 dots an inch), `NAME.svg` (in millimetres), `NAME.html` where the figure is interactive, and the caption
 * `NAME.md`. Returns the caption's text. @throws UserError that names a file which cannot be written
 */
export async function savePrint(folder: string, name: string, figure: Figure, caption: Caption): Promise<string> {
  await mkdir(folder, { recursive: true }).catch((e: NodeJS.ErrnoException) => {
    throw explain(e, folder);
  });
  const size = printSize(figure);
  const dots = (size.width / CM_PER_INCH) * DOTS_PER_INCH;
  const png = await sharp(await figure.png(dots / figure.width))
    .withMetadata({ density: DOTS_PER_INCH })
    .png({ compressionLevel: 9 })
    .toBuffer({ resolveWithObject: true });
  const svg = inMillimetres(await figure.svg(), size);
  const html = await figure.html?.();
  const text = captionText(name, figure, caption, png.info, html !== undefined);
  await writeFileAtomically(join(folder, `${name}.png`), png.data);
  await writeFileAtomically(join(folder, `${name}.svg`), svg);
  if (html !== undefined) await writeFileAtomically(join(folder, `${name}.html`), html);
  await writeFileAtomically(join(folder, `${name}.md`), text);
  return text;
}

/** The root element's size in millimetres; its viewBox keeps the drawing's own units. */
function inMillimetres(svg: string, { width, height }: { width: number; height: number }): string {
  const mm = (cm: number) => `${(10 * cm).toFixed(2)}mm`;
  return svg.replace(/<svg [^>]*>/, (root) => root.replace(/ width="[^"]*"/, ` width="${mm(width)}"`).replace(/ height="[^"]*"/, ` height="${mm(height)}"`));
}

function captionText(name: string, figure: Figure, { shows, made }: Caption, pixels: { width: number; height: number }, html: boolean): string {
  const { width, height } = printSize(figure);
  const size =
    `${width.toFixed(1)} x ${height.toFixed(1)} cm: ${name}.png (${pixels.width} x ${pixels.height} pixels, ${DOTS_PER_INCH} dots an inch), ` +
    `${name}.svg${html ? `; interactive: [${name}.html](${name}.html)` : ''}`;
  return (
    [`# ${figure.title}`, `![${figure.title}](${name}.png)`, shows, ['How it was made:', '', ...[...made, size].map((line) => `- ${line}`)].join('\n'), '']
      .join('\n\n')
      .trimEnd() + '\n'
  );
}
