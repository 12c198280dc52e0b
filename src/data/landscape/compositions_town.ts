import type { Composition } from './compositions';
import { traffic } from './compositions_coast';
import { lead, walker } from './tracks';
import { other } from './figures';
import { trackCentre } from './ground';
import { add, backdrop, chain, cottages, edgeOf, foreground, grow, Plan, skyline, stand } from './placing';
import { groundAt } from './relief';
import { bridge, pier } from './crossings';
import { fence, railing, wall } from './structures';
import { ship } from './vessels';

function city(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const far = random.range(160, 600);
  scene.water = {
    kind: random.weighted({ water: 0.45, sea: 0.3, river: 0.25 }),
    waves: random.range(0.15, 0.5),
    surf: 0,
    murk: 0.5,
  };
  relief.shore = {
    kind: 'across',
    near: random.chance(0.5) ? random.range(3, 9) : -30,
    far,
    slant: random.range(-0.15, 0.15),
    bays: 0.35,
  };
  relief.level = 3;
  relief.rise = 10;
  relief.rough = 0.4;
  relief.bed = 0.3;
  cover.main = random.pick(['grass', 'earth', 'rock', 'land']);
  cover.shore = random.pick(['earth', 'rock']);
  scene.camera.horizon = random.range(0.44, 0.62);
  if (random.chance(0.25)) relief.ranges.push(chain(random, 'hill', far + 250, far + 800, random.range(50, 130)));
  backdrop(p, far + 900, [250, 900], 0.6);
  stand(scene, random.range(2, 12));
  skyline(p, far + 45, 60, -1.1, 1.1, [9, 28], random.range(0, 0.3));
  if (random.chance(0.7)) skyline(p, far + 130, 60, random.range(-1, 0), random.range(0.2, 1), [16, 45], 0.35);
  grow(p, {
    count: random.int(20, 70),
    from: far + 5,
    to: far + 38,
    left: -1.1,
    right: 1.1,
    species: { broad: 2, oak: 1, poplar: 1 },
    height: [6, 12],
    groups: 0.3,
  });
  if (random.chance(0.35)) {
    const z = far * random.range(0.45, 0.8);
    const reach = edgeOf(scene) * z * 1.25;
    add(p, bridge(z, -reach, reach, random.range(5, 10), random.int(4, 9), random));
  }
  if (random.chance(0.45)) traffic(p, random.int(1, 4), 0, -0.9, 0.9, 30, far * 0.4);
  if (random.chance(0.2))
    add(p, ship(random.range(-0.5, 0.5) * edgeOf(scene) * far * 0.7, far * 0.7, random.range(50, 80), random));
  if (random.chance(0.16)) add(p, railing(4.5, groundAt(relief, 0, 4.5), 1.1, -6, 6, random));
}

function harbour(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const side = random.sign() as 1 | -1;
  scene.water = { kind: random.chance(0.65) ? 'sea' : 'water', waves: random.range(0.08, 0.3), surf: 0, murk: 0.4 };
  relief.shore = {
    kind: 'along',
    offset: side * random.range(-6, 0),
    along: side * random.range(-0.02, 0.12),
    side,
    bays: 0.25,
  };
  relief.level = 2.4;
  relief.rise = 3;
  relief.rough = 0.15;
  relief.bed = 0.5;
  cover.main = random.pick(['earth', 'land', 'grass']);
  cover.shore = random.pick(['rock', 'earth']);
  cover.shoreWidth = 2;
  scene.camera.horizon = random.range(0.38, 0.52);
  const turned = side > 0 ? { from: 0.3, to: -0.3 } : { from: -0.3, to: 0.3 };
  if (random.chance(0.25)) relief.ranges.push(chain(random, 'hill', 250, 650, random.range(60, 140), { side: turned }));
  backdrop(p, 1500, [250, 900], 0.7);
  stand(scene, random.range(2.5, 10));
  const inland = (a: number, b: number): [number, number] => (side > 0 ? [-b, -a] : [a, b]);
  const [hl, hr] = inland(0.25, 1.05);
  if (random.chance(0.6)) cottages(p, random.int(3, 9), 40, 130, hl, hr);
  if (random.chance(0.6)) skyline(p, random.range(90, 170), 60, hl, hr, [8, 17], 0.04);
  const [bl, br] = side > 0 ? [-0.05, 0.95] : [-0.95, 0.05];
  traffic(p, random.int(2, 7), random.chance(0.22) ? 1 : 0, bl, br, 18, 130);
  if (random.chance(0.5)) {
    const z = random.range(10, 30);
    add(
      p,
      pier(
        [side * random.range(-2, 1), z],
        [side * random.range(8, 26), z + random.range(4, 22)],
        random.range(0.8, 1.6),
        0.8,
        random,
      ),
    );
  }
  if (random.chance(0.3)) add(p, wall([side * -14, 6], [side * -3, 55], random.range(0.7, 1.2), random));
  if (random.chance(0.35)) walker(p, undefined, 9, 24);
  if (random.chance(0.4))
    add(p, other(side * random.range(-7, -3), 14, groundAt(relief, side * -5, 14), random, ['lamp', 'bench', 'car']));
  if (random.chance(0.2)) add(p, other(side * -18, 80, groundAt(relief, side * -18, 80), random, ['tower']));
  grow(p, {
    count: random.int(8, 40),
    from: 40,
    to: 200,
    left: hl,
    right: hr,
    species: { broad: 2, pine: 1, palm: 1 },
    height: [5, 10],
    margin: 4,
  });
}

function village(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  cover.main = 'grass';
  cover.second = 'earth';
  cover.share = random.range(0, 0.25);
  relief.level = 5;
  relief.rise = 1;
  relief.rough = random.range(0.6, 3);
  relief.roughSize = random.range(60, 120);
  scene.camera.horizon = random.range(0.4, 0.54);
  if (random.chance(0.5)) relief.ranges.push(chain(random, 'hill', 160, 500, random.range(40, 120)));
  backdrop(p, 700, [350, 1200], 0.85);
  stand(scene, random.range(2, 12));
  const track = random.chance(0.7) ? lead(p, random.chance(0.6) ? 'road' : 'path', 300) : undefined;
  cottages(p, random.int(4, 12), 28, 150);
  if (random.chance(0.2)) skyline(p, 140, 20, random.range(-0.6, 0), random.range(0.1, 0.6), [9, 14], 0);
  grow(p, {
    count: random.int(20, 90),
    from: 25,
    to: 260,
    left: -1.1,
    right: 1.1,
    species: { broad: 2, oak: 1, poplar: 1, spruce: 1 },
    height: [5, 12],
    groups: random.next() * 0.7,
  });
  foreground(p, { tuft: 3, bush: 1 }, random.int(5, 30), 3, 12, [0.2, 0.6]);
  const start = random.range(8, 16);
  // It ends beside the track, if there is one.
  const end = track ? trackCentre(track, start) - track.half - 0.8 : edgeOf(scene) * start * random.range(0.2, 1.8);
  if (random.chance(0.35))
    add(
      p,
      fence(
        [-edgeOf(scene) * start * 1.3, start],
        [end, start * (track ? 1 : random.range(1.1, 2))],
        random.range(0.9, 1.2),
        random.chance(0.3),
        random,
      ),
    );
  else if (random.chance(0.5))
    add(
      p,
      wall(
        [-edgeOf(scene) * start * 1.3, start],
        [end, start * (track ? 1 : random.range(1.1, 2))],
        random.range(0.8, 1.5),
        random,
      ),
    );
  if (random.chance(0.3)) walker(p, track, 10, 30);
  if (track?.kind === 'road' && random.chance(0.4)) {
    const x = trackCentre(track, 30) + 1.2;
    add(p, other(x, 30, groundAt(relief, x, 30), random, ['car', 'lamp']));
  }
}

/** A view over a railing or a wall: a terrace above the sea, a lake or a valley. */
function terrace(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const wet = random.chance(0.65);
  scene.water = { kind: random.weighted({ sea: 0.55, lake: 0.2, water: 0.25 }), waves: 0.25, surf: 0, murk: 0.4 };
  relief.shore = wet
    ? {
        kind: 'across',
        near: random.range(16, 30),
        far: scene.water.kind === 'sea' ? Infinity : random.range(500, 1200),
        slant: random.range(-0.2, 0.2),
        bays: 0.5,
      }
    : { kind: 'none' };
  relief.level = 3;
  relief.rise = 14;
  relief.rough = 0.15;
  cover.main = random.pick(['grass', 'earth', 'land']);
  cover.second = 'grass';
  cover.share = 0.1;
  scene.camera.horizon = random.range(0.36, 0.5);
  if (random.chance(0.3))
    relief.ranges.push(chain(random, 'hill', wet ? 1200 : 80, wet ? 2000 : 400, random.range(80, 160)));
  backdrop(p, wet ? 1600 : 700, [350, 1100], 0.95);
  stand(scene, random.range(1.6, 2.2));
  const z = random.range(4, 7.5);
  const reach = edgeOf(scene) * z * 1.3;
  const ground = groundAt(relief, 0, z);
  if (random.chance(0.68))
    add(
      p,
      railing(
        z,
        ground,
        random.range(0.95, 1.15),
        -reach,
        random.chance(0.75) ? reach : reach * random.range(0, 0.7),
        random,
      ),
    );
  else add(p, wall([-reach, z], [reach, z * random.range(1, 1.4)], random.range(0.7, 1), random));
  if (random.chance(0.4)) lead(p, 'path', 14);
  if (random.chance(0.4)) walker(p, undefined, 4.5, 8);
  if (random.chance(0.4)) add(p, other(random.range(-3, 3), z * 0.95, ground, random, ['bench', 'lamp', 'sign']));
  if (wet && random.chance(0.4)) traffic(p, random.int(1, 3), random.chance(0.2) ? 1 : 0, -0.9, 0.9, 60, 240);
  if (random.chance(0.5)) foreground(p, { bush: 2, fern: 1 }, random.int(4, 14), 5, 14, [0.4, 1]);
}

export const TOWN: Record<string, Composition> = {
  city: { weight: 7, build: city },
  harbour: { weight: 5, build: harbour },
  village: { weight: 4, build: village },
  terrace: { weight: 7, build: terrace },
};
