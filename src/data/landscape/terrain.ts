import { Frame } from './frame';
import { unit } from './maths';
import { Colour } from './palette';
import { found, measure, Relief } from './relief';

/**
 * The ground seen from the viewer: heights on a fan of columns (one a picture column) and depths, then for every pixel
 * the place on that fan which it sees. Each column is walked from near to far and paints upwards whatever rises above
 * what is painted already (the "voxel space" method), so ridges hide what lies behind them.
 */
export interface Terrain {
  /** Depth of each step in metres. */
  depths: Float64Array;
  /** Per column and step: height (negative: bed of the water), and the parts of it that are mountain, hill, boulder. */
  heights: Float32Array;
  mountain: Float32Array;
  hill: Float32Array;
  boulder: Float32Array;
  /** Per pixel: the step it sees (a fraction between two), -1 for the sky. */
  step: Float32Array;
  /** Per pixel on an outline: share of the pixel that belongs to the row above (positive) or below (negative). */
  edge: Float32Array;
  /** Per pixel of water: the step that is mirrored in it, -1 for the sky. */
  mirrored: Float32Array;
  /** Per coarse cell of the fan: how much sun it gets (0 .. 1). */
  sunlit: Float32Array;
}

const NEAR_STEPS = 330;
const MIDDLE_STEPS = 430;
const FAR_STEPS = 40;
export const STEPS = NEAR_STEPS + MIDDLE_STEPS + FAR_STEPS;
const SHADE_COLUMNS = 128;
const SHADE_SKIP = 5;
const SHADE_STEPS = Math.floor((STEPS - 1) / SHADE_SKIP) + 1;

/** Depths whose ratio is constant in each of three stretches: 0.02 in the foreground, below 0.01 where mountains stand. */
function stepDepths(start: number): Float64Array {
  const depths = new Float64Array(STEPS);
  const stretch = (from: number, a: number, b: number, count: number): void => {
    // The ratio r with a * r^count = b, by bisection: no engine-dependent root is needed.
    let low = 1;
    let high = 2;
    for (let i = 0; i < 60; i++) {
      const r = (low + high) / 2;
      let product = a;
      for (let k = 0; k < count; k++) product *= r;
      if (product < b) low = r;
      else high = r;
    }
    let z = a;
    for (let k = 0; k < count; k++) {
      depths[from + k] = z;
      z *= low;
    }
  };
  stretch(0, start, 240, NEAR_STEPS);
  stretch(NEAR_STEPS, 240, 11000, MIDDLE_STEPS);
  stretch(NEAR_STEPS + MIDDLE_STEPS, 11000, 45000, FAR_STEPS);
  return depths;
}

/** Measures the relief along the fan, and finds what each pixel of the frame sees. Writes the frame's depth. */
export function lookOver(frame: Frame, relief: Relief): Terrain {
  const { width, height } = frame;
  const cells = width * STEPS;
  const terrain: Terrain = {
    depths: stepDepths(1.1),
    heights: new Float32Array(cells),
    mountain: new Float32Array(cells),
    hill: new Float32Array(cells),
    boulder: new Float32Array(cells),
    step: new Float32Array(width * height).fill(-1),
    edge: new Float32Array(width * height),
    mirrored: new Float32Array(width * height).fill(-1),
    sunlit: new Float32Array(SHADE_COLUMNS * SHADE_STEPS),
  };
  const { depths, heights, mountain, hill, boulder } = terrain;
  // Large pictures measure every other column: the relief holds no finer forms.
  const stride = width >= 512 ? 2 : 1;
  for (let c = 0; c < width; c += stride) {
    const u = (c + 0.5 - frame.centreX) / frame.scaleX;
    for (let k = 0; k < STEPS; k++) {
      const z = depths[k];
      measure(relief, u * z, z);
      const i = c * STEPS + k;
      heights[i] = found.height;
      mountain[i] = found.mountain;
      hill[i] = found.hill;
      boulder[i] = found.boulder;
    }
  }
  if (stride === 2) for (const grid of [heights, mountain, hill, boulder]) fillOddColumns(grid, width);
  for (let c = 0; c < width; c++) walkColumn(frame, terrain, c);
  return terrain;
}

function fillOddColumns(grid: Float32Array, width: number): void {
  for (let c = 1; c < width; c += 2) {
    const left = (c - 1) * STEPS;
    const right = c + 1 < width ? (c + 1) * STEPS : left;
    for (let k = 0; k < STEPS; k++) grid[c * STEPS + k] = (grid[left + k] + grid[right + k]) / 2;
  }
}

/** Paints one column of the step and depth buffers upwards, from near to far. */
function walkColumn(frame: Frame, terrain: Terrain, c: number): void {
  const { width, height, depth, horizonY, scaleY } = frame;
  const { depths, heights, step, edge } = terrain;
  const eye = frame.camera.eye;
  const base = c * STEPS;
  let boundary = height + 1e6;
  let top = height;
  let hidden = false;
  for (let k = 0; k < STEPS && top > 0; k++) {
    const h1 = heights[base + k] > 0 ? heights[base + k] : 0;
    const z1 = depths[k];
    const y = horizonY + (scaleY * (eye - h1)) / z1;
    if (y >= boundary) {
      hidden = true;
      continue;
    }
    if (hidden && boundary < height) markEdge(edge, boundary, c, width, height);
    hidden = false;
    const row = Math.ceil(y - 0.5);
    const h0 = k === 0 ? h1 : heights[base + k - 1] > 0 ? heights[base + k - 1] : 0;
    const z0 = k === 0 ? z1 : depths[k - 1];
    for (let r = top - 1; r >= row && r >= 0; r--) {
      const q = (r + 0.5 - horizonY) / scaleY;
      const t = k === 0 ? 1 : unit((eye - h0 - q * z0) / (h1 - h0 + q * (z1 - z0)));
      const p = r * width + c;
      step[p] = k === 0 ? 0 : k - 1 + t;
      depth[p] = z0 + (z1 - z0) * t;
    }
    if (row < top) top = row;
    boundary = y;
  }
  if (boundary > 0 && boundary < height) markEdge(edge, boundary, c, width, height);
}

/** Remembers how an outline at height `y` (rows, a fraction) divides its pixel. */
function markEdge(edge: Float32Array, y: number, c: number, width: number, height: number): void {
  const r = Math.floor(y);
  const above = y - r;
  if (above < 0.5) {
    if (r > 0) edge[r * width + c] = above;
  } else if (r + 1 < height) edge[r * width + c] = above - 1;
}

/** Finds for every pixel of water which step of its column is mirrored in it. */
export function mirror(frame: Frame, terrain: Terrain): void {
  const { width, height } = frame;
  const { depths, heights, mirrored } = terrain;
  const next = new Int32Array(height + 1);
  for (let c = 0; c < width; c++) {
    const base = c * STEPS;
    for (let r = 0; r <= height; r++) next[r] = r;
    const find = (r: number): number => {
      let root = r;
      while (next[root] !== root) root = next[root];
      while (next[r] !== root) {
        const after = next[r];
        next[r] = root;
        r = after;
      }
      return root;
    };
    for (let k = 0; k < STEPS; k++) {
      const h = heights[base + k];
      if (h <= 0) continue;
      const z = depths[k];
      const from = Math.max(0, Math.ceil(frame.py(0, z) - 0.5));
      const to = Math.min(height - 1, Math.floor(frame.py(-h, z) - 0.5));
      for (let r = find(Math.min(from, height)); r <= to; r = find(r)) {
        mirrored[r * width + c] = k;
        next[r] = r + 1;
      }
    }
  }
}

/** Casts the shadows of the land on itself: every cell of a coarse fan looks towards the sun. */
export function castShadows(frame: Frame, terrain: Terrain, sun: Colour): void {
  const { depths, heights, sunlit } = terrain;
  const { width } = frame;
  const flat = Math.sqrt(sun[0] * sun[0] + sun[2] * sun[2]);
  const slope = sun[1] / flat;
  const dx = sun[0] / flat;
  const dz = sun[2] / flat;
  // Step of a depth, through a table over the square root of the depth.
  const table = new Int16Array(1024);
  for (let i = 0, k = 0; i < table.length; i++) {
    const z = (i / 4.8) * (i / 4.8);
    while (k < STEPS - 1 && depths[k] < z) k++;
    table[i] = k;
  }
  for (let s = 0; s < SHADE_COLUMNS; s++) {
    const c = Math.min(width - 1, Math.floor(((s + 0.5) / SHADE_COLUMNS) * width));
    const u = (c + 0.5 - frame.centreX) / frame.scaleX;
    for (let j = 0; j < SHADE_STEPS; j++) {
      const k = j * SHADE_SKIP;
      const z = depths[k];
      const h = heights[c * STEPS + k];
      let light = 1;
      let reach = z * 0.012 + 2;
      for (let i = 0; i < 22 && light > 0; i++, reach *= 1.32) {
        const zs = z + dz * reach;
        if (zs < 1) break;
        const cs = Math.floor(frame.px(u * z + dx * reach, zs));
        const ks = table[Math.min(1023, Math.floor(Math.sqrt(zs) * 4.8))];
        const blocker = heights[(cs < 0 ? 0 : cs >= width ? width - 1 : cs) * STEPS + ks];
        const clear = 0.5 + ((h + slope * reach - blocker) / reach) * 9;
        if (clear < light) light = clear;
      }
      sunlit[s * SHADE_STEPS + j] = unit(light);
    }
  }
}

/** How much sun (0 .. 1) reaches column `c` at step `k`. */
export function sunAt(frame: Frame, terrain: Terrain, c: number, k: number): number {
  const s = ((c + 0.5) / frame.width) * SHADE_COLUMNS - 0.5;
  const s0 = s < 0 ? 0 : Math.floor(s);
  const s1 = s0 + 1 < SHADE_COLUMNS ? s0 + 1 : s0;
  const j = k / SHADE_SKIP;
  const j0 = Math.floor(j);
  const j1 = j0 + 1 < SHADE_STEPS ? j0 + 1 : j0;
  const fs = s < 0 ? 0 : s - s0;
  const fj = j - j0;
  const { sunlit } = terrain;
  const a = sunlit[s0 * SHADE_STEPS + j0] * (1 - fj) + sunlit[s0 * SHADE_STEPS + j1] * fj;
  const b = sunlit[s1 * SHADE_STEPS + j0] * (1 - fj) + sunlit[s1 * SHADE_STEPS + j1] * fj;
  return a + (b - a) * fs;
}
