import type { Discriminator } from '../../../src/models/discriminator';
import { COLUMN } from '../print';
import { Sheet } from '../../../src/figures/sheet';
import { discriminatorBlocks } from './blocks';
import { BLOCK_HEIGHT, countText, drawArrow, drawBlock, drawPlate, drawRemark, shapeText } from './drawing';

const MARGIN = 12;
const GAP = 22;
const STEP = BLOCK_HEIGHT + GAP;

/**
 * The discriminator as a diagram: a column for each scale, fine to coarse, that looks at the label map beside an image. Names, shapes and
 * counts are read from the built network.
 */
export function discriminatorDiagram(discriminator: Discriminator, imageSize: readonly number[] = [192, 256]): Sheet {
  const { ndf } = discriminator.config;
  const scales = discriminatorBlocks(discriminator, imageSize);
  const top = MARGIN + 104;
  const longest = Math.max(...scales.map((s) => s.length));
  const title = `Discriminator, ndf ${ndf}, ${scales.length} scales: ${countText(discriminator.parameters.count)} parameters`;
  const sheet = new Sheet(title, COLUMN, top + GAP + longest * STEP + 46 + MARGIN);
  sheet.text(MARGIN, MARGIN + 16, title, { size: 16, bold: true });
  sheet.text(MARGIN, MARGIN + 38, 'Each block: name, trained numbers; what it is, the shape of what it gives (height×width×channels).', {
    size: 12,
    fill: '#555555',
  });
  const gap = 110;
  const width = Math.min(320, (COLUMN - 2 * MARGIN - gap * (scales.length - 1)) / scales.length);
  scales.forEach((blocks, s) => {
    const x = MARGIN + s * (width + gap);
    const middle = x + width / 2;
    drawPlate(sheet, x, top - 46, width, ['label map beside an image', shapeText(blocks[0].input)], 46);
    if (s > 0) {
      drawArrow(sheet, [
        [x - gap, top - 23],
        [x, top - 23],
      ]);
      drawRemark(sheet, x - gap + 8, top - 29, 'mean of 3×3,');
      drawRemark(sheet, x - gap + 8, top - 9, 'every 2nd pixel');
    }
    blocks.forEach((block, i) => {
      const y = top + GAP + i * STEP;
      drawArrow(sheet, [
        [middle, y - GAP],
        [middle, y],
      ]);
      // All layers but the first and the last are normalised.
      if (i > 0) drawRemark(sheet, middle + 8, y - 7, i > 1 ? 'instance norm, leaky relu' : 'leaky relu');
      drawBlock(sheet, x, y, width, block);
    });
    const end = top + GAP + blocks.length * STEP;
    drawArrow(sheet, [
      [middle, end - GAP],
      [middle, end],
    ]);
    drawPlate(sheet, x, end, width, ['score of each patch', shapeText(blocks.at(-1)!.output)], 46);
  });
  return sheet;
}
