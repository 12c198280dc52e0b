import { Block, placer, side, walls } from './blocks';
import { Canvas } from './frame';
import { GLASS } from './houses';
import { clamp, smooth } from './maths';
import { Colour, hex } from './palette';
import { hashUnit, Random } from '../../common/mulberry';
import { Scene, Thing } from './scene';
import { Paint, plainPaint } from './shapes';

const BUILDING = 11;

const FACADES = ['#b7b2a8', '#9aa0a6', '#c6b9a2', '#a48c77', '#8d949c', '#d3cdc1', '#b09a86', '#7f8890'].map(hex);

/** Rows of windows; `style` 0 separate windows, 1 bands of glass, 2 a curtain of glass. */
function facade(
  colour: Colour,
  style: number,
  floor: number,
  bay: number,
  seed: number,
  lamps: boolean,
  sky: Colour,
): Paint {
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
    if (style === 0)
      glass =
        smooth(0.24, 0.24 + edge, fu) *
        smooth(0.76 + edge, 0.76, fu) *
        smooth(0.28, 0.28 + edgeV, fv) *
        smooth(0.82 + edgeV, 0.82, fv);
    else if (style === 1)
      glass = smooth(0.32, 0.32 + edgeV, fv) * smooth(0.88 + edgeV, 0.88, fv) * (0.8 + 0.2 * smooth(0.03, 0.09, fu));
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
    const paint = facade(colour, style, floor, bay, seed, palette.hour === 'dusk', [
      clamp(palette.zenith[0], 0, 1),
      clamp(palette.zenith[1], 0, 1),
      clamp(palette.zenith[2], 0, 1),
    ]);
    const roof = plainPaint([colour[0] * 0.6, colour[1] * 0.6, colour[2] * 0.6]);
    const box = (w: number, d: number, from: number, to: number, skin: Paint): void => {
      walls(canvas, scene, place, w, d, from, to, BUILDING, skin, skin);
      side(
        canvas,
        scene,
        place,
        [
          [-w, to, -d, 0, 0],
          [w, to, -d, 1, 0],
          [w, to, d, 1, 1],
          [-w, to, d, 0, 1],
        ],
        BUILDING,
        roof,
      );
    };
    const w = block.width / 2;
    const d = block.deep / 2;
    box(w, d, 0, block.height, paint);
    if (cap > 0) box(w * cap, d * cap, block.height, block.height * 1.06 + 2, roof);
  };
  return {
    z: block.z,
    draw,
    shadow: { x: block.x, z: block.z, half: block.width * 0.5, height: block.height, strength: 0.55 },
  };
}
