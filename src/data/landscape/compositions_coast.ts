import type { Composition } from './compositions';
import { lead, walker } from './tracks';
import { other } from './figures';
import { add, backdrop, chain, cottages, edgeOf, foreground, grow, Plan, skyline, stand } from './placing';
import { found, groundAt, measure, Shore, shoreDistance } from './relief';
import { pier } from './crossings';
import { boat, ship } from './vessels';

/** A sea of this roughness. */
function sea(p: Plan, waves: number): void {
  p.scene.water = { kind: 'sea', waves, surf: 0.35 + 0.65 * waves, murk: p.random.range(0.2, 0.6) };
}

/** Boats and ships on open water between two depths, on the side given by directions -1 .. 1. */
export function traffic(p: Plan, boats: number, ships: number, left: number, right: number, from = 40, to = 220): void {
  const { random, scene } = p;
  const afloat = (x: number, z: number, length: number): boolean => {
    for (const dx of [-0.6, 0, 0.6]) {
      if (shoreDistance(scene.relief, x + dx * length, z) > -1.5) return false;
      measure(scene.relief, x + dx * length, z);
      if (found.height > -0.1) return false;
    }
    return true;
  };
  for (let i = 0, tries = 0; i < boats && tries < 60; tries++) {
    const z = random.range(from, to);
    const length = random.range(5, 12);
    const x = random.range(left, right) * edgeOf(scene) * z;
    if (!afloat(x, z, length)) continue;
    add(p, boat(x, z, length, random));
    i++;
  }
  for (let i = 0, tries = 0; i < ships && tries < 60; tries++) {
    const length = random.range(60, 140);
    const z = length * random.range(2.5, 8);
    const x = random.range(left, right) * edgeOf(scene) * z;
    if (!afloat(x, z, length)) continue;
    add(p, ship(x, z, length, random));
    i++;
  }
}

/** Ground of a sea shore. */
function strand(p: Plan): void {
  const { random, scene } = p;
  const { cover } = scene;
  const [shore, main] = random.pick([
    ['sand', 'sand'],
    ['sand', 'grass'],
    ['rock', 'rock'],
    ['rock', 'grass'],
    ['sand', 'land'],
    ['rock', 'earth'],
    ['earth', 'grass'],
    ['sand', 'earth'],
  ] as const);
  cover.shore = shore;
  cover.main = main;
  cover.second = random.pick(['rock', 'earth', 'grass', 'land']);
  cover.share = random.range(0.05, 0.4);
  cover.shoreWidth = shore === 'sand' ? random.range(8, 30) : random.range(3, 10);
}

function coast(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const side = random.sign() as 1 | -1;
  sea(p, random.range(0.25, 0.8));
  if (random.chance(0.25)) scene.water.kind = 'water';
  relief.shore = {
    kind: 'along',
    offset: side * random.range(-9, 4),
    along: side * random.range(-0.12, 0.22),
    side,
    bays: random.range(0.5, 1.2),
  };
  relief.level = random.range(1.5, 9);
  relief.rise = random.range(12, 45);
  relief.rough = random.range(0.4, 2);
  relief.bed = 0.07;
  relief.depth = 8;
  strand(p);
  const turned = side > 0 ? { from: 0.15, to: -0.35 } : { from: -0.15, to: 0.35 };
  const h = random.range(120, 700);
  if (random.chance(0.22)) relief.ranges.push(chain(random, 'hill', 120, 500, random.range(40, 120), { side: turned }));
  if (random.chance(0.85))
    relief.ranges.push(
      chain(random, 'mountain', random.range(150, 700), h * 2 + 500, h, {
        side: turned,
        size: h * random.range(2, 3.5),
      }),
    );
  backdrop(p, 3000, [300, 900], 0.4);
  if (random.chance(0.6))
    relief.boulders = {
      size: random.range(1.8, 6),
      share: random.range(0.15, 0.5),
      height: random.range(0.6, 1.1),
      near: 3,
      far: 90,
      reach: random.range(2, 12),
    };
  scene.camera.horizon = random.range(0.36, 0.52);
  stand(scene, random.range(1.8, 14));
  if (random.chance(0.5))
    grow(p, {
      count: random.int(20, 120),
      from: 25,
      to: 260,
      left: -1.1,
      right: 1.1,
      species: random.pick([
        { pine: 3, bush: 2 },
        { palm: 3, bush: 1 },
        { broad: 2, pine: 1, bush: 2 },
      ]),
      height: [5, 11],
      groups: random.next() * 0.7,
      margin: cover.shoreWidth * 0.8,
    });
  if (random.chance(0.3)) foreground(p, { tuft: 3, bush: 1, reed: 1 }, random.int(10, 40), 3, 14, [0.3, 0.9]);
  if (random.chance(0.13)) cottages(p, random.int(1, 5), 90, 260);
  const out: [number, number] = side > 0 ? [0.2, 0.95] : [-0.95, -0.2];
  if (random.chance(0.2)) traffic(p, random.int(1, 2), 0, out[0], out[1]);
  else if (random.chance(0.06)) traffic(p, 0, 1, out[0], out[1]);
  if (random.chance(0.14))
    skyline(p, random.range(250, 600), 120, side > 0 ? -1 : 0.3, side > 0 ? -0.3 : 1, [9, 30], 0.2);
  if (random.chance(0.22)) walker(p, undefined, 10, 45);
  if (random.chance(0.1)) {
    const x = -side * random.range(0.1, 0.4) * edgeOf(scene) * 90;
    add(p, other(x, 90, groundAt(relief, x, 90), random, ['tower']));
  }
}

function openSea(p: Plan): void {
  const { random, scene } = p;
  const { relief } = scene;
  sea(p, random.range(0.15, 1));
  if (random.chance(0.3)) scene.water.kind = 'water';
  relief.shore = {
    kind: 'across',
    near: random.chance(0.6) ? random.range(3, 14) : -30,
    far: Infinity,
    slant: random.range(-0.5, 0.5),
    bays: random.range(0.6, 1.5),
  };
  relief.level = random.range(0.6, 2.5);
  relief.rise = random.range(6, 20);
  relief.rough = random.range(0.2, 0.8);
  relief.bed = 0.07;
  relief.depth = 9;
  strand(p);
  if (random.chance(0.75))
    relief.ranges.push(
      chain(random, 'mountain', random.range(900, 2600), random.range(2800, 4500), random.range(120, 620), {
        side: random.chance(0.6)
          ? random.chance(0.5)
            ? { from: 0.25, to: -0.4 }
            : { from: -0.25, to: 0.4 }
          : undefined,
        end: random.chance(0.5) ? 7000 : Infinity,
      }),
    );
  if (random.chance(0.7))
    relief.boulders = {
      size: random.range(2, 7),
      share: random.range(0.2, 0.6),
      height: random.range(0.7, 1.3),
      near: 3,
      far: 70,
      reach: random.range(1, 6),
    };
  scene.camera.horizon = random.range(0.32, 0.55);
  stand(scene, random.range(1.8, 12));
  if (random.chance(0.28)) traffic(p, random.int(1, 3), 0, -0.9, 0.9);
  if (random.chance(0.2)) traffic(p, 0, 1, -0.8, 0.8);
  if (random.chance(0.2)) walker(p, undefined, 6, 16);
}

function beachPier(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const lakeside = random.chance(0.35);
  if (lakeside) scene.water = { kind: random.chance(0.45) ? 'lake' : 'water', waves: 0.08, surf: 0, murk: 0.3 };
  else sea(p, random.range(0.1, 0.45));
  relief.shore = {
    kind: 'across',
    near: random.range(4, 12),
    far: lakeside ? random.range(300, 800) : Infinity,
    slant: random.range(-0.4, 0.4),
    bays: 0.6,
  } as Shore;
  relief.level = 1.4;
  relief.rise = 12;
  relief.rough = 0.3;
  relief.bed = 0.08;
  relief.depth = 6;
  cover.main = lakeside ? random.pick(['grass', 'earth']) : 'sand';
  cover.shore = lakeside ? random.pick(['earth', 'sand', 'rock']) : 'sand';
  cover.shoreWidth = lakeside ? 2 : 12;
  scene.camera.horizon = random.range(0.36, 0.5);
  backdrop(p, lakeside ? 900 : 2500, [300, 900], 0.75);
  stand(scene, random.range(1.9, 4.5));
  const aim = random.range(-0.35, 0.35) * edgeOf(scene);
  const length = random.range(20, 70);
  const z = random.range(1.5, 6);
  const deck = Math.min(0.9, scene.camera.eye - 1);
  add(p, pier([random.range(-1.5, 1.5), z], [aim * (z + length), z + length], random.range(0.9, 2), deck, random));
  if (lakeside)
    grow(p, {
      count: random.int(60, 200),
      from: relief.shore.kind === 'across' ? relief.shore.far : 0,
      to: 1100,
      left: -1.1,
      right: 1.1,
      species: { spruce: 2, broad: 2 },
      height: [10, 20],
      groups: 0.3,
      margin: 3,
    });
  if (random.chance(0.5)) traffic(p, random.int(1, 3), 0, -0.9, 0.9, 25, 120);
  if (random.chance(0.25)) walker(p, undefined, 6, 12);
  if (!lakeside && random.chance(0.35))
    add(p, other(random.range(-3, 3), 9, groundAt(relief, 0, 9), random, ['parasol', 'bench']));
  if (lakeside && random.chance(0.3)) lead(p, 'path', 12);
}

export const COAST: Record<string, Composition> = {
  coast: { weight: 16, build: coast },
  openSea: { weight: 10, build: openSea },
  pier: { weight: 6, build: beachPier },
};
