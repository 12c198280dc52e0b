import type { LGGAN } from '../../../src/models/lggan/lggan';
import { COLUMN } from '../print';
import { Sheet } from '../../../src/figures/sheet';
import { type NetworkBlock, lgganBlocks } from './blocks';
import { BLOCK_HEIGHT, countText, drawArrow, drawBlock, drawPlate, drawRemark, shapeText } from './drawing';

const MARGIN = 12;
const GAP = 22;
const STEP = BLOCK_HEIGHT + GAP;

/** Which part of the network a block belongs to, by its name in the original. */
const PARTS = {
  encoder: /^conv\d/,
  local: /^(resnet_blocks|deconv\d_local|deconv5(_\d|$)|deconv9)/,
  scores: /^fc2/,
  weights: /^deconv\d_attention/,
  global: /^(head_|G_middle_|up_|conv_img)/,
} as const;

/**
 * The generator as a diagram: the encoder from left to right, below it the local branch, the weight maps and the global branch from top to
 * bottom, and their fusion. Every block carries its name, what it is, the shape of what it gives and how many numbers are trained in it; all
 * is read from the built network, none is written here. Throws an Error for a block whose place is not known.
 */
export function lgganDiagram(generator: LGGAN): Sheet {
  const { ngf, imageSize, classes, style } = generator.config;
  const blocks = lgganBlocks(generator);
  const part = (name: keyof typeof PARTS) => blocks.filter((b) => PARTS[name].test(b.name));
  const placed = Object.keys(PARTS).flatMap((name) => part(name as keyof typeof PARTS));
  const lost = blocks.find((b) => !placed.includes(b));
  if (lost) throw new Error(`the diagram has no place for ${lost.name}`);
  const { encoder, local, scores, weights, global } = Object.fromEntries(Object.keys(PARTS).map((name) => [name, part(name as keyof typeof PARTS)])) as Record<
    keyof typeof PARTS,
    NetworkBlock[]
  >;

  const longest = Math.max(local.length + scores.length, weights.length, global.length);
  const encoderY = MARGIN + 80;
  const branchY = encoderY + BLOCK_HEIGHT + 62;
  const endY = branchY + longest * STEP;
  const title = `LGGAN, ngf ${ngf}, ${imageSize.join('×')}: ${countText(generator.parameters.count)} parameters`;
  const sheet = new Sheet(title, COLUMN, endY + 40 + 46 + 40 + MARGIN);
  sheet.text(MARGIN, MARGIN + 16, title, { size: 16, bold: true });
  const key = ['Each block: name, trained numbers; what it is, the shape of what it gives (height×width×channels).'];
  if (global.length) key.push(`Every SPADE block also reads the label map at its own size${style ? ', and the style' : ''}.`);
  key.forEach((line, i) => sheet.text(MARGIN, MARGIN + 38 + 17 * i, line, { size: 12, fill: '#555555' }));

  const image = shapeText([...imageSize, 3]);
  const plate = { x: MARGIN, width: 104 };
  drawPlate(sheet, plate.x, encoderY - 3, plate.width, ['label map', shapeText([...imageSize, classes])]);
  const gap = 12;
  const first = plate.x + plate.width + gap;
  const width = (COLUMN - MARGIN - first - gap * (encoder.length - 1)) / encoder.length;
  encoder.forEach((block, i) => {
    const x = first + i * (width + gap);
    drawEncoderBlock(sheet, x, encoderY - 8, width, block);
    drawArrow(sheet, [
      [x - gap, encoderY + 20],
      [x, encoderY + 20],
    ]);
  });
  const below = (i: number) => [first + i * (width + gap) + width / 2, encoderY + BLOCK_HEIGHT + 8] as [number, number];

  const columns = [
    { heading: 'local branch', blocks: local, from: 2, result: ['local image', image] },
    { heading: 'weight maps', blocks: weights, from: 2, result: ['2 weight maps', shapeText([...imageSize, 2])] },
    { heading: 'global branch', blocks: global, from: 4, result: ['global image', image] },
  ].filter((c) => c.blocks.length > 0);
  const columnGap = 30;
  const columnWidth = (COLUMN - 2 * MARGIN - 2 * columnGap) / 3;
  columns.forEach(({ heading, blocks: own, from, result }, c) => {
    const x = MARGIN + c * (columnWidth + columnGap);
    const middle = x + columnWidth / 2;
    const [startX, startY] = below(from);
    // Branches of one source leave it on one level, those of the deepest features on another.
    const level = startY + (from === 2 ? 14 : 22);
    drawArrow(sheet, [
      [startX, startY],
      [startX, level],
      [middle, level],
      [middle, branchY],
    ]);
    sheet.text(x, branchY - 8, heading, { size: 12, bold: true });
    if (own[0].input[0] < encoder[from].output[0])
      drawRemark(sheet, middle + 8, branchY - 8, generator.behaviour.encoderResize === 'original' ? '2×2 means' : 'every 2nd pixel');
    own.forEach((block, i) => {
      const y = branchY + i * STEP;
      drawBlock(sheet, x, y, columnWidth, block);
      if (i + 1 < own.length) {
        drawArrow(sheet, [
          [middle, y + BLOCK_HEIGHT + (block.repeat > 1 ? 4 : 0)],
          [middle, y + STEP],
        ]);
        const remark = between(block, own[i + 1]);
        if (remark) drawRemark(sheet, middle + 8, y + BLOCK_HEIGHT + 15, remark);
      }
    });
    const bottom = branchY + (own.length - 1) * STEP + BLOCK_HEIGHT;
    drawArrow(sheet, [
      [middle, bottom],
      [middle, endY],
    ]);
    drawRemark(sheet, middle + 8, bottom + 15, c === 1 ? 'softmax' : 'tanh');
    drawPlate(sheet, middle - 70, endY, 140, result);
    if (columns.length > 1)
      drawArrow(sheet, [
        [middle, endY + 46],
        [middle, endY + 86],
      ]);
  });
  if (scores.length && local.length) drawScores(sheet, scores[0], local, branchY, columnWidth, columnGap);
  if (columns.length > 1)
    drawPlate(sheet, MARGIN, endY + 86, COLUMN - 2 * MARGIN, [`final image ${image} = local weight · local image + global weight · global image`], 30);
  return sheet;
}

/** An encoder's block is narrow: three lines. */
function drawEncoderBlock(sheet: Sheet, x: number, y: number, width: number, block: NetworkBlock): void {
  sheet.rect({ x, y, width, height: BLOCK_HEIGHT + 16 }, { fill: '#d6e9f5', stroke: '#222222' });
  sheet.text(x + 6, y + 16, block.name, { size: 11.5, bold: true });
  sheet.text(x + width - 6, y + 16, countText(block.count), { size: 11, anchor: 'end' });
  sheet.text(x + 6, y + 32, block.what, { size: 11 });
  sheet.text(x + 6, y + 48, shapeText(block.output), { size: 11 });
}

/** What lies between two blocks: a doubling of the size, or several images that become the channels of one. */
function between(block: NetworkBlock, next: NetworkBlock): string | undefined {
  if (next.input[0] === 2 * block.output[0]) return 'nearest ×2';
  if (block.kind === 'per class') return `${next.input[2]} channels`;
  return undefined;
}

/** The class score hangs on the features that the classes are painted from; its block stands between the arrows of two columns. */
function drawScores(sheet: Sheet, block: NetworkBlock, local: readonly NetworkBlock[], branchY: number, columnWidth: number, gap: number): void {
  const before = local.findIndex((b) => b.kind === 'per class') - 1;
  const middle = MARGIN + columnWidth / 2;
  const x = middle + 24;
  const width = columnWidth + gap - 48;
  const y = branchY + local.length * STEP + 8;
  const from = branchY + before * STEP + BLOCK_HEIGHT + GAP / 2;
  const corner = MARGIN + columnWidth + gap / 2;
  drawBlock(sheet, x, y, width, block);
  drawArrow(sheet, [
    [middle, from],
    [corner, from],
    [corner, y],
  ]);
  drawRemark(sheet, x, y + BLOCK_HEIGHT + 15, `mean of each class: which of the ${block.output[1]} is it?`);
}
