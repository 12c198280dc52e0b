import { Block, Place, placer, side, walls } from './blocks';
import { Canvas } from './frame';
import { smooth } from './maths';
import { sample, tiles } from './noise';
import { Colour, hex } from './palette';
import { hashUnit, Random } from '../../common/mulberry';
import { Scene, Thing } from './scene';
import { Paint } from './shapes';

const HOUSE = 27;

const PLASTERS = [
  '#e8e2d3',
  '#d9c9a8',
  '#cdb08a',
  '#c7a27c',
  '#e3d7c4',
  '#b9b2a6',
  '#a8573f',
  '#dfd3b0',
  '#8a6f57',
].map(hex);

const ROOFS = ['#9a4a33', '#8b4030', '#6d6a68', '#54514f', '#a35c3c', '#4e4a4d'].map(hex);

/** What a window gives back by day. */
export const GLASS: Colour = [0.05, 0.065, 0.085];

/** Plaster with a row of windows on each floor, and a door. */
function houseWall(colour: Colour, width: number, height: number, seed: number, lamps: boolean): Paint {
  const floors = Math.max(1, Math.floor(height / 2.6));
  const columns = Math.max(1, Math.floor(width / 2.6));
  const { soft } = tiles();
  return (u, v, span, out) => {
    const stain = 1 + 0.05 * sample(soft, u * 14 + seed, v * 9);
    let tone = stain * (v < 0.4 ? 0.8 : 1);
    const cu = (u / width) * columns;
    const cv = (v / height) * floors;
    const iu = Math.floor(cu);
    const iv = Math.floor(cv);
    const fu = cu - iu - 0.5;
    const fv = cv - iv - 0.52;
    const du = fu < 0 ? -fu : fu;
    const dv = fv < 0 ? -fv : fv;
    const door = iv === 0 && iu === Math.floor(hashUnit(seed, 5) * columns);
    const soften = Math.max(span / 2.6, 0.02);
    // None in the gable.
    const wallOnly = v < height ? 1 : 0;
    const inside =
      wallOnly *
      (door
        ? smooth(0.2 + soften, 0.2, du) * (fv < 0.28 ? 1 : 0)
        : smooth(0.19 + soften, 0.19, du) * smooth(0.25 + soften, 0.25, dv));
    const frame =
      door || wallOnly === 0 ? 0 : smooth(0.25 + soften, 0.25, du) * smooth(0.31 + soften, 0.31, dv) - inside;
    const lit = lamps && hashUnit(iu * 13 + seed, iv) < 0.35 ? 0.7 : 0;
    if (frame > 0) tone += frame * 0.18;
    const glass = door ? [0.12, 0.07, 0.045] : GLASS;
    out.r = colour[0] * tone + (glass[0] - colour[0] * tone) * inside;
    out.g = colour[1] * tone + (glass[1] - colour[1] * tone) * inside;
    out.b = colour[2] * tone + (glass[2] - colour[2] * tone) * inside;
    out.emit = lit * inside * (door ? 0 : 0.55);
  };
}

function tiledRoof(colour: Colour, seed: number): Paint {
  const { fine, soft } = tiles();
  return (u, v, span, out) => {
    const rows = v / 0.34;
    const lines = span < 0.3 ? 1 - 0.2 * smooth(0.3, 0, rows - Math.floor(rows)) : 0.96;
    const tone =
      lines * (1 + 0.1 * sample(fine, u * 14 + seed, Math.floor(rows) * 9) + 0.07 * sample(soft, u * 6, v * 6 + seed));
    out.r = colour[0] * tone;
    out.g = colour[1] * tone;
    out.b = colour[2] * tone;
  };
}

/** A house with a pitched roof. */
export function house(block: Block, random: Random): Thing {
  const wall = random.pick(PLASTERS);
  const roof = random.pick(ROOFS);
  const seed = random.int(0, 9999);
  const pitch = random.range(0.55, 0.95);
  const chimney = random.chance(0.7);
  const draw = (canvas: Canvas, scene: Scene): void => {
    const place = placer(block);
    const w = block.width / 2;
    const d = block.deep / 2;
    const h = block.height;
    const top = h + d * pitch;
    const lamps = scene.palette.hour === 'dusk';
    const long = houseWall(wall, block.width, h, seed, lamps);
    const short = houseWall(wall, block.deep, h, seed + 50, lamps);
    walls(canvas, scene, place, w, d, 0, h, HOUSE, long, short);
    for (const s of [1, -1]) {
      side(
        canvas,
        scene,
        place,
        [
          [s * w, h, -s * d, 0, h],
          [s * w, h, s * d, block.deep, h],
          [s * w, top, 0, d, top],
        ],
        HOUSE,
        short,
      );
    }
    // The roof hangs over a little.
    const over = 0.35;
    const low = h - over * pitch;
    const shingles = tiledRoof(roof, seed);
    for (const s of [1, -1]) {
      side(
        canvas,
        scene,
        place,
        [
          [-s * (w + over), low, -s * (d + over), 0, 0],
          [s * (w + over), low, -s * (d + over), block.width, 0],
          [s * (w + over), top, 0, block.width, d * 1.25],
          [-s * (w + over), top, 0, 0, d * 1.25],
        ],
        HOUSE,
        shingles,
      );
    }
    if (chimney) {
      const shifted: Place = (x, y, z) => place(x + w * 0.5, y, z);
      walls(canvas, scene, shifted, 0.4, 0.35, top - 1, top + 0.8, HOUSE, brick, brick);
    }
  };
  return {
    z: block.z,
    draw,
    shadow: { x: block.x, z: block.z, half: block.width * 0.55, height: block.height * 1.4, strength: 0.6 },
  };
}

/** Rows of brick. */
const brick: Paint = (u, v, _span, out) => {
  const tone = 0.9 + 0.1 * ((Math.floor(v * 5) + Math.floor(u * 4)) & 1);
  out.r = 0.2 * tone;
  out.g = 0.1 * tone;
  out.b = 0.07 * tone;
};
