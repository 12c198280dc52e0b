import { Canvas, canvasRow, clarity, lay, visible } from './frame';
import { mix, unit } from './maths';
import { Colour } from './palette';
import { Scene } from './scene';

/** A corner of a face: its place in the world, and its place on the face (u to the right, v up, any units). */
export interface Corner {
  x: number;
  y: number;
  z: number;
  u: number;
  v: number;
}

/** What a face's `look` fills in for the point (u, v): colour before light, opacity, and light it gives out itself. */
export interface Look {
  r: number;
  g: number;
  b: number;
  alpha: number;
  emit: number;
  /** True where the pixel belongs to the thing although one sees through it (between the bars of a railing). */
  within: boolean;
}

const look: Look = { r: 0, g: 0, b: 0, alpha: 1, emit: 0, within: false };

export type Paint = (u: number, v: number, span: number, out: Look) => void;

const xs = new Float64Array(8);
const ys = new Float64Array(8);
const ws = new Float64Array(8);

/**
 * Paints a flat convex face of three to eight corners with soft edges. `light` is the share of the sun it gets (surface
 * direction and shadow), `sky` its share of the sky's light.
 */
export function face(
  canvas: Canvas,
  scene: Scene,
  corners: Corner[],
  label: number,
  light: number,
  sky: number,
  paint: Paint,
): void {
  const { frame } = canvas;
  const n = corners.length;
  let left = 1e9;
  let right = -1e9;
  let top = 1e9;
  let bottom = -1e9;
  for (let i = 0; i < n; i++) {
    const k = corners[i];
    if (k.z < 0.4) return;
    xs[i] = frame.px(k.x, k.z);
    ys[i] = canvasRow(canvas, k.y, k.z);
    ws[i] = 1 / k.z;
    if (xs[i] < left) left = xs[i];
    if (xs[i] > right) right = xs[i];
    if (ys[i] < top) top = ys[i];
    if (ys[i] > bottom) bottom = ys[i];
  }
  const r0 = Math.max(0, Math.floor(top - 0.5));
  const r1 = Math.min(frame.height - 1, Math.ceil(bottom + 0.5));
  const c0 = Math.max(0, Math.floor(left - 0.5));
  const c1 = Math.min(frame.width - 1, Math.ceil(right + 0.5));
  if (r1 < r0 || c1 < c0) return;
  let area = 0;
  for (let i = 0; i < n; i++) {
    const j = (i + 1) % n;
    area += xs[i] * ys[j] - xs[j] * ys[i];
  }
  if (area > -0.02 && area < 0.02) return;
  const turn = area > 0 ? 1 : -1;
  // 1/z, u/z and v/z are linear on the picture: their gradients from the first three corners.
  const a = 0;
  const b = 1;
  const c = 2;
  const det = (xs[b] - xs[a]) * (ys[c] - ys[a]) - (xs[c] - xs[a]) * (ys[b] - ys[a]);
  if (det > -1e-9 && det < 1e-9) return;
  const gradient = (fa: number, fb: number, fc: number): [number, number, number] => {
    const gx = ((fb - fa) * (ys[c] - ys[a]) - (fc - fa) * (ys[b] - ys[a])) / det;
    const gy = ((fc - fa) * (xs[b] - xs[a]) - (fb - fa) * (xs[c] - xs[a])) / det;
    return [fa - gx * xs[a] - gy * ys[a], gx, gy];
  };
  const [w, wx, wy] = gradient(ws[a], ws[b], ws[c]);
  const [s, sx, sy] = gradient(corners[a].u * ws[a], corners[b].u * ws[b], corners[c].u * ws[c]);
  const [t, tx, ty] = gradient(corners[a].v * ws[a], corners[b].v * ws[b], corners[c].v * ws[c]);
  const { palette } = scene;
  const sun = palette.sunlight;
  const air = palette.haze;
  const ambient = palette.skylight;
  for (let r = r0; r <= r1; r++) {
    const y = r + 0.5;
    for (let col = c0; col <= c1; col++) {
      const x = col + 0.5;
      let cover = 1;
      for (let i = 0; i < n && cover > 0; i++) {
        const j = i + 1 === n ? 0 : i + 1;
        const ex = xs[j] - xs[i];
        const ey = ys[j] - ys[i];
        const length = Math.sqrt(ex * ex + ey * ey);
        if (length < 1e-6) continue;
        const d = (turn * (ex * (y - ys[i]) - ey * (x - xs[i]))) / length + 0.5;
        if (d < cover) cover = d;
      }
      if (cover <= 0.02) continue;
      const inverse = w + wx * x + wy * y;
      if (inverse <= 0) continue;
      const z = 1 / inverse;
      const p = r * frame.width + col;
      if (!visible(canvas, p, z * 0.999)) continue;
      look.alpha = 1;
      look.emit = 0;
      look.within = false;
      paint((s + sx * x + sy * y) * z, (t + tx * x + ty * y) * z, z / frame.scaleX, look);
      if (look.within && cover > 0.5 && !canvas.mirror) frame.labels[p] = label;
      if (look.alpha <= 0) continue;
      const clear = clarity(palette, z);
      lay(
        canvas,
        p,
        z,
        unit(cover) * look.alpha,
        mix(air[0], look.r * (sun[0] * light + ambient[0] * sky) + look.emit, clear),
        mix(air[1], look.g * (sun[1] * light + ambient[1] * sky) + look.emit * 0.85, clear),
        mix(air[2], look.b * (sun[2] * light + ambient[2] * sky) + look.emit * 0.6, clear),
        label,
      );
    }
  }
}

/** A face of one colour. */
export function plainPaint(colour: Colour, grain = 0): Paint {
  return (u, v, span, out) => {
    const g = grain === 0 ? 1 : 1 + grain * (((u * 12.9898 + v * 78.233) * 43.5453) % 1);
    out.r = colour[0] * g;
    out.g = colour[1] * g;
    out.b = colour[2] * g;
  };
}

/** Share of the sun on a surface that faces (nx, ny, nz). */
export function sunOn(scene: Scene, nx: number, ny: number, nz: number): number {
  const { sun } = scene.palette;
  const d = nx * sun[0] + ny * sun[1] + nz * sun[2];
  return d > 0 ? d : 0;
}

/** An upright rectangle facing the viewer, its foot's middle at (x, y, z); u from 0 to width, v from 0 to height in metres. */
export function board(
  canvas: Canvas,
  scene: Scene,
  x: number,
  y: number,
  z: number,
  width: number,
  height: number,
  label: number,
  paint: Paint,
  light?: number,
): void {
  const half = width / 2;
  const corners: Corner[] = [
    { x: x - half, y, z, u: 0, v: 0 },
    { x: x + half, y, z, u: width, v: 0 },
    { x: x + half, y: y + height, z, u: width, v: height },
    { x: x - half, y: y + height, z, u: 0, v: height },
  ];
  face(canvas, scene, corners, label, light ?? 0.15 + 0.8 * sunOn(scene, 0, 0.3, -0.95), 0.75, paint);
}

/** A bar from one point to another, `half` metres thick to each side on the picture. */
export function bar(
  canvas: Canvas,
  scene: Scene,
  a: [number, number, number],
  b: [number, number, number],
  half: number,
  label: number,
  colour: Colour,
  light?: number,
): void {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length = Math.sqrt(dx * dx + dy * dy);
  if (length < 1e-6) return;
  const ox = (-dy / length) * half;
  const oy = (dx / length) * half;
  const corners: Corner[] = [
    { x: a[0] - ox, y: a[1] - oy, z: a[2], u: 0, v: 0 },
    { x: b[0] - ox, y: b[1] - oy, z: b[2], u: length, v: 0 },
    { x: b[0] + ox, y: b[1] + oy, z: b[2], u: length, v: half * 2 },
    { x: a[0] + ox, y: a[1] + oy, z: a[2], u: 0, v: half * 2 },
  ];
  face(canvas, scene, corners, label, light ?? 0.2 + 0.6 * sunOn(scene, 0, 0.4, -0.9), 0.75, plainPaint(colour));
}
