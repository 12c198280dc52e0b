import type { Composition } from './compositions';
import { other } from './figures';
import { trackCentre } from './ground';
import { add, backdrop, chain, cottages, edgeOf, foreground, grow, Plan, stand } from './placing';
import { groundAt } from './relief';
import { fence } from './structures';
import { lead, walker, wildGround } from './tracks';
import { mixOf } from './woods';

function pass(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  relief.level = 6;
  relief.rise = 1;
  relief.rough = random.range(1, 5);
  relief.roughSize = random.range(25, 70);
  wildGround(p);
  if (!relief.boulders && random.chance(0.75))
    relief.boulders = {
      size: random.range(1.5, 5),
      share: random.range(0.15, 0.55),
      height: random.range(0.5, 1.1),
      near: 3,
      far: 120,
      reach: 1e9,
    };
  scene.camera.horizon = random.range(0.48, 0.68);
  cover.lush *= random.range(0.2, 1);
  const h = random.range(500, 1700);
  relief.ranges.push(
    chain(random, 'mountain', random.range(70, 400), h * random.range(1.1, 2), h, {
      gap: { at: random.range(-0.35, 0.35), width: random.range(0.12, 0.3), depth: random.range(0.4, 0.9) },
    }),
  );
  if (random.chance(0.7)) relief.ranges.push(chain(random, 'mountain', h * 3, h * 5, h * random.range(1.2, 2.2)));
  stand(scene, random.range(1.6, 4));
  const track = random.chance(0.3) ? lead(p, 'path', 260) : undefined;
  if (random.chance(0.5))
    grow(p, {
      count: random.int(8, 140),
      from: 30,
      to: 340,
      left: -1.1,
      right: 1.1,
      species: random.chance(0.7) ? { spruce: 3, pine: 1 } : mixOf(random),
      height: [7, 17],
      groups: random.range(0.2, 0.9),
    });
  if (random.chance(0.6))
    grow(p, {
      count: random.int(20, 160),
      from: 60,
      to: 600,
      left: -1.1,
      right: 1.1,
      species: { spruce: 3, pine: 1, bush: 0.5 },
      height: [7, 15],
      groups: random.range(0.3, 1),
      high: true,
    });
  if (random.chance(0.22)) walker(p, track, 8, 30);
  if (random.chance(0.12))
    add(p, other(random.range(-3, 3), random.range(8, 16), groundAt(relief, 0, 12), random, ['sign', 'cow']));
}

function meadow(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  cover.main = 'grass';
  cover.second = random.pick(['earth', 'land']);
  cover.share = random.chance(0.4) ? random.range(0.1, 0.3) : 0;
  relief.level = 5;
  relief.rise = 1;
  relief.rough = random.range(0.6, 3);
  relief.roughSize = random.range(40, 90);
  scene.camera.horizon = random.range(0.38, 0.55);
  relief.ranges.push(chain(random, 'hill', random.range(60, 200), random.range(350, 700), random.range(45, 150)));
  backdrop(p, 1100, [400, 1300], 0.6);
  stand(scene, random.range(1.6, 6));
  const track = random.chance(0.3) ? lead(p, random.chance(0.75) ? 'path' : 'road', 300) : undefined;
  grow(p, {
    count: random.int(10, 120),
    from: 25,
    to: 380,
    left: -1.1,
    right: 1.1,
    species: mixOf(random),
    height: [7, 16],
    groups: random.range(0.3, 1),
  });
  foreground(
    p,
    { tuft: 5, fern: random.chance(0.3) ? 1 : 0, bush: random.chance(0.3) ? 1 : 0 },
    random.int(20, 70),
    2.6,
    9,
    [0.2, 0.5],
  );
  if (random.chance(0.35)) {
    const z = random.range(9, 22);
    add(
      p,
      fence(
        [-edgeOf(scene) * z * 1.2, z],
        [edgeOf(scene) * z * 1.6, z * random.range(1, 1.9)],
        random.range(1, 1.3),
        random.chance(0.3),
        random,
      ),
    );
  }
  if (random.chance(0.25)) cottages(p, random.int(1, 2), 50, 130);
  if (random.chance(0.15)) walker(p, track, 9, 30);
  if (random.chance(0.25))
    for (let i = random.int(1, 4); i > 0; i--) {
      const z = random.range(16, 45);
      const x = random.range(-0.7, 0.7) * edgeOf(scene) * z;
      add(p, other(x, z, groundAt(relief, x, z), random, ['cow']));
    }
}

function fields(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  cover.main = random.chance(0.6) ? 'grass' : 'land';
  cover.fields = {
    from: random.range(10, 30),
    to: random.range(900, 2500),
    size: random.range(40, 120),
    turn: random.range(-0.6, 0.6),
  };
  relief.level = 5;
  relief.rise = 1;
  relief.rough = random.range(1, 7);
  relief.roughSize = random.range(140, 300);
  scene.camera.horizon = random.range(0.36, 0.5);
  if (random.chance(0.35)) relief.ranges.push(chain(random, 'hill', 900, 1900, random.range(60, 160)));
  backdrop(p, 1700, [350, 1100], 0.7);
  stand(scene, random.range(3, 24));
  const track = random.chance(0.5) ? lead(p, random.chance(0.7) ? 'road' : 'path', 700) : undefined;
  grow(p, {
    count: random.int(10, 70),
    from: 60,
    to: 700,
    left: -1.1,
    right: 1.1,
    species: random.pick([
      { broad: 2, oak: 1, poplar: 2 },
      { oak: 1, broad: 1 },
    ]),
    height: [8, 17],
    groups: random.range(0.5, 1),
    margin: 4,
  });
  if (random.chance(0.4)) {
    const z = random.range(7, 14);
    add(
      p,
      fence(
        [-edgeOf(scene) * z * 1.3, z],
        [edgeOf(scene) * z * 2, z * random.range(1.1, 2.2)],
        random.range(0.9, 1.2),
        random.chance(0.5),
        random,
      ),
    );
  }
  if (random.chance(0.45)) cottages(p, random.int(1, 4), 70, 240);
  if (track?.kind === 'road' && random.chance(0.3))
    add(p, other(trackCentre(track, 40) + 1.2, 40, groundAt(relief, trackCentre(track, 40), 40), random, ['car']));
}

function forest(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  cover.main = random.pick(['grass', 'earth', 'earth']);
  cover.second = cover.main === 'grass' ? 'earth' : 'grass';
  cover.share = random.range(0.2, 0.5);
  cover.patch = random.range(3, 8);
  relief.level = 4;
  relief.rise = 1;
  relief.rough = random.range(0.6, 3);
  relief.roughSize = random.range(20, 50);
  if (random.chance(0.3)) relief.boulders = { size: 3, share: 0.2, height: 0.7, near: 3, far: 40, reach: 1e9 };
  scene.camera.horizon = random.range(0.46, 0.6);
  backdrop(p, 350, [300, 700], 0.45);
  stand(scene, 1.7);
  const track = random.chance(0.5) ? lead(p, 'path', 80) : undefined;
  const mix = mixOf(random);
  const opening = random.range(-0.5, 0.5);
  const gap = random.range(0.12, 0.45);
  grow(p, {
    count: random.int(60, 110),
    from: 17,
    to: 120,
    left: -1.15,
    right: opening - gap,
    species: mix,
    height: [9, 19],
    margin: 1.5,
  });
  grow(p, {
    count: random.int(60, 110),
    from: 17,
    to: 120,
    left: opening + gap,
    right: 1.15,
    species: mix,
    height: [9, 19],
    margin: 1.5,
  });
  grow(p, { count: random.int(20, 90), from: 60, to: 170, left: -1.1, right: 1.1, species: mix, height: [8, 17] });
  foreground(p, { fern: 3, bush: 2, tuft: 2 }, random.int(20, 60), 3.5, 22, [0.35, 1]);
  if (random.chance(0.18)) walker(p, track, 9, 20);
}

function dryland(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const dunes = random.chance(0.35);
  cover.main = dunes ? 'sand' : 'land';
  cover.second = random.pick(['rock', 'earth', 'sand', 'grass']);
  cover.share = dunes ? 0.05 : random.range(0.1, 0.4);
  cover.patch = random.range(6, 25);
  cover.lush = random.range(0, 0.25);
  cover.wooded *= 0.3;
  relief.level = 8;
  relief.rise = 1;
  relief.rough = dunes ? random.range(4, 9) : random.range(0.8, 3);
  relief.roughSize = dunes ? random.range(45, 90) : random.range(40, 90);
  scene.camera.horizon = random.range(0.38, 0.55);
  if (random.chance(0.55))
    relief.boulders = {
      size: random.range(3, 8),
      share: random.range(0.1, 0.35),
      height: 0.8,
      near: 4,
      far: 160,
      reach: 1e9,
    };
  if (random.chance(0.2)) relief.ranges.push(chain(random, 'hill', 200, 700, random.range(40, 110)));
  backdrop(p, 800, [250, 900], 0.9);
  stand(scene, random.range(1.7, 7));
  const track = random.chance(0.3) ? lead(p, random.chance(0.5) ? 'path' : 'road', 900) : undefined;
  if (!dunes)
    grow(p, {
      count: random.int(6, 50),
      from: 6,
      to: 90,
      left: -1.1,
      right: 1.1,
      species: { bush: 5, tuft: 3, pine: 0.5 },
      height: [0.5, 1.6],
      groups: 0.3,
    });
  if (random.chance(0.25)) walker(p, track, 8, 25);
}

/** Mountains, meadows, fields, woods, dry land. */
export const LAND: Record<string, Composition> = {
  pass: { weight: 13, build: pass },
  meadow: { weight: 6, build: meadow },
  fields: { weight: 5, build: fields },
  forest: { weight: 5, build: forest },
  dryland: { weight: 6, build: dryland },
};
