import { Canvas } from './frame';
import { smooth } from './maths';
import { Colour, hex } from './palette';
import { Random } from '../../common/mulberry';
import { Scene, Thing } from './scene';
import { bar, board, Corner, face, plainPaint } from './shapes';

const PERSON = 14;
const OTHER = 28;

const CLOTHES = ['#b3282d', '#2e4f86', '#d8d3c6', '#2b2c30', '#d18d27', '#3f7d54', '#7c4a82', '#4aa0c0'].map(hex);
const TROUSERS = ['#2a3040', '#3d3a36', '#6b6250', '#1e2126', '#54708f'].map(hex);
const SKIN = ['#d9a887', '#b07a58', '#8a5a3f', '#e3b796'].map(hex);
const HAIR = ['#2b211b', '#56402c', '#a5854f', '#1a1817'].map(hex);

/** An ellipse that faces the viewer. */
function ellipse(x: number, y: number, z: number, a: number, b: number, sides = 8): Corner[] {
  const ring: [number, number][] = [
    [1, 0],
    [0.7071, 0.7071],
    [0, 1],
    [-0.7071, 0.7071],
    [-1, 0],
    [-0.7071, -0.7071],
    [0, -1],
    [0.7071, -0.7071],
  ];
  return ring.slice(0, sides).map(([u, v]) => ({ x: x + u * a, y: y + v * b, z, u, v }));
}

/** Somebody who stands or walks, `height` metres tall. */
export function person(x: number, z: number, ground: number, height: number, random: Random): Thing {
  const shirt = random.pick(CLOTHES);
  const legs = random.pick(TROUSERS);
  const skin = random.pick(SKIN);
  const hair = random.pick(HAIR);
  const stride = random.range(0.02, 0.12) * height;
  const pack = random.chance(0.35) ? random.pick(CLOTHES) : undefined;
  const h = height;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const y = ground;
    const lit = undefined;
    bar(canvas, scene, [x - stride, y, z], [x - 0.02 * h, y + 0.48 * h, z], 0.05 * h, PERSON, legs, lit);
    bar(canvas, scene, [x + stride, y, z], [x + 0.02 * h, y + 0.48 * h, z], 0.05 * h, PERSON, legs, lit);
    bar(canvas, scene, [x - 0.13 * h, y + 0.45 * h, z], [x - 0.1 * h, y + 0.8 * h, z], 0.028 * h, PERSON, shirt, lit);
    bar(canvas, scene, [x + 0.13 * h, y + 0.45 * h, z], [x + 0.1 * h, y + 0.8 * h, z], 0.028 * h, PERSON, shirt, lit);
    bar(canvas, scene, [x, y + 0.45 * h, z], [x, y + 0.82 * h, z], 0.1 * h, PERSON, shirt, lit);
    if (pack)
      bar(canvas, scene, [x + 0.01 * h, y + 0.54 * h, z], [x + 0.01 * h, y + 0.8 * h, z], 0.075 * h, PERSON, pack, lit);
    bar(canvas, scene, [x, y + 0.8 * h, z], [x, y + 0.88 * h, z], 0.03 * h, PERSON, skin, lit);
    face(canvas, scene, ellipse(x, y + 0.925 * h, z, 0.055 * h, 0.07 * h), PERSON, 0.4, 0.75, (u, v, span, out) => {
      const c: Colour = v > 0.05 || pack ? hair : skin;
      out.r = c[0];
      out.g = c[1];
      out.b = c[2];
    });
  };
  return { z, draw, shadow: { x, z, half: 0.16 * h, height: h, strength: 0.5 } };
}

/** Things of no class of their own: a lamp, a signpost, a bench, a car, a cow, a parasol. */
export function other(
  x: number,
  z: number,
  ground: number,
  random: Random,
  kinds: readonly ('lamp' | 'sign' | 'bench' | 'car' | 'cow' | 'parasol' | 'tower')[],
): Thing {
  const kind = random.pick(kinds);
  const colour = random.pick(CLOTHES);
  const flip = random.sign();
  const draw = (canvas: Canvas, scene: Scene): void => {
    const y = ground;
    const patch = (points: [number, number][], c: Colour, light = 0.5): void =>
      face(
        canvas,
        scene,
        points.map(([px, py]) => ({ x: x + px * flip, y: y + py, z, u: px, v: py })),
        OTHER,
        light,
        0.75,
        plainPaint(c),
      );
    const rod = (x0: number, y0: number, x1: number, y1: number, half: number, c: Colour): void =>
      bar(canvas, scene, [x + x0 * flip, y + y0, z], [x + x1 * flip, y + y1, z], half, OTHER, c);
    if (kind === 'lamp') {
      rod(0, 0, 0, 5.2, 0.09, [0.06, 0.065, 0.07]);
      rod(0, 5.15, 0.9, 5.3, 0.05, [0.06, 0.065, 0.07]);
      patch(
        [
          [0.6, 5.05],
          [1.1, 5.1],
          [1.1, 5.3],
          [0.6, 5.3],
        ],
        [0.5, 0.5, 0.45],
      );
    } else if (kind === 'sign') {
      rod(0, 0, 0, 2.3, 0.07, [0.16, 0.1, 0.06]);
      patch(
        [
          [-0.55, 1.75],
          [0.5, 1.75],
          [0.75, 1.95],
          [0.5, 2.15],
          [-0.55, 2.15],
        ],
        [0.42, 0.28, 0.12],
      );
      patch(
        [
          [-0.7, 1.4],
          [-0.5, 1.25],
          [0.4, 1.25],
          [0.4, 1.55],
          [-0.5, 1.55],
        ],
        [0.38, 0.25, 0.11],
      );
    } else if (kind === 'bench') {
      for (const at of [-0.75, 0.75]) rod(at, 0, at, 0.85, 0.05, [0.06, 0.06, 0.06]);
      for (const at of [0.42, 0.58, 0.72, 0.86]) rod(-0.95, at, 0.95, at, 0.055, [0.27, 0.16, 0.08]);
    } else if (kind === 'car') {
      patch(
        [
          [-2, 0.35],
          [2.1, 0.35],
          [2.1, 0.85],
          [1.2, 0.98],
          [-2, 0.98],
        ],
        colour,
      );
      patch(
        [
          [-1.6, 0.95],
          [1.15, 0.95],
          [0.5, 1.5],
          [-1.2, 1.5],
        ],
        colour,
      );
      patch(
        [
          [-1.4, 1],
          [0.9, 1],
          [0.42, 1.42],
          [-1.1, 1.42],
        ],
        [0.04, 0.05, 0.06],
      );
      for (const at of [-1.25, 1.25])
        face(
          canvas,
          scene,
          ellipse(x + at * flip, y + 0.33, z - 0.01, 0.34, 0.34),
          OTHER,
          0.3,
          0.6,
          plainPaint([0.025, 0.025, 0.027]),
        );
    } else if (kind === 'cow') {
      const coat: Colour = colour[0] > 0.3 ? [0.55, 0.5, 0.44] : [0.16, 0.085, 0.05];
      for (const at of [-0.75, -0.55, 0.5, 0.7]) rod(at, 0, at, 0.8, 0.075, coat);
      patch(
        [
          [-0.9, 0.65],
          [0.75, 0.62],
          [0.95, 1.15],
          [0.8, 1.4],
          [-0.85, 1.38],
          [-1, 1.1],
        ],
        coat,
      );
      patch(
        [
          [0.7, 1],
          [1.35, 0.75],
          [1.5, 0.95],
          [1.25, 1.35],
          [0.85, 1.45],
        ],
        coat,
      );
      patch(
        [
          [-0.4, 0.8],
          [0.15, 0.8],
          [0.2, 1.25],
          [-0.35, 1.3],
        ],
        [0.6, 0.57, 0.5],
      );
    } else if (kind === 'parasol') {
      rod(0, 0, 0, 2.1, 0.04, [0.5, 0.48, 0.42]);
      face(
        canvas,
        scene,
        [
          [-1.3, 1.8],
          [1.3, 1.8],
          [0.9, 2.15],
          [0, 2.4],
          [-0.9, 2.15],
        ].map(([px, py]) => ({ x: x + px, y: y + py, z, u: px, v: py })),
        OTHER,
        0.75,
        0.8,
        (u, v, span, out) => {
          const stripe = smooth(0.45, 0.55, u * 1.5 - Math.floor(u * 1.5));
          out.r = colour[0] + (0.75 - colour[0]) * stripe;
          out.g = colour[1] + (0.72 - colour[1]) * stripe;
          out.b = colour[2] + (0.66 - colour[2]) * stripe;
        },
      );
    } else {
      // A lighthouse.
      board(canvas, scene, x, y, z, 4.4, 15, OTHER, (u, v, span, out) => {
        const d = (u - 2.2) / 2.2;
        const wide = v < 12 ? 0.95 - v * 0.035 : v < 12.6 ? 0.75 : v < 14.2 ? 0.36 : 0.3 * (15 - v);
        out.alpha = d * d < wide * wide ? 1 : 0;
        const red = v > 3.2 && v < 6.2 ? 1 : v > 9 && v < 11.6 ? 1 : v > 14.2 ? 1 : 0;
        const round = 0.75 + 0.3 * (1 - d * d) - d * 0.12;
        out.r = (red ? 0.5 : 0.72) * round;
        out.g = (red ? 0.06 : 0.71) * round;
        out.b = (red ? 0.05 : 0.68) * round;
        if (v > 12.6 && v < 14.2) out.emit = 0.25;
      });
    }
  };
  const sizes = {
    lamp: [0.1, 5.2],
    sign: [0.3, 2.2],
    bench: [0.9, 0.85],
    car: [2, 1.5],
    cow: [0.9, 1.4],
    parasol: [1.2, 2.3],
    tower: [2, 14],
  } as const;
  return { z, draw, shadow: { x, z, half: sizes[kind][0], height: sizes[kind][1], strength: 0.45 } };
}
