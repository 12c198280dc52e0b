import { Canvas } from './frame';
import { smooth } from './maths';
import { sample, tiles } from './noise';
import { Colour, hex } from './palette';
import { hashUnit, Random } from '../../common/mulberry';
import { Scene, Thing } from './scene';
import { bar, board, Corner, face, Paint, sunOn } from './shapes';

const PIER = 18;
const BRIDGE = 21;

const PLANK = hex('#8d7657');
const GREY_WOOD = hex('#8b8377');

/** A bridge across the picture at depth z: a stone one with arches, or a road on piers, from x = `from` to `to`. */
export function bridge(z: number, from: number, to: number, deck: number, arches: number, random: Random): Thing {
  const style = random.weighted({ stone: 0.5, beam: 0.3, cable: 0.2 });
  const colour = style === 'stone' ? hex('#a3957f') : style === 'beam' ? hex('#a5a6a4') : hex('#9a4b3a');
  const { soft } = tiles();
  const thick = style === 'stone' ? 1.3 : 1;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const width = to - from;
    const bay = width / arches;
    const tower = style === 'cable' ? deck * 2.2 : 0;
    const rail = 1.1;
    board(canvas, scene, (from + to) / 2, -0.5, z, width, deck + 0.5 + rail + tower, BRIDGE, (u, v, span, out) => {
      const y = v - 0.5;
      const cell = u / bay;
      const f = (cell - Math.floor(cell) - 0.5) * 2;
      const d = f < 0 ? -f : f;
      let inside = 0;
      if (y <= deck && y > deck - thick) inside = 1;
      else if (y > deck && y <= deck + rail) inside = style === 'stone' ? (y < deck + 0.8 ? 1 : 0) : 0.4;
      else if (y <= deck - thick) {
        if (style === 'stone') {
          const spring = deck - thick;
          const w = 0.84;
          const e = (d / w) * (d / w) + (y / spring) * (y / spring);
          inside = smooth(1 - (span / spring) * 1.5, 1 + span / spring, e);
        } else inside = smooth(0.9 - (span / bay) * 2, 0.9, d);
      }
      if (style === 'cable' && y > deck + rail * 0.3) {
        const span2 = width / 2;
        const a = u < span2 ? u : width - u;
        const mast = width * 0.2;
        const off = a - mast < 0 ? mast - a : a - mast;
        if (off < 0.9 + span * 0.4) inside = 1;
        const sag =
          a < mast ? (a / mast) * tower : tower * ((a - span2) / (span2 - mast)) * ((a - span2) / (span2 - mast));
        const gap = y - deck - sag;
        if ((gap < 0 ? -gap : gap) < 0.35 + span * 0.5) inside = 0.9;
        else if (gap < 0 && Math.floor(u / 4) !== Math.floor((u - span * 0.7) / 4)) inside = Math.max(inside, 0.35);
      }
      out.alpha = inside;
      out.within = inside > 0.3;
      const tone = 1 + 0.08 * sample(soft, u * 9, v * 14) - (y < deck - thick ? 0.12 : 0) - 0.25 * smooth(1.6, 0, y);
      const edge = y > deck - 0.25 && y < deck ? 0.78 : 1;
      out.r = colour[0] * tone * edge;
      out.g = colour[1] * tone * edge;
      out.b = colour[2] * tone * edge;
    });
  };
  return { z, draw };
}

/** A pier of planks that runs out over the water from near to far. */
export function pier(near: [number, number], far: [number, number], half: number, deck: number, random: Random): Thing {
  const { fine, soft } = tiles();
  const wood: Colour = random.chance(0.5) ? PLANK : GREY_WOOD;
  const rails = random.chance(0.3);
  const seed = random.int(0, 400);
  const dx = far[0] - near[0];
  const dz = far[1] - near[1];
  const length = Math.sqrt(dx * dx + dz * dz);
  const ox = (dz / length) * half;
  const oz = (-dx / length) * half;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const { eye } = scene.camera;
    const sun = 0.1 + 0.9 * sunOn(scene, 0, 1, 0);
    const sections = 14;
    const at = (t: number, s: number, y: number, u: number, v: number): Corner => ({
      x: near[0] + dx * t + ox * s,
      y,
      z: near[1] + dz * t + oz * s,
      u,
      v,
    });
    const count = Math.min(40, Math.floor(length / 4));
    for (let i = count; i >= 0; i--) {
      for (const s of [-0.92, 0.92]) {
        const k = at(i / count, s, 0, 0, 0);
        if (k.z > 1)
          bar(canvas, scene, [k.x, -0.4, k.z], [k.x, deck + (rails ? 1 : 0.25), k.z], 0.11, PIER, [
            wood[0] * 0.6,
            wood[1] * 0.6,
            wood[2] * 0.6,
          ]);
      }
    }
    const board2: Paint = (u, v, span, out) => {
      const plank = v / 0.22;
      const gap = span < 0.12 ? smooth(0.1, 0.02, plank - Math.floor(plank)) : 0.12;
      const tone =
        (1 - gap * 0.6) *
        (0.86 + 0.28 * hashUnit(Math.floor(plank), seed)) *
        (1 + 0.08 * sample(fine, u * 9 + seed, v * 60) + 0.06 * sample(soft, u * 5, v * 5));
      out.r = wood[0] * tone;
      out.g = wood[1] * tone;
      out.b = wood[2] * tone;
    };
    const beam: Paint = (u, v, span, out) => {
      out.r = wood[0] * 0.55;
      out.g = wood[1] * 0.55;
      out.b = wood[2] * 0.55;
    };
    for (let i = sections - 1; i >= 0; i--) {
      const a = i / sections;
      const b = (i + 1) / sections;
      if (at(a, 1, 0, 0, 0).z < 0.6) continue;
      for (const s of [-1, 1])
        face(
          canvas,
          scene,
          [at(a, s, deck - 0.3, 0, 0), at(b, s, deck - 0.3, 1, 0), at(b, s, deck, 1, 1), at(a, s, deck, 0, 1)],
          PIER,
          0.3 * sun,
          0.5,
          beam,
        );
      if (!canvas.mirror && eye > deck)
        face(
          canvas,
          scene,
          [
            at(a, -1, deck, -half, a * length),
            at(a, 1, deck, half, a * length),
            at(b, 1, deck, half, b * length),
            at(b, -1, deck, -half, b * length),
          ],
          PIER,
          sun,
          0.95,
          board2,
        );
    }
    if (rails) {
      for (const s of [-0.92, 0.92]) {
        for (const y of [0.55, 1]) {
          for (let i = sections - 1; i >= 0; i--) {
            const a = at(i / sections, s, 0, 0, 0);
            const b = at((i + 1) / sections, s, 0, 0, 0);
            if (a.z > 0.6) bar(canvas, scene, [a.x, deck + y, a.z], [b.x, deck + y, b.z], 0.045, PIER, wood);
          }
        }
      }
    }
  };
  return { z: far[1], draw };
}
