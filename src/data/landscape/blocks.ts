import { Canvas } from './frame';
import { cos, sin } from './maths';
import { Scene } from './scene';
import { Corner, face, Paint, sunOn } from './shapes';

/** A box that stands on the ground, turned about its upright axis. */
export interface Block {
  x: number;
  z: number;
  ground: number;
  width: number;
  deep: number;
  height: number;
  turn: number;
}

/** From a place within the block (x along its width, y up, z along its depth) to the world. */
export type Place = (lx: number, ly: number, lz: number) => [number, number, number];

export function placer(b: Block): Place {
  const cs = cos(b.turn);
  const sn = sin(b.turn);
  return (lx, ly, lz) => [b.x + lx * cs - lz * sn, b.ground + ly, b.z + lx * sn + lz * cs];
}

/** Paints a face given by local corners if its outside is turned to the viewer. */
export function side(
  canvas: Canvas,
  scene: Scene,
  place: Place,
  points: [number, number, number, number, number][],
  label: number,
  paint: Paint,
  shade = 1,
): void {
  const corners: Corner[] = points.map(([lx, ly, lz, u, v]) => {
    const [x, y, z] = place(lx, ly, lz);
    return { x, y, z, u, v };
  });
  const [a, b, c] = corners;
  const ux = b.x - a.x;
  const uy = b.y - a.y;
  const uz = b.z - a.z;
  const vx = c.x - b.x;
  const vy = c.y - b.y;
  const vz = c.z - b.z;
  // Corners run counter-clockwise seen from outside; z points away, which makes the system left-handed.
  let nx = uz * vy - uy * vz;
  let ny = ux * vz - uz * vx;
  let nz = uy * vx - ux * vy;
  const length = Math.sqrt(nx * nx + ny * ny + nz * nz);
  if (length < 1e-9) return;
  nx /= length;
  ny /= length;
  nz /= length;
  const eye = canvas.mirror ? -scene.camera.eye : scene.camera.eye;
  if (nx * a.x + ny * (a.y - eye) + nz * a.z >= 0) return;
  face(canvas, scene, corners, label, 0.05 + 0.95 * sunOn(scene, nx, ny, nz) * shade, 0.55 + 0.35 * ny + 0.1, paint);
}

/** The four upright sides of a box of half width w and half depth d, between two heights; u runs along a side in metres, v up from `from`. */
export function walls(
  canvas: Canvas,
  scene: Scene,
  place: Place,
  w: number,
  d: number,
  from: number,
  to: number,
  label: number,
  long: Paint,
  short: Paint,
): void {
  const upright = (x0: number, z0: number, x1: number, z1: number, length: number, paint: Paint): void =>
    side(
      canvas,
      scene,
      place,
      [
        [x0, from, z0, 0, 0],
        [x1, from, z1, length, 0],
        [x1, to, z1, length, to - from],
        [x0, to, z0, 0, to - from],
      ],
      label,
      paint,
    );
  upright(-w, -d, w, -d, 2 * w, long);
  upright(w, d, -w, d, 2 * w, long);
  upright(w, -d, w, d, 2 * d, short);
  upright(-w, d, -w, -d, 2 * d, short);
}
