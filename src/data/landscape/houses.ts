import { Canvas } from './frame';
import { clamp, cos, sin, smooth } from './maths';
import { sample, tiles } from './noise';
import { Colour, hex } from './palette';
import { hashUnit, Random } from './random';
import { Scene, Thing } from './scene';
import { Corner, face, Paint, sunOn } from './shapes';

const BUILDING = 11;
const HOUSE = 27;

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

type Place = (lx: number, ly: number, lz: number) => [number, number, number];

function placer(b: Block): Place {
  const cs = cos(b.turn);
  const sn = sin(b.turn);
  return (lx, ly, lz) => [b.x + lx * cs - lz * sn, b.ground + ly, b.z + lx * sn + lz * cs];
}

/** Paints a face given by local corners if its outside is turned to the viewer. */
export function side(canvas: Canvas, scene: Scene, place: Place, points: [number, number, number, number, number][], label: number, paint: Paint, shade = 1): void {
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

const PLASTERS = ['#e8e2d3', '#d9c9a8', '#cdb08a', '#c7a27c', '#e3d7c4', '#b9b2a6', '#a8573f', '#dfd3b0', '#8a6f57'].map(hex);
const ROOFS = ['#9a4a33', '#8b4030', '#6d6a68', '#54514f', '#a35c3c', '#4e4a4d'].map(hex);
const FACADES = ['#b7b2a8', '#9aa0a6', '#c6b9a2', '#a48c77', '#8d949c', '#d3cdc1', '#b09a86', '#7f8890'].map(hex);
const GLASS: Colour = [0.05, 0.065, 0.085];

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
    const inside = door ? smooth(0.2 + soften, 0.2, du) * (fv < 0.28 ? 1 : 0) : smooth(0.19 + soften, 0.19, du) * smooth(0.25 + soften, 0.25, dv);
    const frame = door ? 0 : smooth(0.25 + soften, 0.25, du) * smooth(0.31 + soften, 0.31, dv) - inside;
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
    const tone = lines * (1 + 0.1 * sample(fine, u * 14 + seed, Math.floor(rows) * 9) + 0.07 * sample(soft, u * 6, v * 6 + seed));
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
    const over = 0.35;
    const lamps = scene.palette.hour === 'dusk';
    const long = houseWall(wall, block.width, h, seed, lamps);
    const short = houseWall(wall, block.deep, h, seed + 50, lamps);
    side(canvas, scene, place, [[-w, 0, -d, 0, 0], [w, 0, -d, block.width, 0], [w, h, -d, block.width, h], [-w, h, -d, 0, h]], HOUSE, long);
    side(canvas, scene, place, [[w, 0, d, 0, 0], [-w, 0, d, block.width, 0], [-w, h, d, block.width, h], [w, h, d, 0, h]], HOUSE, long);
    side(canvas, scene, place, [[w, 0, -d, 0, 0], [w, 0, d, block.deep, 0], [w, h, d, block.deep, h], [w, top, 0, d, top], [w, h, -d, 0, h]], HOUSE, short);
    side(canvas, scene, place, [[-w, 0, d, 0, 0], [-w, 0, -d, block.deep, 0], [-w, h, -d, block.deep, h], [-w, top, 0, d, top], [-w, h, d, 0, h]], HOUSE, short);
    const low = h - over * pitch;
    const slope = d * 1.25;
    const tilesPaint = tiledRoof(roof, seed);
    side(canvas, scene, place, [[-w - over, low, -d - over, 0, 0], [w + over, low, -d - over, block.width, 0], [w + over, top, 0, block.width, slope], [-w - over, top, 0, 0, slope]], HOUSE, tilesPaint);
    side(canvas, scene, place, [[w + over, low, d + over, 0, 0], [-w - over, low, d + over, block.width, 0], [-w - over, top, 0, block.width, slope], [w + over, top, 0, 0, slope]], HOUSE, tilesPaint);
    if (chimney) {
      const brick: Paint = (u, v, span, out) => { void span; const k = 0.9 + 0.2 * ((Math.floor(v * 5) + Math.floor(u * 4)) & 1) * 0.5; out.r = 0.2 * k; out.g = 0.1 * k; out.b = 0.07 * k; };
      const cx = w * 0.45;
      side(canvas, scene, place, [[cx, top - 1, -0.35, 0, 0], [cx + 0.7, top - 1, -0.35, 0.7, 0], [cx + 0.7, top + 0.8, -0.35, 0.7, 1.8], [cx, top + 0.8, -0.35, 0, 1.8]], HOUSE, brick);
      side(canvas, scene, place, [[cx, top - 1, 0.35, 0, 0], [cx, top - 1, -0.35, 0.7, 0], [cx, top + 0.8, -0.35, 0.7, 1.8], [cx, top + 0.8, 0.35, 0, 1.8]], HOUSE, brick);
      side(canvas, scene, place, [[cx + 0.7, top - 1, -0.35, 0, 0], [cx + 0.7, top - 1, 0.35, 0.7, 0], [cx + 0.7, top + 0.8, 0.35, 0.7, 1.8], [cx + 0.7, top + 0.8, -0.35, 0, 1.8]], HOUSE, brick);
    }
  };
  return { z: block.z, draw, shadow: { x: block.x, z: block.z, half: block.width * 0.55, height: block.height * 1.4, strength: 0.6 } };
}

/** Rows of windows; `style` 0 separate windows, 1 bands of glass, 2 a curtain of glass. */
function facade(colour: Colour, style: number, floor: number, bay: number, seed: number, lamps: boolean, sky: Colour): Paint {
  return (u, v, span, out) => {
    const cu = u / bay;
    const cv = v / floor;
    const iu = Math.floor(cu);
    const iv = Math.floor(cv);
    const fu = cu - iu;
    const fv = cv - iv;
    const edge = Math.max(span / bay, 0.03);
    const edgeV = Math.max(span / floor, 0.03);
    let glass: number;
    if (style === 0) glass = smooth(0.24, 0.24 + edge, fu) * smooth(0.76 + edge, 0.76, fu) * smooth(0.28, 0.28 + edgeV, fv) * smooth(0.82 + edgeV, 0.82, fv);
    else if (style === 1) glass = smooth(0.32, 0.32 + edgeV, fv) * smooth(0.88 + edgeV, 0.88, fv) * (0.8 + 0.2 * smooth(0.03, 0.09, fu));
    else glass = smooth(0.02, 0.1 + edge, fu) * smooth(0.04, 0.16 + edgeV, fv) * 0.95;
    const id = hashUnit(iu + seed, iv + 31);
    const sheen = style === 2 ? 0.38 + 0.25 * id : 0.1 + 0.22 * id;
    const lit = lamps && id < 0.22 ? glass * (0.15 + id) : 0;
    out.r = colour[0] + (GLASS[0] + sky[0] * sheen * 0.5 - colour[0]) * glass;
    out.g = colour[1] + (GLASS[1] + sky[1] * sheen * 0.5 - colour[1]) * glass;
    out.b = colour[2] + (GLASS[2] + sky[2] * sheen * 0.5 - colour[2]) * glass;
    out.emit = lit;
  };
}

/** A building of several floors with a flat roof. */
export function building(block: Block, random: Random): Thing {
  const colour = random.pick(FACADES);
  const style = block.height > 45 ? random.int(1, 2) : random.chance(0.75) ? 0 : 1;
  const floor = random.range(3, 3.6);
  const bay = style === 0 ? random.range(2.2, 3.4) : random.range(1.5, 2.5);
  const seed = random.int(0, 9999);
  const cap = random.chance(0.4) ? random.range(0.25, 0.5) : 0;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const place = placer(block);
    const { palette } = scene;
    const paint = facade(colour, style, floor, bay, seed, palette.hour === 'dusk', [clamp(palette.zenith[0], 0, 1), clamp(palette.zenith[1], 0, 1), clamp(palette.zenith[2], 0, 1)]);
    const roof: Paint = (u, v, span, out) => { void u; void v; void span; out.r = colour[0] * 0.6; out.g = colour[1] * 0.6; out.b = colour[2] * 0.6; };
    const box = (w: number, d: number, from: number, to: number, skin: Paint): void => {
      const h = to - from;
      side(canvas, scene, place, [[-w, from, -d, 0, 0], [w, from, -d, 2 * w, 0], [w, to, -d, 2 * w, h], [-w, to, -d, 0, h]], BUILDING, skin);
      side(canvas, scene, place, [[w, from, d, 0, 0], [-w, from, d, 2 * w, 0], [-w, to, d, 2 * w, h], [w, to, d, 0, h]], BUILDING, skin);
      side(canvas, scene, place, [[w, from, -d, 0, 0], [w, from, d, 2 * d, 0], [w, to, d, 2 * d, h], [w, to, -d, 0, h]], BUILDING, skin);
      side(canvas, scene, place, [[-w, from, d, 0, 0], [-w, from, -d, 2 * d, 0], [-w, to, -d, 2 * d, h], [-w, to, d, 0, h]], BUILDING, skin);
      side(canvas, scene, place, [[-w, to, -d, 0, 0], [w, to, -d, 1, 0], [w, to, d, 1, 1], [-w, to, d, 0, 1]], BUILDING, roof);
    };
    const w = block.width / 2;
    const d = block.deep / 2;
    box(w, d, 0, block.height, paint);
    if (cap > 0) box(w * cap, d * cap, block.height, block.height * 1.06 + 2, roof);
  };
  return { z: block.z, draw, shadow: { x: block.x, z: block.z, half: block.width * 0.5, height: block.height, strength: 0.55 } };
}
