import { CLASSES } from '../classes';
import { IGNORE, type LabelMap, type RgbImage } from '../data/types';
import type * as tf from '../engine/tf';
import { SIDE, TAPS, fillTaps, kernelsOf, labelsAt } from '../inspection/kernels';
import { inkOn, viridis } from './colours';
import { resizeNearest } from './images';
import { IGNORE_COLOUR, type ClassStyles, classLegend, colourLabels } from './labels';
import { drawColourBar, drawLegend, legendHeight } from './legend';
import { Sheet } from './sheet';
import { fitText, wrapText } from './text';
import type { Box } from '../data/picture';

/** A pixel of the attention's own grid. */
export interface KernelPoint {
  x: number;
  y: number;
}

/** The 25 weights that SAU gives the window around one pixel. */
export interface Kernel extends KernelPoint {
  /** Weights, row by row from the top left; they sum to 1. */
  weights: number[];
  /** Class of each tap: its index, IGNORE, or undefined where the tap lies outside the image. */
  classes: (number | undefined)[];
  /** Share of the weight on taps of the centre's class. */
  sameClass: number;
}

/** Reads the kernels of some pixels from an attention [B, H, W, 25]; label maps of other sizes are fitted to H x W. */
export async function readKernels(attention: tf.Tensor4D, labels: LabelMap, points: readonly KernelPoint[], index = 0): Promise<Kernel[]> {
  const kernels = await kernelsOf(attention, index);
  const { height, width } = kernels;
  const { data } = labelsAt(labels, kernels);
  const taps = new Int32Array(TAPS);
  return points.map(({ x, y }) => {
    if (!(x >= 0 && x < width && y >= 0 && y < height)) throw new RangeError(`point (${x}, ${y}) lies outside ${width}x${height}`);
    const pixel = y * width + x;
    fillTaps(taps, pixel, height, width);
    const weights = Array.from(kernels.weights.subarray(pixel * TAPS, (pixel + 1) * TAPS));
    const classes = Array.from(taps, (tap) => (tap < 0 ? undefined : data[tap]));
    const centre = data[pixel];
    const sameClass = weights.reduce((sum, w, k) => sum + (classes[k] === centre ? w : 0), 0);
    return { x, y, weights, classes, sameClass };
  });
}

/**
 * Pixels worth looking at: the middles of the longest borders between two classes, and places deep inside the largest
 * classes, in turn. The same map gives the same points. `height` x `width` is the grid they lie on.
 */
export function choosePoints(labels: LabelMap, height: number, width: number, count = 6): KernelPoint[] {
  const { data } = labelsAt(labels, { height, width });
  const borders = new Map<string, KernelPoint[]>();
  const areas = new Map<number, KernelPoint[]>();
  for (let y = 2; y < height - 2; y++) {
    for (let x = 2; x < width - 2; x++) {
      const c = data[y * width + x];
      const others = [data[(y + 1) * width + x], data[y * width + x + 1]].filter((o) => o !== c);
      const key = others.length ? [c, others[0]].sort((a, b) => a - b).join() : undefined;
      if (key) push(borders, key, { x, y });
      else push(areas, c, { x, y });
    }
  }
  const bySize = <T>(map: Map<T, KernelPoint[]>) => [...map.values()].sort((a, b) => b.length - a.length);
  const atBorder = bySize(borders).map((points) => [...points].sort((a, b) => a.x - b.x)[Math.floor(points.length / 2)]);
  const inside = bySize(areas).map((points) => deepest(points, data, height, width));
  const chosen: KernelPoint[] = [];
  for (let i = 0; chosen.length < count && (i < atBorder.length || i < inside.length); i++) {
    if (i < atBorder.length) chosen.push(atBorder[i]);
    if (i < inside.length && chosen.length < count) chosen.push(inside[i]);
  }
  return chosen;
}

function push<K>(map: Map<K, KernelPoint[]>, key: K, point: KernelPoint): void {
  const list = map.get(key);
  if (list) list.push(point);
  else map.set(key, [point]);
}

/** Of up to 200 of the points, the one farthest from any other class (in the larger of both coordinates' distances). */
function deepest(points: KernelPoint[], data: Uint8Array, height: number, width: number): KernelPoint {
  const step = Math.max(1, Math.floor(points.length / 200));
  let best = points[0];
  let depth = -1;
  for (let i = 0; i < points.length; i += step) {
    const { x, y } = points[i];
    const c = data[y * width + x];
    const fits = (r: number) => {
      if (x - r < 0 || y - r < 0 || x + r >= width || y + r >= height) return false;
      for (let d = -r; d <= r; d++) {
        if (data[(y - r) * width + x + d] !== c || data[(y + r) * width + x + d] !== c) return false;
        if (data[(y + d) * width + x - r] !== c || data[(y + d) * width + x + r] !== c) return false;
      }
      return true;
    };
    let r = 0;
    while (fits(r + 1)) r++;
    if (r > depth) [best, depth] = [points[i], r];
  }
  return best;
}

export interface SauKernelOptions {
  title?: string;
  /** Pixels of the attention's grid; by default borders and inner places in turn. */
  points?: readonly KernelPoint[];
  /** The picture that the points are marked on; by default the label map in its colours. */
  background?: RgbImage;
  /** Kernels side by side. Default 2, from five points on 3. */
  columns?: number;
  /** Which image of the batch. */
  index?: number;
  classes?: ClassStyles;
}

const MARGIN = 12;
const TAP = 40;
const GAP = 24;
const KERNEL = SIDE * TAP;
const HEAD = 38;

/**
 * SAU's kernels at some points: the picture with the points and their windows marked, beside it each point's 5x5
 * weights in per cent with the class of every tap in its corner. A uniform window would hold 4 % everywhere. The
 * attention is not disposed.
 *
 * @param attention weights of one upsampling, [B, H, W, 25], tap ky * 5 + kx over the window of the nearest-upsampled map
 */
export async function sauKernels(attention: tf.Tensor4D, labels: LabelMap, options: SauKernelOptions = {}): Promise<Sheet> {
  const { title = 'Kernels of semantic-aware upsampling', index = 0, classes = CLASSES } = options;
  const [, height, width] = attention.shape;
  const points = options.points ?? choosePoints(labels, height, width);
  const kernels = await readKernels(attention, labels, points, index);
  const map = labelsAt(labels, { height, width });
  const background = resizeNearest(options.background ?? colourLabels(map, classes), width, height);

  const factor = Math.max(1, Math.floor(460 / width));
  const picture = { x: MARGIN, y: MARGIN + 30, width: width * factor, height: height * factor };
  const columns = options.columns ?? (kernels.length > 4 ? 3 : 2);
  const lines = Math.ceil(kernels.length / columns);
  const left = picture.x + picture.width + GAP;
  const sheetWidth = left + columns * KERNEL + (columns - 1) * GAP + MARGIN;
  const legend = classLegend([map], classes);
  const note =
    `Each square is one of the 25 pixels around a point, in per cent of the sum; its corner has the colour of the pixel's class. ` +
    `A uniform window would have 4 everywhere. Grid of ${width}x${height} pixels.`;
  const keyWidth = picture.width;
  const noteLines = wrapText(note, keyWidth, 12);
  const keyHeight = legendHeight(legend, keyWidth) + 26 + noteLines.length * 16 + 8;
  const sheetHeight = Math.max(picture.y + picture.height + 10 + keyHeight, picture.y + lines * (HEAD + KERNEL + 14)) + MARGIN;

  const sheet = new Sheet(title, sheetWidth, sheetHeight);
  sheet.text(MARGIN, MARGIN + 16, fitText(title, sheetWidth - 2 * MARGIN, 16, true), { size: 16, bold: true });
  sheet.picture(background, picture, true);
  // A uniform window, 4 % everywhere, is in the middle of the scale at most.
  const brightest = Math.max(0.08, ...kernels.flatMap((k) => k.weights));
  kernels.forEach((kernel, i) => {
    markPoint(sheet, picture, factor, kernel, i + 1);
    const box = {
      x: left + (i % columns) * (KERNEL + GAP),
      y: picture.y + Math.floor(i / columns) * (HEAD + KERNEL + 14),
    };
    drawKernel(sheet, box.x, box.y, kernel, i + 1, brightest, classes);
  });
  let y = picture.y + picture.height + 10;
  y += drawLegend(sheet, MARGIN, y, legend, keyWidth);
  drawColourBar(sheet, MARGIN, y, { min: 0, max: 100 * brightest, label: 'weight (%)' });
  noteLines.forEach((line, i) => sheet.text(MARGIN, y + 26 + 14 + i * 16, line, { size: 12, fill: '#555555' }));
  return sheet;
}

/** The 5x5 window of a point as a frame on the picture, with the point's number beside it. */
function markPoint(sheet: Sheet, picture: Box, factor: number, { x, y }: KernelPoint, number: number): void {
  const clip = (start: number, low: number, size: number) => [Math.max(low, start), Math.min(low + size, start + SIDE * factor)];
  const [left, rightEdge] = clip(picture.x + (x - 2) * factor, picture.x, picture.width);
  const [top, bottom] = clip(picture.y + (y - 2) * factor, picture.y, picture.height);
  const window = { x: left, y: top, width: rightEdge - left, height: bottom - top };
  sheet.rect(window, { stroke: '#000000', strokeWidth: 3 }).rect(window, { stroke: '#ffffff', strokeWidth: 1.5 });
  // Beside the window, on the side where there is room.
  const right = window.x + window.width + 16 < picture.x + picture.width;
  const at = { x: right ? window.x + window.width + 4 : window.x - 4, y: window.y + window.height / 2 + 5 };
  sheet.text(at.x, at.y, String(number), {
    size: 14,
    bold: true,
    anchor: right ? 'start' : 'end',
    halo: '#ffffff',
    fill: '#000000',
  });
}

function drawKernel(sheet: Sheet, x: number, y: number, kernel: Kernel, number: number, brightest: number, classes: ClassStyles): void {
  const nameOf = (c: number | undefined) => (c === undefined ? 'outside' : c === IGNORE ? 'not labelled' : (classes[c]?.name ?? String(c)));
  const centre = kernel.classes[(TAPS - 1) / 2];
  sheet.text(x, y + 12, fitText(`${number}  ${nameOf(centre)} at (${kernel.x}, ${kernel.y})`, KERNEL, 13, true), {
    size: 13,
    bold: true,
  });
  const inClass = kernel.classes.filter((c) => c === centre).length;
  const line = `own class: ${(100 * kernel.sameClass).toFixed(0)} % (${inClass} of 25 pixels)`;
  sheet.text(x, y + 29, fitText(line, KERNEL + GAP - 4, 12), { size: 12, fill: '#444444' });
  kernel.weights.forEach((weight, k) => {
    const box = { x: x + (k % SIDE) * TAP, y: y + HEAD + Math.floor(k / SIDE) * TAP, width: TAP, height: TAP };
    const colour = viridis(weight / brightest);
    sheet.rect(box, { fill: `rgb(${colour.join()})`, stroke: '#ffffff' });
    const c = kernel.classes[k];
    const corner = { x: box.x + 3, y: box.y + 3, width: 9, height: 9 };
    if (c === undefined) sheet.line(corner.x, corner.y, corner.x + 9, corner.y + 9, { stroke: inkOn(colour), strokeWidth: 1.5 });
    else
      sheet.rect(corner, {
        fill: c === IGNORE ? IGNORE_COLOUR : (classes[c]?.colour ?? '#000000'),
        stroke: inkOn(colour),
        strokeWidth: 0.8,
      });
    const text = (100 * weight).toFixed(weight < 0.0995 ? 1 : 0);
    sheet.text(box.x + TAP / 2, box.y + TAP / 2 + 8, text, { size: 13, anchor: 'middle', fill: inkOn(colour) });
  });
  const middle = { x: x + 2 * TAP, y: y + HEAD + 2 * TAP, width: TAP, height: TAP };
  sheet.rect(middle, { stroke: '#000000', strokeWidth: 3 }).rect(middle, { stroke: '#ffffff', strokeWidth: 1.2 });
}
