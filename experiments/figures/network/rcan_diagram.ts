import type { RCAN } from '../../../src/models/rcan';
import { COLUMN } from '../print';
import { Sheet } from '../../../src/figures/sheet';
import { rcanBlocks } from './blocks';
import { BLOCK_HEIGHT, countText, drawArrow, drawBlock, drawPlate, drawRemark, shapeText } from './drawing';

const MARGIN = 12;
const STEP = BLOCK_HEIGHT + 22;
const COLUMN_GAP = 44;

/** What follows a block of the chain, or of a block, that has no numbers of its own. */
const AFTER: Record<string, string> = {
  'body.0.body.0.body.0': 'relu',
  'body.0.body.0.body.2': 'image mean',
  'body.0.body.0.body.3.conv_du.0': 'relu',
  'body.0.body.0.body.3.conv_du.2': 'sigmoid',
};

/**
 * RCAN as a diagram for images of a size: the whole chain, one of its residual groups and one of that group's blocks, side by side, with all
 * three kinds of skips. Names, shapes and counts are read from the built network.
 */
export function rcanDiagram(rcan: RCAN, imageSize: readonly number[] = [192, 256]): Sheet {
  const { scale, groups, blocks: perGroup, features } = rcan.config;
  const { chain, group, block } = rcanBlocks(rcan, imageSize);
  const top = MARGIN + 118;
  const rows = Math.max(chain.length, group.length, block.length);
  const title = `RCAN ×${scale}, ${groups} groups of ${perGroup} blocks, ${features} channels: ${countText(rcan.parameters.count)} parameters`;
  const sheet = new Sheet(title, COLUMN, top + rows * STEP + 64 + MARGIN);
  sheet.text(MARGIN, MARGIN + 16, title, { size: 16, bold: true });
  sheet.text(MARGIN, MARGIN + 38, 'Each block: name, trained numbers; what it is, the shape of what it gives (height×width×channels).', {
    size: 12,
    fill: '#555555',
  });
  const width = (COLUMN - 2 * MARGIN - 2 * COLUMN_GAP - 20) / 3;
  const columns = [
    { heading: 'the network', list: chain, ends: ['low resolution', 'high resolution'] },
    { heading: 'one group', list: group, ends: ['in', 'out'] },
    { heading: 'one block', list: block, ends: ['in', 'out'] },
  ];
  columns.forEach(({ heading, list, ends }, c) => {
    const x = MARGIN + c * (width + COLUMN_GAP);
    const middle = x + width / 2;
    sheet.text(x, MARGIN + 66, heading, { size: 12, bold: true });
    drawPlate(sheet, middle - 75, top - 46, 150, [ends[0], shapeText(list[0].input)], 46);
    const bottomOf = (i: number) => top + 18 + i * STEP + BLOCK_HEIGHT + (list[i].repeat > 1 ? 4 : 0);
    list.forEach((b, i) => {
      const y = top + 18 + i * STEP;
      drawArrow(sheet, [
        [middle, i === 0 ? top : bottomOf(i - 1)],
        [middle, y],
      ]);
      drawBlock(sheet, x, y, width, { ...b, name: shortName(b.name, c) });
      const remark = AFTER[b.name] ?? (list[i + 1] && list[i + 1].input[0] > b.output[0] ? `pixel shuffle ×${list[i + 1].input[0] / b.output[0]}` : undefined);
      if (remark) drawRemark(sheet, middle + 8, bottomOf(i) + 14, remark);
    });
    // Where products and sums come together below the last block there is room for their arrows.
    const end = top + 18 + list.length * STEP + (c === 2 ? 28 : 0);
    drawArrow(sheet, [
      [middle, bottomOf(list.length - 1)],
      [middle, end],
    ]);
    drawPlate(sheet, middle - 75, end, 150, [ends[1], shapeText(c === 0 ? list.at(-1)!.output : list[0].input)], 46);
    const right = x + width;
    const skip = (from: number, to: number, word: string) => {
      drawArrow(sheet, [
        [middle, from],
        [right + 14, from],
        [right + 14, to],
        [middle + 2, to],
      ]);
      sheet.text(right + 18, (from + to) / 2, word, { size: 12, bold: true });
    };
    if (c === 0) {
      // From the first convolution round all groups to behind their closing one.
      const closing = list.findIndex((b) => b.repeat === 1 && /^body\./.test(b.name));
      if (closing > 0) skip(top + 18 + STEP + BLOCK_HEIGHT + 8, bottomOf(closing) + 9, '+');
    } else skip(top + 9, end - 10, '+');
    if (c === 2) {
      const second = list.findIndex((b) => b.name.endsWith('body.2'));
      const from = bottomOf(second) + 5;
      drawArrow(sheet, [
        [middle, from],
        [x - 12, from],
        [x - 12, end - 24],
        [middle - 2, end - 24],
      ]);
      sheet.text(x - 16, (from + end) / 2, '×', { size: 12, bold: true, anchor: 'end' });
    }
  });
  return sheet;
}

/** Inside of a group and of a block the path to them is left out. */
const shortName = (name: string, depth: number) => name.replace(depth === 1 ? /^body\.0\./ : depth === 2 ? /^body\.0\.body\.0\./ : /^$/, '');
