import { Canvas } from './frame';
import { smooth } from './maths';
import { sample, tiles } from './noise';
import { Colour, hex } from './palette';
import { hashUnit, Random } from '../../common/mulberry';
import { groundAt } from './relief';
import { Scene, Thing } from './scene';
import { bar, board, Corner, face, Paint, sunOn } from './shapes';

const WALL = 17;

const RAILING = 24;

const FENCE = 25;

const PLANK = hex('#8d7657');

const GREY_WOOD = hex('#8b8377');

const STONE = hex('#9d9484');

const IRON = hex('#55585c');

type Point = [number, number];

/** Points of a line on the ground, `spacing` metres apart (more where it is far, so that work stays small). */
function along(from: Point, to: Point, spacing: number): Point[] {
  const dx = to[0] - from[0];
  const dz = to[1] - from[1];
  const length = Math.sqrt(dx * dx + dz * dz);
  const count = Math.max(1, Math.min(160, Math.floor(length / spacing)));
  return Array.from({ length: count + 1 }, (_, i): Point => [from[0] + (dx * i) / count, from[1] + (dz * i) / count]);
}

/** A wooden fence (or wire between posts) along a line on the ground. */
export function fence(from: Point, to: Point, height: number, wire: boolean, random: Random): Thing {
  const white = random.chance(0.25);
  const wood: Colour = white ? hex('#d9d6cc') : GREY_WOOD;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const points = along(from, to, wire ? 3.2 : 2.2);
    const sun = 0.25 + 0.7 * sunOn(scene, 0.2, 0.2, -0.95);
    // From the far end to the near one.
    if (points[0][1] < points[points.length - 1][1]) points.reverse();
    for (let i = 0; i + 1 < points.length; i++) {
      const [x0, z0] = points[i];
      const [x1, z1] = points[i + 1];
      const y0 = groundAt(scene.relief, x0, z0);
      const y1 = groundAt(scene.relief, x1, z1);
      const rails = wire ? 4 : 3;
      const thick = wire ? 0.018 : 0.075;
      const paint: Paint = (u, v, span, out) => {
        const cell = (v / height) * rails - 0.28;
        const f = cell - Math.floor(cell + 0.5);
        const d = ((f < 0 ? -f : f) / rails) * height;
        out.alpha = smooth(thick + span * 0.6, thick - span * 0.3, d) * Math.min(1, (thick * 2) / span);
        out.within = true;
        out.r = wood[0];
        out.g = wood[1];
        out.b = wood[2];
      };
      const corners: Corner[] = [
        { x: x0, y: y0, z: z0, u: 0, v: 0 },
        { x: x1, y: y1, z: z1, u: 1, v: 0 },
        { x: x1, y: y1 + height, z: z1, u: 1, v: height },
        { x: x0, y: y0 + height, z: z0, u: 0, v: height },
      ];
      face(canvas, scene, corners, FENCE, sun, 0.7, paint);
    }
    for (const [x, z] of points) {
      const y = groundAt(scene.relief, x, z);
      bar(canvas, scene, [x, y, z - 0.02], [x, y + height * 1.12, z - 0.02], 0.08, FENCE, wood, sun);
    }
  };
  return { z: (from[1] + to[1]) / 2, draw };
}

/** A dry-stone wall along a line on the ground. */
export function wall(from: Point, to: Point, height: number, random: Random): Thing {
  const { cells, soft, fine } = tiles();
  const tone = random.range(0.8, 1.15);
  const plaster = random.chance(0.3);
  const seed = random.int(0, 500);
  const draw = (canvas: Canvas, scene: Scene): void => {
    const points = along(from, to, 5);
    if (points[0][1] < points[points.length - 1][1]) points.reverse();
    let run = 0;
    for (let i = 0; i + 1 < points.length; i++) {
      const [x0, z0] = points[i];
      const [x1, z1] = points[i + 1];
      const y0 = groundAt(scene.relief, x0, z0) - 0.1;
      const y1 = groundAt(scene.relief, x1, z1) - 0.1;
      const dx = x1 - x0;
      const dz = z1 - z0;
      const length = Math.sqrt(dx * dx + dz * dz);
      const start = run;
      const paint: Paint = (u, v, span, out) => {
        const uu = u + start;
        const joint = plaster ? 1 : 0.5 + 0.5 * smooth(0.04, 0.16, sample(cells, uu * 38 + seed, v * 62));
        const stone = plaster
          ? 1
          : 0.85 + 0.3 * hashUnit(Math.floor(uu * 2.4 + Math.floor(v * 4) * 0.5), Math.floor(v * 4) + seed);
        const grain =
          1 +
          (0.07 * sample(soft, uu * 20, v * 20 + seed) + 0.06 * sample(fine, uu * 70, v * 70)) * (span < 0.2 ? 1 : 0.4);
        const t = tone * joint * stone * grain * (v < 0.15 ? 0.8 : 1);
        out.r = STONE[0] * t;
        out.g = STONE[1] * t;
        out.b = STONE[2] * t;
      };
      // The side turned to the viewer, then the top.
      const facing = dz * -x0 + dx * z0 > 0 ? 1 : -1;
      const nx = (dz / length) * -facing;
      const nz = (-dx / length) * (facing > 0 ? 1 : -1);
      const light = 0.1 + 0.85 * Math.max(sunOn(scene, nx, 0.1, nz), 0);
      const thick = 0.45;
      const corners: Corner[] = [
        { x: x0, y: y0, z: z0, u: 0, v: 0 },
        { x: x1, y: y1, z: z1, u: length, v: 0 },
        { x: x1, y: y1 + height, z: z1, u: length, v: height },
        { x: x0, y: y0 + height, z: z0, u: 0, v: height },
      ];
      if (scene.camera.eye > y0 + height) {
        const ox = -nx * thick;
        const oz = -nz * thick;
        face(
          canvas,
          scene,
          [
            { x: x0, y: y0 + height, z: z0, u: 0, v: height },
            { x: x1, y: y1 + height, z: z1, u: length, v: height },
            { x: x1 + ox, y: y1 + height, z: z1 + oz, u: length, v: height + thick },
            { x: x0 + ox, y: y0 + height, z: z0 + oz, u: 0, v: height + thick },
          ],
          WALL,
          0.1 + 0.9 * sunOn(scene, 0, 1, 0),
          0.95,
          paint,
        );
      }
      face(canvas, scene, corners, WALL, light, 0.62, paint);
      run += length;
    }
  };
  return { z: (from[1] + to[1]) / 2, draw };
}

/** A railing of bars across the foreground. */
export function railing(z: number, ground: number, height: number, from: number, to: number, random: Random): Thing {
  const style = random.int(0, 2);
  const colour: Colour = style === 1 ? hex('#d8d8d4') : style === 2 ? PLANK : IRON;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const width = to - from;
    board(canvas, scene, (from + to) / 2, ground, z, width, height, RAILING, (u, v, span, out) => {
      const pitch = style === 2 ? 0.32 : 0.13;
      const post = u / 1.8 - Math.floor(u / 1.8 + 0.5);
      const slat = u / pitch - Math.floor(u / pitch + 0.5);
      const dp = (post < 0 ? -post : post) * 1.8;
      const ds = (slat < 0 ? -slat : slat) * pitch;
      const soften = span;
      const rail = Math.max(
        smooth(height - 0.07 - soften, height - 0.07, v),
        smooth(0.03 + soften, 0.03, v < 0.14 ? 0.14 - v : v - 0.14),
      );
      const thin = style === 2 ? 0.035 : 0.011;
      const bars = smooth(thin + soften, thin, ds) * (v > 0.1 ? 1 : 0);
      out.alpha = Math.max(rail, bars, smooth(0.045 + soften, 0.045, dp));
      out.within = true;
      const shade = 0.85 + 0.3 * smooth(0, thin, slat * pitch);
      out.r = colour[0] * shade;
      out.g = colour[1] * shade;
      out.b = colour[2] * shade;
    });
  };
  return { z, draw };
}
