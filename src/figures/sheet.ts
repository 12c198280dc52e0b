/** A sheet of paper: pictures, and over them text, boxes and lines. Becomes PNG (through sharp) or SVG. */
import sharp from 'sharp';
import type { RgbImage } from '../data/types';
import type { Figure } from './figure';
import { resizeForDisplay } from './images';
import { FONT, escapeXml } from './text';
import type { Box } from '../data/picture';
import { encodePng } from '../data/image';

export interface TextStyle {
  /** Font size in pixels. */
  size?: number;
  anchor?: 'start' | 'middle' | 'end';
  bold?: boolean;
  fill?: string;
  /** A rim in this colour round the letters, for text on pictures. */
  halo?: string;
}

export interface LineStyle {
  fill?: string;
  stroke?: string;
  strokeWidth?: number;
}

interface Picture extends Box {
  image: RgbImage;
  exact: boolean;
}

const attributes = ({ fill = 'none', stroke = 'none', strokeWidth = 1 }: LineStyle) => `fill="${fill}" stroke="${stroke}" stroke-width="${strokeWidth}"`;

export class Sheet implements Figure {
  private readonly pictures: Picture[] = [];
  private readonly marks: string[] = [];

  /** An empty sheet of `width` x `height` pixels. */
  constructor(
    readonly title: string,
    readonly width: number,
    readonly height: number,
    readonly background = '#ffffff',
  ) {}

  /**
   * Places a picture with its corner at (x, y), resized to the box; `exact` keeps its colours when it is shrunk (label
   * maps).
   */
  picture(image: RgbImage, box: Box, exact = false): this {
    const { x, y, width, height } = box;
    if (![x, y, width, height].every(Number.isInteger) || x < 0 || y < 0 || x + width > this.width || y + height > this.height) {
      throw new RangeError(`picture at (${x}, ${y}), ${width}x${height}, does not lie on the sheet of ${this.width}x${this.height} whole pixels`);
    }
    this.pictures.push({ image, x, y, width, height, exact });
    return this;
  }

  /** One line of text; (x, y) is the start, middle or end of its baseline. */
  text(x: number, y: number, text: string, { size = 13, anchor = 'start', bold = false, fill = '#222222', halo }: TextStyle = {}): this {
    const rim = halo ? ` stroke="${halo}" stroke-width="${size / 5}" stroke-linejoin="round" paint-order="stroke"` : '';
    const weight = bold ? ' font-weight="bold"' : '';
    this.marks.push(`<text x="${x}" y="${y}" font-size="${size}" text-anchor="${anchor}" fill="${fill}"${weight}${rim}>${escapeXml(text)}</text>`);
    return this;
  }

  rect({ x, y, width, height }: Box, style: LineStyle): this {
    this.marks.push(`<rect x="${x}" y="${y}" width="${width}" height="${height}" ${attributes(style)}/>`);
    return this;
  }

  line(x1: number, y1: number, x2: number, y2: number, style: LineStyle): this {
    this.marks.push(`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" ${attributes(style)}/>`);
    return this;
  }

  async png(scale = 1): Promise<Buffer> {
    const layers: sharp.OverlayOptions[] = await Promise.all(
      this.pictures.map(async ({ image, x, y, width, height, exact }) => {
        const shown = await resizeForDisplay(image, Math.round(width * scale), Math.round(height * scale), exact);
        return {
          input: Buffer.from(shown.data.buffer, shown.data.byteOffset, shown.data.byteLength),
          raw: { width: shown.width, height: shown.height, channels: 3 as const },
          left: Math.round(x * scale),
          top: Math.round(y * scale),
        };
      }),
    );
    const size = { width: Math.round(this.width * scale), height: Math.round(this.height * scale) };
    layers.push({ input: Buffer.from(this.document(this.marks.join('\n'), size)) });
    return sharp({ create: { ...size, channels: 3, background: this.background } })
      .composite(layers)
      .removeAlpha()
      .png({ compressionLevel: 9 })
      .toBuffer();
  }

  async svg(): Promise<string> {
    const pictures = await Promise.all(
      this.pictures.map(async ({ image, x, y, width, height, exact }) => {
        // Embedded at the picture's own size if that is smaller, at twice the shown size (print) if it is larger.
        const shown = image.width <= 2 * width ? image : await resizeForDisplay(image, 2 * width, 2 * height, exact);
        const data = (await encodePng(shown)).toString('base64');
        return (
          `<image x="${x}" y="${y}" width="${width}" height="${height}" preserveAspectRatio="none" ` +
          `style="image-rendering:pixelated" href="data:image/png;base64,${data}"/>`
        );
      }),
    );
    const paper = `<rect width="${this.width}" height="${this.height}" fill="${this.background}"/>`;
    return this.document([paper, ...pictures, ...this.marks].join('\n'), this);
  }

  private document(content: string, size: { width: number; height: number }): string {
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${this.width} ${this.height}" ` +
      `font-family="${FONT}"><title>${escapeXml(this.title)}</title>\n${content}\n</svg>`
    );
  }
}
