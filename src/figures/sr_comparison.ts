import type { RgbImage } from '../data/types';
import { psnr } from '../metrics/image_quality';
import { type Cell, type GridSheet, imageGrid } from './grid';
import { crop } from '../data/picture';
import type { Box } from '../data/picture';

/** A photo in low and high resolution, and what methods made of the low one. */
export interface SrExample {
  name?: string;
  low: RgbImage;
  high: RgbImage;
  /** By name (`bicubic`, `RCAN`), images of the size of `high`. */
  results: Readonly<Record<string, RgbImage>>;
  /** The part that is shown enlarged, in pixels of `high`; by default the one with the most detail. */
  crop?: Box;
}

export interface SrComparisonOptions {
  title?: string;
  /** Side of the default crop as a share of the photo's. */
  zoom?: number;
  maxWidth?: number;
}

/**
 * The box with the strongest differences between neighbouring pixels, on a grid of half a box; aligned to `multiple`
 * pixels.
 */
export function mostDetailed(image: RgbImage, share = 0.25, multiple = 2): Box {
  const align = (n: number) => Math.max(multiple, Math.floor(n / multiple) * multiple);
  const [width, height] = [align(image.width * share), align(image.height * share)];
  const stride = image.width * 3;
  let best: Box = { x: 0, y: 0, width, height };
  let most = -1;
  for (let y = 0; y + height <= image.height; y += align(height / 2)) {
    for (let x = 0; x + width <= image.width; x += align(width / 2)) {
      let sum = 0;
      for (let row = y; row < y + height - 1; row++) {
        // Green alone: it carries most of the luminance.
        for (let i = row * stride + 3 * x + 1, end = i + 3 * (width - 1); i < end; i += 3) {
          sum += Math.abs(image.data[i + 3] - image.data[i]) + Math.abs(image.data[i + stride] - image.data[i]);
        }
      }
      if (sum > most) [best, most] = [{ x, y, width, height }, sum];
    }
  }
  return best;
}

/**
 * Super-resolution compared: each photo with a frame round the part that follows enlarged, as it is in low resolution,
 * as each method made it (with its PSNR on the whole photo, RGB), and as it is in high resolution.
 */
export function srComparison(examples: readonly SrExample[], options: SrComparisonOptions = {}): GridSheet {
  const { title = 'Super-resolution x2', zoom = 0.25, maxWidth = 1200 } = options;
  const methods = [...new Set(examples.flatMap((e) => Object.keys(e.results)))];
  const columnTitles = ['photo', 'low resolution', ...methods, 'high resolution'];
  const cellWidth = Math.floor((maxWidth - 24 - 8 * (columnTitles.length - 1)) / columnTitles.length);
  const boxes: Box[] = [];
  const rows = examples.map((e): (Cell | undefined)[] => {
    const factor = e.high.width / e.low.width;
    // Small enough to be enlarged at least twice.
    const box = e.crop ?? mostDetailed(e.high, Math.min(zoom, cellWidth / 2 / e.high.width), factor);
    boxes.push(box);
    const small = {
      x: Math.floor(box.x / factor),
      y: Math.floor(box.y / factor),
      width: Math.ceil(box.width / factor),
      height: Math.ceil(box.height / factor),
    };
    const scale = box.width <= cellWidth ? Math.floor(cellWidth / box.width) : cellWidth / box.width;
    const results = methods.map((m) => e.results[m] && { image: crop(e.results[m], box), caption: decibels(psnr(e.results[m], e.high)), scale });
    return [{ image: e.high, caption: e.name }, { image: crop(e.low, small), scale: scale * factor }, ...results, { image: crop(e.high, box), scale }];
  });
  const note = 'Enlarged: the frame on the photo. PSNR of the whole photo against the high resolution, all three channels.';
  const sheet = imageGrid(rows, { title, columnTitles, note, maxWidth, cellWidth });
  boxes.forEach((box, r) => {
    const place = sheet.box(r, 0);
    const f = place.width / examples[r].high.width;
    const frame = { x: place.x + box.x * f, y: place.y + box.y * f, width: box.width * f, height: box.height * f };
    sheet.rect(frame, { stroke: '#000000', strokeWidth: 3 }).rect(frame, { stroke: '#ffffff', strokeWidth: 1.5 });
  });
  return sheet;
}

const decibels = (value: number) => (Number.isFinite(value) ? `${value.toFixed(2)} dB` : 'identical');
