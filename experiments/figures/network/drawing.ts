/** Drawing blocks and arrows of a network's diagram on a sheet. */
import type { Sheet } from '../../../src/figures/sheet';
import { fitText, textWidth } from '../../../src/figures/text';
import type { BlockKind, NetworkBlock, Shape } from './blocks';

/** Pale fills under black text (Okabe and Ito's colours, lightened); the word in the block says the same. */
const FILLS: Record<BlockKind, string> = {
  convolution: '#d6e9f5',
  'SPADE block': '#fbe3c0',
  'residual block': '#cdebe0',
  upsampling: '#f7d3bd',
  'per class': '#f3dcea',
  dense: '#e8e8e8',
  fixed: '#ffffff',
};

export const BLOCK_HEIGHT = 40;
const INK = '#222222';

/** `48×64×256` */
export const shapeText = (shape: Shape) => shape.join('×');

/** A count with three digits or more: `110.0 M`, `1.18 M`, `77.2 k`, `585`. */
export function countText(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toFixed(count >= 1e8 ? 1 : 2)} M`;
  if (count >= 1e3) return `${(count / 1e3).toFixed(1)} k`;
  return String(count);
}

/** A block of two lines: name and count, what it is and the shape it gives. The width shortens what does not fit. */
export function drawBlock(sheet: Sheet, x: number, y: number, width: number, block: NetworkBlock): void {
  // Several alike look like a stack of cards.
  if (block.repeat > 1) sheet.rect({ x: x + 4, y: y + 4, width, height: BLOCK_HEIGHT }, { fill: FILLS[block.kind], stroke: INK });
  sheet.rect({ x, y, width, height: BLOCK_HEIGHT }, { fill: FILLS[block.kind], stroke: INK });
  const line = (base: number, left: string, right: string, bold: boolean) => {
    const room = width - 16 - textWidth(right, 11) - (right ? 6 : 0);
    sheet.text(x + 8, base, fitText(left, room, 11.5, bold), { size: 11.5, bold });
    if (right) sheet.text(x + width - 8, base, right, { size: 11, anchor: 'end' });
  };
  line(y + 16, block.name, block.count ? countText(block.count) : '', true);
  line(y + 32, block.repeat > 1 ? `${block.repeat} × ${block.what}` : block.what, shapeText(block.output), false);
}

/** A plain box with a text in its middle: what goes in and comes out. */
export function drawPlate(sheet: Sheet, x: number, y: number, width: number, lines: readonly string[], height = 14 + 16 * lines.length): void {
  sheet.rect({ x, y, width, height }, { fill: '#ffffff', stroke: INK, strokeWidth: 1.6 });
  lines.forEach((text, i) =>
    sheet.text(x + width / 2, y + height / 2 + 4 + 16 * (i - (lines.length - 1) / 2), fitText(text, width - 8, 12, i === 0), {
      size: 12,
      bold: i === 0,
      anchor: 'middle',
    }),
  );
}

/** A line through points, with a head at the last one. */
export function drawArrow(sheet: Sheet, points: readonly (readonly [number, number])[], head = true): void {
  const style = { stroke: INK, strokeWidth: 1.4 };
  for (let i = 1; i < points.length; i++) sheet.line(...points[i - 1], ...points[i], style);
  if (!head) return;
  const [[x0, y0], [x, y]] = points.slice(-2);
  const angle = Math.atan2(y - y0, x - x0);
  for (const side of [-0.42, 0.42]) sheet.line(x, y, x - 8 * Math.cos(angle + side), y - 8 * Math.sin(angle + side), style);
}

/** A remark beside an arrow. */
export function drawRemark(sheet: Sheet, x: number, y: number, text: string): void {
  sheet.text(x, y, text, { size: 11, fill: '#444444' });
}
