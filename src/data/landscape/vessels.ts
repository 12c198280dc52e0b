import { Canvas } from './frame';
import { smooth } from './maths';
import { Colour, hex } from './palette';
import { Random } from '../../common/mulberry';
import { Scene, Thing } from './scene';
import { bar, Corner, face, plainPaint, sunOn } from './shapes';

const BOAT = 15;
const SHIP = 26;

const HULLS = ['#e9e7e0', '#e2ddd0', '#2f4f78', '#8f2f2a', '#3d6a5c', '#c8a04a', '#5a3f2b'].map(hex);
const WHITE = hex('#ecebe6');

/** Corners of a flat outline at depth z, from points (x, y) in metres. */
function outline(x: number, z: number, flip: number, points: [number, number][]): Corner[] {
  return points.map(([px, py]) => ({ x: x + px * flip, y: py, z, u: px, v: py }));
}

/** A small boat seen from the side: a rowing boat, a sailing boat or a motor boat, `length` metres long. */
export function boat(x: number, z: number, length: number, random: Random): Thing {
  const kind = random.weighted({ row: 0.35, sail: 0.4, motor: 0.25 });
  const hull = random.pick(HULLS);
  const flip = random.sign();
  const sailUp = random.chance(0.7);
  const l = length / 2;
  const draw = (canvas: Canvas, scene: Scene): void => {
    const light = 0.15 + 0.8 * sunOn(scene, 0.1, 0.25, -0.95);
    const side = (points: [number, number][], colour: Colour, share = 1): void =>
      face(canvas, scene, outline(x, z, flip, points), BOAT, light * share, 0.75, plainPaint(colour));
    const high = length * (kind === 'row' ? 0.13 : 0.15);
    if (kind === 'sail') {
      const mast = length * 1.25;
      if (sailUp) {
        face(
          canvas,
          scene,
          outline(x, z, flip, [
            [-l * 0.75, high * 1.5],
            [l * 0.12, high * 1.5],
            [l * 0.12, mast],
          ]),
          BOAT,
          light * 0.9 + 0.1,
          0.9,
          (u, v, span, out) => {
            const seam = v / (length * 0.17);
            const tone = 0.95 - 0.06 * smooth(0.1, 0, seam - Math.floor(seam)) + u * 0.02;
            out.r = WHITE[0] * tone;
            out.g = WHITE[1] * tone;
            out.b = WHITE[2] * tone;
          },
        );
        side(
          [
            [l * 0.2, high * 1.4],
            [l * 0.95, high * 1.2],
            [l * 0.16, mast * 0.86],
          ],
          WHITE,
          0.92,
        );
      }
      bar(
        canvas,
        scene,
        [x + flip * l * 0.15, high, z],
        [x + flip * l * 0.15, mast * 1.04, z],
        0.06 + length * 0.006,
        BOAT,
        [0.5, 0.48, 0.44],
      );
      side(
        [
          [-l * 0.45, high],
          [l * 0.25, high],
          [l * 0.15, high * 1.65],
          [-l * 0.4, high * 1.65],
        ],
        WHITE,
      );
    }
    if (kind === 'motor') {
      side(
        [
          [-l * 0.5, high],
          [l * 0.35, high],
          [l * 0.1, high * 2.4],
          [-l * 0.45, high * 2.4],
        ],
        WHITE,
      );
      side(
        [
          [-l * 0.4, high * 1.6],
          [l * 0.2, high * 1.6],
          [l * 0.1, high * 2.15],
          [-l * 0.38, high * 2.15],
        ],
        [0.05, 0.06, 0.08],
      );
    }
    side(
      [
        [-l * 0.92, -0.15],
        [l * 0.72, -0.15],
        [l * 1.02, high * 1.25],
        [l * 0.4, high],
        [-l, high * 1.05],
      ],
      hull,
    );
    side(
      [
        [-l * 0.97, high * 0.82],
        [l * 0.85, high * 0.88],
        [l * 1.02, high * 1.25],
        [l * 0.4, high],
        [-l, high * 1.05],
      ],
      WHITE,
    );
    if (kind === 'row') {
      side(
        [
          [-l * 0.85, high * 0.95],
          [l * 0.5, high * 0.9],
          [l * 0.35, high * 1.02],
          [-l * 0.8, high * 1.08],
        ],
        [hull[0] * 0.3, hull[1] * 0.3, hull[2] * 0.3],
      );
    }
  };
  return { z, draw };
}

/** A ship: a freighter with containers, a ferry, or a liner, `length` metres long. */
export function ship(x: number, z: number, length: number, random: Random): Thing {
  const kind = random.weighted({ freighter: 0.45, ferry: 0.3, sailer: 0.25 });
  const hull = random.pick(['#22303f', '#6f2a26', '#1f3b5c', '#343434', '#e3e1da'].map(hex));
  const flip = random.sign();
  const l = length / 2;
  const boxes = Array.from({ length: 24 }, () =>
    random.pick(['#b5532f', '#2f5f8f', '#c9a23a', '#3f7a4c', '#8b8d90', '#9a2f35'].map(hex)),
  );
  const draw = (canvas: Canvas, scene: Scene): void => {
    const light = 0.15 + 0.8 * sunOn(scene, 0.1, 0.25, -0.95);
    const high = length * (kind === 'sailer' ? 0.08 : 0.075);
    const side = (points: [number, number][], colour: Colour): void =>
      face(canvas, scene, outline(x, z, flip, points), SHIP, light, 0.75, plainPaint(colour));
    const windows = (from: number, to: number, low: number, top: number, rows: number): void => {
      face(
        canvas,
        scene,
        outline(x, z, flip, [
          [from, low],
          [to, low],
          [to, top],
          [from, top],
        ]),
        SHIP,
        light,
        0.75,
        (u, v, span, out) => {
          const row = ((v - low) / (top - low)) * rows;
          const f = row - Math.floor(row);
          const along = u / (length * 0.012);
          const pane =
            smooth(0.3, 0.4, f) *
            smooth(0.75, 0.65, f) *
            (along - Math.floor(along) < 0.65 || span > length * 0.01 ? 0.8 : 0);
          out.r = WHITE[0] * (1 - pane * 0.85);
          out.g = WHITE[1] * (1 - pane * 0.82);
          out.b = WHITE[2] * (1 - pane * 0.78);
        },
      );
    };
    if (kind === 'freighter') {
      for (let i = 0; i < 24; i++) {
        const column = i % 12;
        const tier = Math.floor(i / 12);
        const a = -l * 0.55 + column * l * 0.115;
        side(
          [
            [a, high + tier * high * 0.45],
            [a + l * 0.11, high + tier * high * 0.45],
            [a + l * 0.11, high + (tier + 1) * high * 0.45],
            [a, high + (tier + 1) * high * 0.45],
          ],
          boxes[i],
        );
      }
      windows(-l * 0.86, -l * 0.6, high, high * 2.9, 5);
      side(
        [
          [-l * 0.8, high * 2.9],
          [-l * 0.7, high * 2.9],
          [-l * 0.7, high * 3.5],
          [-l * 0.8, high * 3.5],
        ],
        hull,
      );
    } else if (kind === 'ferry') {
      windows(-l * 0.85, l * 0.68, high, high * 2.1, 3);
      windows(-l * 0.6, l * 0.45, high * 2.1, high * 2.8, 2);
      side(
        [
          [-l * 0.35, high * 2.8],
          [-l * 0.2, high * 2.8],
          [-l * 0.24, high * 3.7],
          [-l * 0.37, high * 3.7],
        ],
        boxes[0],
      );
    } else {
      for (const [at, tall] of [
        [-0.5, 0.52],
        [0, 0.6],
        [0.45, 0.5],
      ]) {
        bar(
          canvas,
          scene,
          [x + flip * l * at, high, z],
          [x + flip * l * at, length * tall, z],
          length * 0.006,
          SHIP,
          [0.16, 0.11, 0.07],
        );
        for (let s = 0; s < 3; s++) {
          const low = high * 1.6 + s * length * tall * 0.27;
          const wide = l * (0.24 - s * 0.045);
          side(
            [
              [l * at - wide, low],
              [l * at + wide, low],
              [l * at + wide * 0.85, low + length * tall * 0.24],
              [l * at - wide * 0.85, low + length * tall * 0.24],
            ],
            [0.62, 0.57, 0.47],
          );
        }
      }
      bar(
        canvas,
        scene,
        [x + flip * l * 0.9, high * 1.2, z],
        [x + flip * l * 1.35, high * 2.4, z],
        length * 0.005,
        SHIP,
        [0.16, 0.11, 0.07],
      );
    }
    side(
      [
        [-l * 0.95, -0.3],
        [l * 0.82, -0.3],
        [l * 1.02, high * 1.3],
        [l * 0.75, high],
        [-l, high],
      ],
      hull,
    );
    side(
      [
        [-l * 0.95, -0.3],
        [l * 0.82, -0.3],
        [l * 0.86, high * 0.16],
        [-l * 0.96, high * 0.16],
      ],
      [0.22, 0.05, 0.04],
    );
  };
  return { z, draw };
}
