/** Shapes as runs of pixels: `span(y, from, to)` is called for columns `from` to `to`, both included, within the picture. */

export interface Size {
  height: number;
  width: number;
}

export interface Point {
  x: number;
  y: number;
}

export type Span = (y: number, from: number, to: number) => void;

/** A line as thick as a brush with round ends; a dot where both points are one. Pixels whose centre is within `radius` of it. */
export function capsule(a: Point, b: Point, radius: number, { height, width }: Size, span: Span): void {
  const r = Math.max(0.5, radius);
  const top = Math.max(0, Math.floor(Math.min(a.y, b.y) - r));
  const bottom = Math.min(height - 1, Math.ceil(Math.max(a.y, b.y) + r));
  for (let y = top; y <= bottom; y++) {
    // The union of two discs and the band between them is convex: a row meets it in one run.
    let [from, to] = [Infinity, -Infinity];
    const take = (x0: number, x1: number) => {
      from = Math.min(from, x0);
      to = Math.max(to, x1);
    };
    const cy = y + 0.5;
    for (const p of [a, b]) {
      const rest = r * r - (cy - p.y) ** 2;
      if (rest >= 0) take(p.x - Math.sqrt(rest), p.x + Math.sqrt(rest));
    }
    band(a, b, r, cy, take);
    if (from <= to) clipped(y, Math.ceil(from - 0.5), Math.floor(to - 0.5), width, span);
  }
}

/** Where a row meets the rectangle between two discs. */
function band(a: Point, b: Point, r: number, cy: number, take: (x0: number, x1: number) => void): void {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const length = Math.hypot(dx, dy);
  if (length === 0) return;
  const [nx, ny] = [(-dy / length) * r, (dx / length) * r];
  const corners = [
    { x: a.x + nx, y: a.y + ny },
    { x: b.x + nx, y: b.y + ny },
    { x: b.x - nx, y: b.y - ny },
    { x: a.x - nx, y: a.y - ny },
  ];
  const hits = crossings(corners, cy);
  if (hits.length) take(Math.min(...hits), Math.max(...hits));
}

/** Columns at which the outline of a polygon crosses a row. */
function crossings(points: readonly Point[], y: number): number[] {
  const hits: number[] = [];
  points.forEach((p, i) => {
    const q = points[(i + 1) % points.length];
    if (p.y <= y !== q.y <= y) hits.push(p.x + ((y - p.y) / (q.y - p.y)) * (q.x - p.x));
  });
  return hits;
}

/** A filled polygon (even and odd). Pixels whose centre is inside. */
export function polygon(points: readonly Point[], { height, width }: Size, span: Span): void {
  for (let y = 0; y < height; y++) {
    const hits = crossings(points, y + 0.5).sort((p, q) => p - q);
    for (let i = 0; i + 1 < hits.length; i += 2) clipped(y, Math.ceil(hits[i] - 0.5), Math.ceil(hits[i + 1] - 0.5) - 1, width, span);
  }
}

/** A filled rectangle between two corners, the pixels under both included. */
export function rectangle(a: Point, b: Point, { height, width }: Size, span: Span): void {
  const pixel = (v: number) => Math.floor(v);
  const bottom = Math.min(height - 1, Math.max(pixel(a.y), pixel(b.y)));
  for (let y = Math.max(0, Math.min(pixel(a.y), pixel(b.y))); y <= bottom; y++) {
    clipped(y, Math.min(pixel(a.x), pixel(b.x)), Math.max(pixel(a.x), pixel(b.x)), width, span);
  }
}

/** The pixels of the same value that hang together with the one at (x, y) by their sides. */
export function flood(values: Uint8Array, { height, width }: Size, x: number, y: number, span: Span): void {
  const value = values[y * width + x];
  const seen = new Uint8Array(values.length);
  const open: [number, number][] = [[x, y]];
  const free = (i: number) => values[i] === value && !seen[i];
  for (let seed = open.pop(); seed; seed = open.pop()) {
    const [column, row] = seed;
    const begin = row * width;
    if (!free(begin + column)) continue;
    let [from, to] = [column, column];
    while (from > 0 && free(begin + from - 1)) from--;
    while (to < width - 1 && free(begin + to + 1)) to++;
    seen.fill(1, begin + from, begin + to + 1);
    span(row, from, to);
    for (const next of [row - 1, row + 1]) {
      if (next < 0 || next >= height) continue;
      for (let c = from; c <= to; c++) {
        const i = next * width + c;
        // One seed for each run.
        if (free(i) && (c === from || !free(i - 1))) open.push([c, next]);
      }
    }
  }
}

function clipped(y: number, from: number, to: number, width: number, span: Span): void {
  const [first, last] = [Math.max(0, from), Math.min(width - 1, to)];
  if (first <= last) span(y, first, last);
}
