import type { Composition } from './compositions';
import { add, backdrop, chain, edgeOf, foreground, grow, Plan, stand } from './placing';
import { bridge } from './crossings';
import { lead, walker, wildGround } from './tracks';
import { boat } from './vessels';
import { mixOf } from './woods';

function lake(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const far = random.range(220, 1300);
  scene.water = {
    kind: random.chance(0.72) ? 'water' : 'lake',
    waves: random.pick([0.02, 0.08, 0.2, 0.35]),
    surf: 0,
    murk: random.range(0.1, 0.5),
  };
  if (scene.water.kind === 'lake') scene.water.waves *= 0.4;
  relief.shore = {
    kind: 'across',
    near: random.range(-6, 11),
    far,
    slant: random.range(-0.35, 0.35),
    bays: random.range(0.6, 1.3),
  };
  relief.level = random.range(0.8, 2.2);
  relief.rise = random.range(8, 30);
  relief.rough = random.range(0.3, 1.2);
  relief.bed = 0.15;
  wildGround(p);
  cover.shore = random.pick(['earth', 'rock', 'sand', 'grass']);
  cover.shoreWidth = random.range(0.8, 3);
  if (!relief.boulders && random.chance(0.5))
    relief.boulders = {
      size: random.range(1.2, 3),
      share: random.range(0.2, 0.6),
      height: random.range(0.4, 1),
      near: 2,
      far: 40,
      reach: 6,
    };
  scene.camera.horizon = random.range(0.4, 0.56);
  if (random.chance(0.12)) relief.ranges.push(chain(random, 'hill', far, far + 400, random.range(70, 160)));
  backdrop(p, far + 60, [350, 1300], 0.97);
  stand(scene, random.range(1.5, 6));
  const mix = mixOf(random);
  grow(p, {
    count: random.int(60, 260),
    from: far,
    to: far + 160,
    left: -1.1,
    right: 1.1,
    species: mix,
    height: [9, 22],
    groups: random.next() * 0.8,
    margin: 3,
  });
  if (random.chance(0.4))
    grow(p, {
      count: random.int(1, 6),
      from: 8,
      to: 32,
      left: random.chance(0.5) ? -1.1 : 0.45,
      right: random.chance(0.5) ? -0.45 : 1.1,
      species: mix,
      height: [6, 13],
      margin: 0.5,
    });
  if (random.chance(0.3)) foreground(p, { reed: 3, fern: 1, bush: 1 }, random.int(8, 40), 3, 12, [0.5, 1.2]);
  if (random.chance(0.28))
    add(p, boat(random.range(-0.7, 0.7) * edgeOf(scene) * 60, random.range(25, 90), random.range(4, 9), random));
  if (random.chance(0.1)) walker(p, undefined, 6, 14);
}

function river(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const half = random.range(4, 16);
  scene.water = {
    kind: random.chance(0.6) ? 'river' : 'water',
    waves: random.range(0.1, 0.45),
    surf: random.chance(0.3) ? 0.25 : 0,
    murk: random.range(0.3, 0.9),
  };
  relief.shore = {
    kind: 'river',
    offset: random.sign() * half * random.range(0, 1.7),
    along: random.range(-0.15, 0.15),
    half,
    swing: random.range(10, 60),
    length: random.range(60, 200),
  };
  relief.level = random.range(1, 3);
  relief.rise = random.range(4, 14);
  relief.rough = random.range(0.3, 1.1);
  relief.bed = 0.4;
  relief.depth = 3;
  wildGround(p);
  if (random.chance(0.6)) cover.main = 'grass';
  cover.shore = random.pick(['rock', 'earth', 'sand']);
  cover.shoreWidth = random.range(0.8, 3);
  if (!relief.boulders && random.chance(0.55))
    relief.boulders = {
      size: random.range(1.4, 3.4),
      share: random.range(0.25, 0.6),
      height: random.range(0.5, 1),
      near: 2,
      far: 60,
      reach: 4,
    };
  scene.camera.horizon = random.range(0.32, 0.5);
  if (random.chance(0.25))
    relief.ranges.push(
      chain(random, 'hill', 80, 380, random.range(40, 110), {
        gap: { at: random.range(-0.1, 0.1), width: 0.22, depth: 0.95 },
      }),
    );
  backdrop(p, 500, [350, 1200], 0.92);
  stand(scene, random.range(1.8, 9));
  const mix = mixOf(random);
  grow(p, {
    count: random.int(60, 200),
    from: 30,
    to: 320,
    left: -1.1,
    right: 1.1,
    species: mix,
    height: [8, 18],
    groups: random.next(),
    margin: 3,
  });
  if (random.chance(0.4)) foreground(p, { bush: 2, fern: 1, reed: 2 }, random.int(10, 35), 4, 22, [0.5, 1.5]);
  if (random.chance(0.22)) {
    const z = random.range(35, 110);
    const reach = edgeOf(scene) * z * 1.3;
    add(p, bridge(z, -reach, reach, random.range(3, 6), random.int(3, 7), random));
  }
  if (random.chance(0.14)) lead(p, 'path', 120);
  if (random.chance(0.12)) walker(p, undefined, 8, 25);
}

function waterfall(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const at = random.range(45, 110);
  const height = at * random.range(0.28, 0.6);
  const centre = random.range(-0.22, 0.22) * at;
  scene.water = { kind: random.chance(0.5) ? 'water' : 'river', waves: 0.3, surf: 0.2, murk: 0.5 };
  relief.shore = {
    kind: 'river',
    offset: centre * 0.2,
    along: (centre * 0.8) / at,
    half: random.range(4, 9),
    swing: random.range(0, 6),
    length: 40,
  };
  relief.level = 2;
  relief.rise = 8;
  relief.rough = 1;
  relief.roughSize = 15;
  relief.bed = 0.5;
  relief.depth = 2;
  relief.cliff = {
    at: at + 6,
    height,
    swing: at * 0.1,
    from: -2,
    to: 2,
    fall: { x: centre, half: random.range(1, 3.4) * (at / 60), sway: random.range(0.5, 3) },
  };
  relief.boulders = {
    size: random.range(2, 4.5),
    share: random.range(0.35, 0.7),
    height: 0.9,
    near: 3,
    far: at - 4,
    reach: 9,
  };
  wildGround(p);
  cover.shore = 'rock';
  cover.shoreWidth = 4;
  cover.lush = random.range(0.2, 1);
  scene.camera.horizon = random.range(0.55, 0.7);
  backdrop(p, at * 5, [200, 500], 0.5);
  stand(scene, random.range(1.6, 5));
  const mix = mixOf(random);
  grow(p, {
    count: random.int(20, 60),
    from: 16,
    to: at,
    left: -1.1,
    right: 1.1,
    species: mix,
    height: [5, 12],
    groups: random.next() * 0.5,
    margin: 5,
  });
  grow(p, {
    count: random.int(20, 90),
    from: 5,
    to: at,
    left: -1.1,
    right: 1.1,
    species: { bush: 3, fern: 2 },
    height: [0.6, 1.7],
    margin: 1.5,
  });
  grow(p, {
    count: random.int(20, 80),
    from: at * 1.2,
    to: at * 1.9,
    left: -1.1,
    right: 1.1,
    species: mix,
    height: [5, 11],
    high: true,
  });
  if (random.chance(0.15)) walker(p, undefined, 10, 25);
}

/** Lakes, rivers, waterfalls. */
export const INLAND_WATER: Record<string, Composition> = {
  lake: { weight: 18, build: lake },
  river: { weight: 8, build: river },
  waterfall: { weight: 4, build: waterfall },
};
