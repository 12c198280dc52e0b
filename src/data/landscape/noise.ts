import { hashUnit, Random } from '../../common/mulberry';

/**
 * Noise from lattices that are drawn once: fractal terrain is value noise on a 256 x 256 lattice, surface textures are
 * tiles of 512 x 512 texels that hold several octaves at once. A scene moves its origin, not the lattices.
 */

const LATTICE = (() => {
  const random = new Random(0x5ca1ab1e);
  return Float32Array.from({ length: 65536 }, () => random.next());
})();

/** Smooth noise in [0, 1] with a wavelength of about 2 units. */
export function noise(x: number, y: number): number {
  const ix = Math.floor(x);
  const iy = Math.floor(y);
  const fx = x - ix;
  const fy = y - iy;
  const u = fx * fx * (3 - 2 * fx);
  const v = fy * fy * (3 - 2 * fy);
  const top = (iy & 255) << 8;
  const bottom = ((iy + 1) & 255) << 8;
  const left = ix & 255;
  const right = (ix + 1) & 255;
  const a = LATTICE[top | left];
  const b = LATTICE[top | right];
  const c = LATTICE[bottom | left];
  const d = LATTICE[bottom | right];
  return a + (b - a) * u + (c - a) * v + (a - b - c + d) * u * v;
}

/** Fractal sum of `octaves` noises, each at twice the frequency and half the height of the one before; about [-1, 1]. */
export function fractal(x: number, y: number, octaves: number): number {
  let sum = 0;
  let gain = 0.9;
  for (let i = 0; i < octaves; i++) {
    sum += gain * (noise(x, y) * 2 - 1);
    gain *= 0.5;
    const rotated = 1.6 * x + 1.2 * y + 17.3;
    y = 1.6 * y - 1.2 * x + 5.9;
    x = rotated;
  }
  return sum;
}

/**
 * Mountains, about [0, 1]: noise folded to sharp crests, each octave weighted by the height of the one before, which leaves valleys smooth
 * and walls rough (F. K. Musgrave's ridged multifractal); the finest octaves are plain.
 */
export function eroded(x: number, y: number, octaves: number): number {
  let sum = 0;
  let gain = 0.56;
  let weight = 1;
  for (let i = 0; i < octaves; i++) {
    const value = noise(x, y);
    if (i < 6) {
      const crest = value > 0.5 ? 2 - 2 * value : 2 * value;
      const signal = crest * crest * weight;
      sum += gain * signal;
      weight = signal * 1.7 + 0.08;
      if (weight > 1) weight = 1;
    } else sum += gain * (value - 0.35) * weight * 1.3;
    gain *= 0.5;
    const rotated = 1.6 * x + 1.2 * y + 31.7;
    y = 1.6 * y - 1.2 * x + 11.3;
    x = rotated;
  }
  return sum;
}

/** Texels along a side of a tile. */
export const TILE = 512;

/** A texture that repeats: 512 x 512 values around 0 with a standard deviation of 1 (`cells`: 0 .. 1). */
export type Tile = Float32Array;

/** The tile's value at (u, v) texels, linear between texels. */
export function sample(tile: Tile, u: number, v: number): number {
  const iu = Math.floor(u);
  const iv = Math.floor(v);
  const fu = u - iu;
  const fv = v - iv;
  const top = (iv & 511) << 9;
  const bottom = ((iv + 1) & 511) << 9;
  const left = iu & 511;
  const right = (iu + 1) & 511;
  const a = tile[top | left];
  const c = tile[bottom | left];
  const upper = a + (tile[top | right] - a) * fu;
  return upper + (c + (tile[bottom | right] - c) * fu - upper) * fv;
}

/** Sum of octaves whose lattices have `first`, 2 * first, ... cells along the tile; `fold` gives sharp creases. */
function octaveTile(seed: number, first: number, octaves: number, gain: number, fold: boolean): Tile {
  const tile = new Float32Array(TILE * TILE);
  let weight = 1;
  for (let o = 0, cells = first; o < octaves; o++, cells *= 2, weight *= gain) {
    const random = new Random(seed + o * 7919);
    const lattice = Float32Array.from({ length: cells * cells }, () => random.next());
    const step = cells / TILE;
    for (let y = 0; y < TILE; y++) {
      const iy = Math.floor(y * step);
      const fy = y * step - iy;
      const v = fy * fy * (3 - 2 * fy);
      const row = iy * cells;
      const below = ((iy + 1) % cells) * cells;
      for (let x = 0; x < TILE; x++) {
        const ix = Math.floor(x * step);
        const fx = x * step - ix;
        const u = fx * fx * (3 - 2 * fx);
        const right = (ix + 1) % cells;
        const upper = lattice[row + ix] + (lattice[row + right] - lattice[row + ix]) * u;
        const lower = lattice[below + ix] + (lattice[below + right] - lattice[below + ix]) * u;
        const value = (upper + (lower - upper) * v) * 2 - 1;
        tile[y * TILE + x] += weight * (fold ? 1 - 2 * (value < 0 ? -value : value) : value);
      }
    }
  }
  return standardised(tile);
}

function standardised(tile: Tile): Tile {
  let sum = 0;
  for (const value of tile) sum += value;
  const mean = sum / tile.length;
  let squares = 0;
  for (const value of tile) squares += (value - mean) * (value - mean);
  const scale = 1 / Math.sqrt(squares / tile.length);
  for (let i = 0; i < tile.length; i++) tile[i] = (tile[i] - mean) * scale;
  return tile;
}

/** Distance to the border between cells of about 16 texels, 0 on the border: pebbles, cracks, cobbles. */
function cellTile(seed: number, cells: number): Tile {
  const tile = new Float32Array(TILE * TILE);
  const size = TILE / cells;
  for (let y = 0; y < TILE; y++) {
    for (let x = 0; x < TILE; x++) {
      const cx = Math.floor(x / size);
      const cy = Math.floor(y / size);
      let first = 1e9;
      let second = 1e9;
      for (let j = cy - 1; j <= cy + 1; j++) {
        for (let i = cx - 1; i <= cx + 1; i++) {
          const id = ((j + cells) % cells) * cells + ((i + cells) % cells);
          const dx = (i + hashUnit(id, seed)) * size - x;
          const dy = (j + hashUnit(id, seed + 1)) * size - y;
          const d = dx * dx + dy * dy;
          if (d < first) {
            second = first;
            first = d;
          } else if (d < second) second = d;
        }
      }
      tile[y * TILE + x] = Math.min(1, (Math.sqrt(second) - Math.sqrt(first)) / size);
    }
  }
  return tile;
}

/** The tiles that surfaces are made of. */
export interface Tiles {
  /** Clouds, patches: wavelengths of 128 down to 2 texels, half the height each. */
  soft: Tile;
  /** Grain: wavelengths of 16 down to 2 texels, almost equal heights. */
  fine: Tile;
  /** Creases: folded octaves of 64 texels and less. */
  crease: Tile;
  /** Cell borders of about 16 texels. */
  cells: Tile;
}

let made: Tiles | undefined;

/** The tiles, made at the first call (about 0.2 s) and kept. */
export function tiles(): Tiles {
  made ??= {
    soft: octaveTile(11, 4, 7, 0.52, false),
    fine: octaveTile(23, 32, 4, 0.9, false),
    crease: octaveTile(37, 8, 6, 0.55, true),
    cells: cellTile(53, 32),
  };
  return made;
}
