/** Twelve sketches to start from. Places are shares of width and height, painted from back to front. */
import { classOf } from './palette';
import { polygon, type Point, type Size } from './raster';

interface Layer {
  class: string;
  outline: Point[];
}

export interface Starter {
  title: string;
  layers: readonly Layer[];
}

const points = (flat: readonly number[]): Point[] => Array.from({ length: flat.length / 2 }, (_, i) => ({ x: flat[2 * i], y: flat[2 * i + 1] }));

/** A shape with corners: x, y, x, y, ... */
const shape = (name: string, ...flat: number[]): Layer => ({ class: name, outline: points(flat) });

/** A shape whose outline goes smoothly through its points. */
const smooth = (name: string, ...flat: number[]): Layer => ({ class: name, outline: rounded(points(flat)) });

/** Everything below a smooth line through these heights, evenly spaced from left to right. */
function hills(name: string, ...heights: number[]): Layer {
  const line = heights.map((y, i) => ({ x: i / (heights.length - 1), y }));
  return { class: name, outline: [...rounded(line, false), { x: 1, y: 1 }, { x: 0, y: 1 }] };
}

/** Everything below a line with corners: x, y, x, y, ... from the left border to the right one. */
const peaks = (name: string, ...flat: number[]): Layer => ({ class: name, outline: [...points(flat), { x: 1, y: 1 }, { x: 0, y: 1 }] });

const all = (name: string): Layer => shape(name, 0, 0, 1, 0, 1, 1, 0, 1);

/** A crown of leaves, lobed. */
function crown(name: string, x: number, y: number, rx: number, ry: number): Layer {
  const outline = Array.from({ length: 48 }, (_, i) => {
    const angle = (i / 48) * 2 * Math.PI;
    const lobe = 1 + 0.1 * Math.sin(7 * angle + 40 * x);
    return { x: x + rx * lobe * Math.cos(angle), y: y + ry * lobe * Math.sin(angle) };
  });
  return { class: name, outline };
}

/** A fir. */
const fir = (x: number, y: number, w: number, h: number): Layer =>
  shape(
    'tree',
    x,
    y - h,
    x + 0.3 * w,
    y - 0.6 * h,
    x + 0.18 * w,
    y - 0.6 * h,
    x + 0.42 * w,
    y - 0.3 * h,
    x + 0.26 * w,
    y - 0.3 * h,
    x + 0.5 * w,
    y,
    x - 0.5 * w,
    y,
    x - 0.26 * w,
    y - 0.3 * h,
    x - 0.42 * w,
    y - 0.3 * h,
    x - 0.18 * w,
    y - 0.6 * h,
    x - 0.3 * w,
    y - 0.6 * h,
  );

export const STARTERS: readonly Starter[] = [
  {
    title: 'Mountain lake',
    layers: [
      all('sky'),
      peaks('mountain', 0, 0.42, 0.12, 0.3, 0.22, 0.36, 0.38, 0.14, 0.47, 0.25, 0.56, 0.2, 0.72, 0.4, 0.86, 0.27, 1, 0.38),
      hills('tree', 0.5, 0.47, 0.52, 0.54, 0.52, 0.48, 0.5),
      hills('lake', 0.6, 0.6, 0.6, 0.6, 0.6),
      smooth('grass', 0, 0.78, 0.2, 0.8, 0.42, 0.9, 0.62, 0.96, 0.8, 1.1, 0, 1.1),
    ],
  },
  {
    title: 'Beach',
    layers: [
      all('sky'),
      hills('sea', 0.46, 0.46, 0.46),
      smooth('sand', -0.1, 0.98, 0.15, 0.8, 0.4, 0.7, 0.7, 0.64, 1.1, 0.6, 1.1, 1.1, -0.1, 1.1),
      shape('mountain', 0, 0.46, 0, 0.38, 0.08, 0.35, 0.2, 0.41, 0.27, 0.46),
      crown('plant', 0.93, 0.62, 0.12, 0.1),
    ],
  },
  {
    title: 'Sunset hills',
    layers: [
      all('sky'),
      hills('mountain', 0.44, 0.36, 0.43, 0.39, 0.46),
      hills('hill', 0.56, 0.6, 0.5, 0.55, 0.62),
      hills('field', 0.76, 0.68, 0.66, 0.72, 0.7),
      hills('grass', 0.86, 0.9, 0.84, 0.8, 0.88),
      crown('tree', 0.2, 0.72, 0.07, 0.12),
      shape('tree', 0.192, 0.82, 0.208, 0.82, 0.212, 0.9, 0.188, 0.9),
    ],
  },
  {
    title: 'River valley',
    layers: [
      all('sky'),
      peaks('mountain', 0, 0.2, 0.1, 0.14, 0.3, 0.42, 0.42, 0.5, 0.55, 0.46, 0.72, 0.26, 0.88, 0.1, 1, 0.18),
      hills('tree', 0.46, 0.52, 0.56, 0.54, 0.44),
      hills('grass', 0.62, 0.62, 0.6, 0.62, 0.6),
      smooth('river', 0.47, 0.6, 0.54, 0.6, 0.5, 0.66, 0.58, 0.74, 0.5, 0.84, 0.72, 1.1, 0.2, 1.1, 0.36, 0.84, 0.46, 0.74, 0.42, 0.66),
    ],
  },
  {
    title: 'Waterfall',
    layers: [
      all('sky'),
      hills('tree', 0.2, 0.16, 0.2, 0.24, 0.18, 0.14, 0.2),
      shape('rock', 0, 0.36, 0.25, 0.3, 0.4, 0.34, 0.6, 0.33, 0.78, 0.28, 1, 0.34, 1, 1, 0, 1),
      smooth('waterfall', 0.42, 0.32, 0.58, 0.32, 0.6, 0.5, 0.63, 0.74, 0.37, 0.74, 0.41, 0.5),
      smooth('water', 0.1, 0.78, 0.35, 0.7, 0.65, 0.7, 0.9, 0.8, 0.85, 1.1, 0.1, 1.1),
      crown('plant', 0.08, 0.66, 0.12, 0.14),
      crown('plant', 0.94, 0.62, 0.1, 0.14),
    ],
  },
  {
    title: 'Forest path',
    layers: [
      all('tree'),
      smooth('sky', 0.34, -0.1, 0.68, -0.1, 0.62, 0.2, 0.55, 0.36, 0.49, 0.42, 0.42, 0.32, 0.37, 0.16),
      hills('grass', 0.72, 0.6, 0.52, 0.6, 0.7),
      smooth('path', 0.49, 0.5, 0.53, 0.5, 0.52, 0.6, 0.58, 0.75, 0.78, 1.1, 0.3, 1.1, 0.45, 0.75, 0.47, 0.6),
      crown('plant', 0.12, 0.78, 0.12, 0.1),
      crown('plant', 0.88, 0.74, 0.1, 0.09),
    ],
  },
  {
    title: 'Island',
    layers: [
      all('sky'),
      hills('sea', 0.5, 0.5, 0.5),
      smooth('rock', 0.3, 0.6, 0.36, 0.5, 0.45, 0.44, 0.56, 0.46, 0.64, 0.52, 0.72, 0.6, 0.5, 0.63),
      smooth('tree', 0.38, 0.5, 0.42, 0.36, 0.5, 0.3, 0.57, 0.36, 0.6, 0.48, 0.5, 0.5),
      shape('boat', 0.77, 0.72, 0.9, 0.72, 0.87, 0.77, 0.8, 0.77),
      shape('boat', 0.83, 0.58, 0.88, 0.71, 0.825, 0.71),
    ],
  },
  {
    title: 'Desert',
    layers: [
      all('sky'),
      peaks('mountain', 0, 0.45, 0.15, 0.38, 0.22, 0.4, 0.3, 0.36, 0.42, 0.46, 0.8, 0.48, 0.9, 0.42, 1, 0.44),
      hills('sand', 0.54, 0.5, 0.56, 0.52, 0.48, 0.54),
      hills('earth', 0.74, 0.8, 0.7, 0.82, 0.78),
      shape('rock', 0.68, 0.56, 0.71, 0.42, 0.8, 0.38, 0.84, 0.44, 0.87, 0.58),
    ],
  },
  {
    title: 'Village',
    layers: [
      all('sky'),
      hills('hill', 0.42, 0.36, 0.3, 0.36, 0.44),
      hills('tree', 0.5, 0.46, 0.5, 0.48, 0.46),
      hills('grass', 0.58, 0.6, 0.58, 0.6),
      shape('house', 0.16, 0.6, 0.16, 0.48, 0.23, 0.4, 0.3, 0.48, 0.3, 0.6),
      shape('house', 0.38, 0.58, 0.38, 0.49, 0.44, 0.43, 0.5, 0.49, 0.5, 0.58),
      shape('building', 0.62, 0.62, 0.62, 0.44, 0.645, 0.3, 0.67, 0.44, 0.67, 0.5, 0.8, 0.5, 0.8, 0.62),
      smooth('road', 0.54, 0.6, 0.58, 0.6, 0.56, 0.7, 0.64, 1.1, 0.3, 1.1, 0.48, 0.72),
      shape('fence', 0.72, 0.76, 1, 0.72, 1, 0.78, 0.72, 0.82),
    ],
  },
  {
    title: 'Pier',
    layers: [
      all('sky'),
      hills('hill', 0.44, 0.4, 0.43, 0.45, 0.41),
      hills('lake', 0.48, 0.48, 0.48),
      shape('pier', 0.46, 0.56, 0.54, 0.56, 0.68, 1, 0.32, 1),
      shape('boat', 0.74, 0.66, 0.92, 0.66, 0.88, 0.72, 0.78, 0.72),
      crown('plant', 0.04, 0.9, 0.14, 0.16),
    ],
  },
  {
    title: 'Winter firs',
    layers: [
      all('sky'),
      peaks('mountain', 0, 0.36, 0.2, 0.2, 0.34, 0.32, 0.5, 0.16, 0.62, 0.26, 0.8, 0.14, 1, 0.34),
      hills('land', 0.56, 0.5, 0.54, 0.52, 0.58),
      fir(0.12, 0.86, 0.2, 0.62),
      fir(0.28, 0.76, 0.14, 0.44),
      fir(0.72, 0.74, 0.13, 0.4),
      fir(0.88, 0.84, 0.2, 0.6),
      fir(0.42, 0.66, 0.09, 0.26),
      smooth('path', 0.52, 0.56, 0.55, 0.56, 0.54, 0.7, 0.66, 1.1, 0.42, 1.1, 0.5, 0.72),
    ],
  },
  {
    title: 'Bridge',
    layers: [
      all('sky'),
      hills('mountain', 0.34, 0.28, 0.36, 0.3, 0.24, 0.34),
      hills('tree', 0.42, 0.44, 0.5, 0.5, 0.44, 0.4),
      smooth('river', 0.3, 0.62, 0.5, 0.54, 0.7, 0.62, 0.84, 1.1, 0.16, 1.1),
      smooth('grass', -0.1, 0.56, 0.2, 0.58, 0.32, 0.66, 0.24, 0.84, 0.16, 1.1, -0.1, 1.1),
      smooth('rock', 1.1, 0.54, 0.82, 0.58, 0.7, 0.66, 0.76, 0.84, 0.84, 1.1, 1.1, 1.1),
      shape(
        'bridge',
        0.1,
        0.5,
        0.3,
        0.44,
        0.5,
        0.42,
        0.7,
        0.44,
        0.9,
        0.5,
        0.9,
        0.58,
        0.76,
        0.62,
        0.7,
        0.54,
        0.6,
        0.49,
        0.5,
        0.48,
        0.4,
        0.49,
        0.3,
        0.54,
        0.24,
        0.62,
        0.1,
        0.58,
      ),
    ],
  },
];

/** A starter at a size: a class a pixel. */
export function drawn({ layers }: Starter, size: Size): Uint8Array {
  const labels = new Uint8Array(size.height * size.width);
  for (const { class: name, outline } of layers) {
    const c = classOf(name);
    const placed = outline.map(({ x, y }) => ({ x: x * size.width, y: y * size.height }));
    polygon(placed, size, (y, from, to) => labels.fill(c, y * size.width + from, y * size.width + to + 1));
  }
  return labels;
}

/** A curve through points (Catmull and Rom), closed or from the first to the last. */
function rounded(through: readonly Point[], closed = true): Point[] {
  const n = through.length;
  const at = (i: number) => through[closed ? (i + n) % n : Math.min(n - 1, Math.max(0, i))];
  const curve: Point[] = [];
  for (let i = 0; i < (closed ? n : n - 1); i++) {
    const [p0, p1, p2, p3] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let k = 0; k < 12; k++) {
      const t = k / 12;
      const blend = (a: number, b: number, c: number, d: number) =>
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t);
      curve.push({ x: blend(p0.x, p1.x, p2.x, p3.x), y: blend(p0.y, p1.y, p2.y, p3.y) });
    }
  }
  return closed ? curve : [...curve, through[n - 1]];
}
