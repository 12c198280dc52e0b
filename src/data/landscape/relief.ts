import { exp, smooth, unit } from './maths';
import { eroded, fractal, noise } from './noise';
import { hash, hashUnit } from '../../common/mulberry';

/** A chain of mountains or hills that rises between two depths. */
export interface Range {
  kind: 'mountain' | 'hill';
  /** Depth in metres where it begins, where it is full, and where it has ended (Infinity: a backdrop). */
  near: number;
  full: number;
  end: number;
  /** Height of its highest crests in metres, and the width of its largest forms. */
  height: number;
  size: number;
  /** A gap in it: direction (x / z), half width in x / z, and how deep (0 none .. 1 to the ground). */
  gap?: { at: number; width: number; depth: number };
  /** Only on one side: it fades in from direction `from` to direction `to` (x / z). */
  side?: { from: number; to: number };
  origin: [number, number];
}

/** Where water meets land; every kind gives the distance to the shore in metres, positive on land. */
export type Shore =
  | { kind: 'none' }
  /** Water from depth `near` to depth `far` (Infinity: the open sea). */
  | { kind: 'across'; near: number; far: number; slant: number; bays: number }
  /** A coast that runs away from the viewer: water on one side of the line x = offset + along * z. */
  | { kind: 'along'; offset: number; along: number; side: 1 | -1; bays: number }
  /** A river that winds away: half width, where it begins, how far it swings. */
  | { kind: 'river'; offset: number; along: number; half: number; swing: number; length: number };

export interface Relief {
  /** Land at the shore rises to `level` metres over `rise` metres from the water. */
  level: number;
  rise: number;
  /** Unevenness of the plain: height and width in metres. */
  rough: number;
  roughSize: number;
  /** Slope of the bed under water, and its greatest depth. */
  bed: number;
  depth: number;
  shore: Shore;
  ranges: Range[];
  /** A wall of rock at depth `at`, `height` metres high, its edge wandering by `swing` metres. */
  cliff?: {
    at: number;
    height: number;
    swing: number;
    from: number;
    to: number;
    fall?: { x: number; half: number; sway: number };
  };
  /** Boulders: cells of `size` metres, a share of them holding one, up to `reach` metres from the shore (or everywhere). */
  boulders?: { size: number; share: number; height: number; near: number; far: number; reach: number };
  origin: [number, number];
}

/** Distance to the shore in metres, positive on land; 1e6 where there is no water. */
export function shoreDistance(relief: Relief, x: number, z: number): number {
  const s = relief.shore;
  if (s.kind === 'none') return 1e6;
  const ox = relief.origin[0];
  const oz = relief.origin[1];
  if (s.kind === 'river') {
    const centre = s.offset + s.along * z + s.swing * (noise(z / s.length + ox, oz) * 2 - 1) * unit(z / s.length);
    const d = x - centre;
    const bank =
      z < 400
        ? fractal(x / 7 + ox, z / 7 + oz, 3) * (0.5 + s.half * 0.07) +
          fractal(x / 40 + oz, z / 40 + ox, 2) * s.half * 0.3
        : 0;
    return (
      bank + (d < 0 ? -d : d) - s.half * (0.75 + 0.5 * noise(z / (s.half * 6) + oz, ox)) + smooth(500, 1100, z) * 300
    );
  }
  const small = z < 500 ? fractal(x / 9 + ox, z / 9 + oz, 3) * 1.6 : 0;
  if (s.kind === 'along') {
    const bays = z < 30 ? 0 : coastline(relief, x, z) * smooth(30, 500, z);
    return s.side * (s.offset + s.along * z - x) + (small + bays) * s.bays;
  }
  const near =
    s.near + s.slant * x - z + (small + (z < 40 ? 0 : coastline(relief, x, z) * smooth(40, 400, z) * 0.4)) * s.bays;
  // The far shore matters only where one comes near it.
  if (z < s.far * 0.25) return near;
  const far = z - s.far - s.slant * x * 2 + (coastline(relief, x, z) * 1.5 + small) * s.bays;
  return near > far ? near : far;
}

/** Bays and headlands, metres. */
function coastline(relief: Relief, x: number, z: number): number {
  const ox = relief.origin[0];
  const oz = relief.origin[1];
  return fractal(x / 160 + oz, z / 160 + ox, z < 1500 ? 4 : 2) * 42 + fractal(x / 900 + ox, z / 900 + oz, 2) * 210;
}

/** What `measure` found: total height (negative under water), share of it from mountains and from hills, boulder height. */
export const found = { height: 0, mountain: 0, hill: 0, boulder: 0 };

function rangeHeight(range: Range, x: number, z: number): number {
  if (z <= range.near || z >= range.end) return 0;
  const u = x / z;
  let envelope = smooth(range.near, range.full, z);
  if (range.end < 1e7) envelope *= 1 - smooth(range.full + (range.end - range.full) * 0.3, range.end, z);
  if (range.side) envelope *= smooth(range.side.from, range.side.to, u);
  if (range.gap) {
    const d = (u - range.gap.at) / range.gap.width;
    envelope *= 1 - range.gap.depth * exp(-d * d);
  }
  if (envelope < 0.002) return 0;
  const px = x / range.size + range.origin[0];
  const pz = z / range.size + range.origin[1];
  if (range.kind === 'mountain') {
    // No finer than a picture of 1024 columns shows: finer forms would only flicker from column to column.
    let octaves = 3;
    for (let w = range.size / 8; w > z * 0.0028 && octaves < 11; w /= 2) octaves++;
    return range.height * envelope * eroded(px, pz, octaves) * 1.25;
  }
  const soft = 0.5 + 0.5 * fractal(px, pz, 4);
  return range.height * envelope * unit(soft + 0.15) * (0.94 + 0.06 * noise(px * 30, pz * 30));
}

function boulderHeight(relief: Relief, x: number, z: number, shore: number): number {
  const b = relief.boulders;
  if (!b || z < b.near || z > b.far || shore > b.reach) return 0;
  const cx = Math.floor(x / b.size);
  const cz = Math.floor(z / b.size);
  const seed = hash(cx + 5000, cz + Math.floor(relief.origin[0] * 1000));
  if (hashUnit(seed, 1) > b.share) return 0;
  const radius = b.size * (0.09 + 0.3 * hashUnit(seed, 2) * hashUnit(seed, 5) + 0.07 * hashUnit(seed, 6));
  const dx = x - (cx + 0.5 + (hashUnit(seed, 3) - 0.5) * (0.9 - (2 * radius) / b.size)) * b.size;
  const dz = z - (cz + 0.5 + (hashUnit(seed, 4) - 0.5) * (0.9 - (2 * radius) / b.size)) * b.size;
  const wobble = 0.75 + 0.5 * noise((x / radius) * 1.7 + cx * 7.3, (z / radius) * 1.7 + cz * 3.1);
  const r2 = (dx * dx + dz * dz) / (radius * radius * wobble);
  if (r2 >= 1) return 0;
  const facets =
    0.7 +
    0.45 * noise((x / radius) * 2.3 + 9.7, (z / radius) * 2.3 + cx) +
    0.15 * noise((x / radius) * 7 + cz, (z / radius) * 7);
  return b.height * radius * (0.5 + 0.6 * hashUnit(seed, 7)) * (1 - r2 * r2) * facets;
}

/** Measures the ground at (x, z) and leaves the result in `found`. */
export function measure(relief: Relief, x: number, z: number): void {
  const shore = shoreDistance(relief, x, z);
  let mountain = 0;
  let hill = 0;
  for (const range of relief.ranges) {
    const h = rangeHeight(range, x, z);
    if (range.kind === 'mountain') mountain += h;
    else hill += h;
  }
  let base: number;
  if (shore > 0) {
    const away = shore / (shore + relief.rise);
    base = relief.level * away;
    if (relief.rough > 0) {
      base +=
        relief.rough *
        fractal(
          x / relief.roughSize + relief.origin[0],
          z / relief.roughSize + relief.origin[1],
          z < 60 ? 5 : z < 400 ? 4 : 2,
        ) *
        away;
      if (base < 0.03 * away) base = 0.03 * away;
    }
    const rising = unit(shore / 60 + smooth(900, 2200, z));
    mountain *= rising;
    hill *= rising;
  } else {
    base = shore * relief.bed;
    if (base < -relief.depth) base = -relief.depth;
    // Close by, water stays open; far off, a range lifts the bed and shows as islands and headlands.
    const rising = smooth(900, 2200, z);
    mountain *= rising;
    hill *= rising;
  }
  if (relief.cliff) {
    const c = relief.cliff;
    const u = x / (z < 1 ? 1 : z);
    const present = smooth(c.from, c.from + 0.06, u) * (1 - smooth(c.to - 0.06, c.to, u));
    const edge = c.at + c.swing * fractal(x / (c.at * 0.35) + relief.origin[0], 3.7, 5);
    const step = smooth(edge - c.height * 0.16, edge + c.height * 0.1, z);
    mountain += c.height * present * step * (0.86 + 0.2 * fractal(x / 30 + relief.origin[1], z / 30, 4));
  }
  const boulder = boulderHeight(relief, x, z, shore);
  found.height = base + mountain + hill + boulder;
  found.mountain = mountain;
  found.hill = hill;
  found.boulder = boulder;
}

/** Height of the ground at (x, z) in metres above the water, never below it. */
export function groundAt(relief: Relief, x: number, z: number): number {
  measure(relief, x, z);
  return found.height > 0 ? found.height : 0;
}
