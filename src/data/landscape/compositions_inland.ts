import type { Composition } from './compositions';
import { other, person } from './figures';
import { trackCentre } from './ground';
import { add, backdrop, chain, cottages, edgeOf, foreground, grow, Plan, stand } from './placing';
import { groundAt, shoreDistance } from './relief';
import { Track } from './scene';
import { bridge, fence } from './structures';
import { boat } from './vessels';
import { mixOf } from './woods';

/** A path or road that leads from the viewer into the picture. */
export function lead(p: Plan, kind: Track['kind'], to: number): Track {
  const { random } = p;
  const half = kind === 'path' ? random.range(0.5, 1.1) : random.range(2.4, 3.4);
  const track: Track = {
    kind, offset: random.range(-2, 2), along: random.range(-0.18, 0.18), swing: random.range(3, 14) * (kind === 'road' ? 1.6 : 0.6), length: random.range(22, 70) * (kind === 'road' ? 1.8 : 0.8),
    half, from: 0, to, phase: random.range(0, 6),
  };
  p.scene.cover.tracks.push(track);
  return track;
}

/** Somebody on a track, or near the viewer. */
export function walker(p: Plan, track: Track | undefined, from: number, to: number): void {
  const { random, scene } = p;
  const count = random.chance(0.35) ? 2 : 1;
  for (let tries = 0; tries < 12; tries++) {
    const z = random.range(from, to);
    const x = track ? trackCentre(track, z) : random.range(-0.6, 0.6) * edgeOf(scene) * z;
    if (shoreDistance(scene.relief, x, z) < 0.8) continue;
    for (let i = 0; i < count; i++) add(p, person(x + i * 0.8, z + i * 0.4, groundAt(scene.relief, x + i * 0.8, z + i * 0.4), random.range(1.55, 1.85), random));
    return;
  }
}

/** Grass, earth or rock around the viewer, for scenes whose subject lies farther off. */
function wildGround(p: Plan): void {
  const { random, scene } = p;
  const [main, second] = random.pick([['grass', 'earth'], ['grass', 'rock'], ['earth', 'grass'], ['land', 'earth'], ['rock', 'earth'], ['rock', 'grass'], ['earth', 'rock']] as const);
  scene.cover.main = main;
  scene.cover.second = second;
  scene.cover.share = random.range(0.15, 0.5);
  scene.cover.patch = random.range(5, 16);
  // Bare rock is never flat.
  if (main === 'rock' || second === 'rock') {
    scene.relief.boulders = { size: random.range(1.4, 5), share: random.range(0.25, 0.6), height: random.range(0.5, 1), near: 2, far: 130, reach: 1e9 };
    scene.relief.rough += 0.5;
  }
}

function lake(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const far = random.range(220, 1300);
  scene.water = { kind: random.chance(0.72) ? 'water' : 'lake', waves: random.pick([0.02, 0.08, 0.2, 0.35]), surf: 0, murk: random.range(0.1, 0.5) };
  if (scene.water.kind === 'lake') scene.water.waves *= 0.4;
  relief.shore = { kind: 'across', near: random.range(-6, 11), far, slant: random.range(-0.35, 0.35), bays: random.range(0.6, 1.3) };
  relief.level = random.range(0.8, 2.2);
  relief.rise = random.range(8, 30);
  relief.rough = random.range(0.3, 1.2);
  relief.bed = 0.15;
  wildGround(p);
  cover.shore = random.pick(['earth', 'rock', 'sand', 'grass']);
  cover.shoreWidth = random.range(0.8, 3);
  if (!relief.boulders && random.chance(0.5)) relief.boulders = { size: random.range(1.2, 3), share: random.range(0.2, 0.6), height: random.range(0.4, 1), near: 2, far: 40, reach: 6 };
  scene.camera.horizon = random.range(0.4, 0.56);
  if (random.chance(0.12)) relief.ranges.push(chain(random, 'hill', far, far + 400, random.range(70, 160)));
  backdrop(p, far + 60, [350, 1300], 0.97);
  stand(scene, random.range(1.5, 6));
  const mix = mixOf(random);
  grow(p, { count: random.int(60, 260), from: far, to: far + 160, left: -1.1, right: 1.1, species: mix, height: [9, 22], groups: random.next() * 0.8, margin: 3 });
  if (random.chance(0.4)) grow(p, { count: random.int(1, 6), from: 8, to: 32, left: random.chance(0.5) ? -1.1 : 0.45, right: random.chance(0.5) ? -0.45 : 1.1, species: mix, height: [6, 13], margin: 0.5 });
  if (random.chance(0.3)) foreground(p, { reed: 3, fern: 1, bush: 1 }, random.int(8, 40), 3, 12, [0.5, 1.2]);
  if (random.chance(0.28)) add(p, boat(random.range(-0.7, 0.7) * edgeOf(scene) * 60, random.range(25, 90), random.range(4, 9), random));
  if (random.chance(0.1)) walker(p, undefined, 6, 14);
}

function river(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const half = random.range(4, 16);
  scene.water = { kind: random.chance(0.6) ? 'river' : 'water', waves: random.range(0.1, 0.45), surf: random.chance(0.3) ? 0.25 : 0, murk: random.range(0.3, 0.9) };
  relief.shore = { kind: 'river', offset: random.sign() * half * random.range(0, 1.7), along: random.range(-0.15, 0.15), half, swing: random.range(10, 60), length: random.range(60, 200) };
  relief.level = random.range(1, 3);
  relief.rise = random.range(4, 14);
  relief.rough = random.range(0.3, 1.1);
  relief.bed = 0.4;
  relief.depth = 3;
  wildGround(p);
  if (random.chance(0.6)) cover.main = 'grass';
  cover.shore = random.pick(['rock', 'earth', 'sand']);
  cover.shoreWidth = random.range(0.8, 3);
  if (!relief.boulders && random.chance(0.55)) relief.boulders = { size: random.range(1.4, 3.4), share: random.range(0.25, 0.6), height: random.range(0.5, 1), near: 2, far: 60, reach: 4 };
  scene.camera.horizon = random.range(0.32, 0.5);
  if (random.chance(0.25)) relief.ranges.push(chain(random, 'hill', 80, 380, random.range(40, 110), { gap: { at: random.range(-0.1, 0.1), width: 0.22, depth: 0.95 } }));
  backdrop(p, 500, [350, 1200], 0.92);
  stand(scene, random.range(1.8, 9));
  const mix = mixOf(random);
  grow(p, { count: random.int(60, 200), from: 30, to: 320, left: -1.1, right: 1.1, species: mix, height: [8, 18], groups: random.next(), margin: 3 });
  if (random.chance(0.4)) foreground(p, { bush: 2, fern: 1, reed: 2 }, random.int(10, 35), 4, 22, [0.5, 1.5]);
  if (random.chance(0.22)) {
    const z = random.range(35, 110);
    const reach = edgeOf(scene) * z * 1.3;
    add(p, bridge(z, -reach, reach, random.range(3, 6), random.int(3, 7), random));
  }
  if (random.chance(0.14)) lead(p, 'path', 120);
  if (random.chance(0.12)) walker(p, undefined, 8, 25);
}

function pass(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  relief.level = 6;
  relief.rise = 1;
  relief.rough = random.range(1, 5);
  relief.roughSize = random.range(25, 70);
  wildGround(p);
  if (!relief.boulders && random.chance(0.75)) relief.boulders = { size: random.range(1.5, 5), share: random.range(0.15, 0.55), height: random.range(0.5, 1.1), near: 3, far: 120, reach: 1e9 };
  scene.camera.horizon = random.range(0.48, 0.68);
  cover.lush *= random.range(0.2, 1);
  const h = random.range(500, 1700);
  relief.ranges.push(chain(random, 'mountain', random.range(70, 400), h * random.range(1.1, 2), h, { gap: { at: random.range(-0.35, 0.35), width: random.range(0.12, 0.3), depth: random.range(0.4, 0.9) } }));
  if (random.chance(0.7)) relief.ranges.push(chain(random, 'mountain', h * 3, h * 5, h * random.range(1.2, 2.2)));
  stand(scene, random.range(1.6, 4));
  const track = random.chance(0.3) ? lead(p, 'path', 260) : undefined;
  if (random.chance(0.5)) grow(p, { count: random.int(8, 140), from: 30, to: 340, left: -1.1, right: 1.1, species: random.chance(0.7) ? { spruce: 3, pine: 1 } : mixOf(random), height: [7, 17], groups: random.range(0.2, 0.9) });
  if (random.chance(0.6)) grow(p, { count: random.int(20, 160), from: 60, to: 600, left: -1.1, right: 1.1, species: { spruce: 3, pine: 1, bush: 0.5 }, height: [7, 15], groups: random.range(0.3, 1), high: true });
  if (random.chance(0.22)) walker(p, track, 8, 30);
  if (random.chance(0.12)) add(p, other(random.range(-3, 3), random.range(8, 16), groundAt(relief, 0, 12), random, ['sign', 'cow']));
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
  grow(p, { count: random.int(10, 120), from: 25, to: 380, left: -1.1, right: 1.1, species: mixOf(random), height: [7, 16], groups: random.range(0.3, 1) });
  foreground(p, { tuft: 5, fern: random.chance(0.3) ? 1 : 0, bush: random.chance(0.3) ? 1 : 0 }, random.int(20, 70), 2.6, 9, [0.2, 0.5]);
  if (random.chance(0.35)) {
    const z = random.range(9, 22);
    add(p, fence([-edgeOf(scene) * z * 1.2, z], [edgeOf(scene) * z * 1.6, z * random.range(1, 1.9)], random.range(1, 1.3), random.chance(0.3), random));
  }
  if (random.chance(0.25)) cottages(p, random.int(1, 2), 50, 130);
  if (random.chance(0.15)) walker(p, track, 9, 30);
  if (random.chance(0.25)) for (let i = random.int(1, 4); i > 0; i--) {
    const z = random.range(16, 45);
    const x = random.range(-0.7, 0.7) * edgeOf(scene) * z;
    add(p, other(x, z, groundAt(relief, x, z), random, ['cow']));
  }
}

function fields(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  cover.main = random.chance(0.6) ? 'grass' : 'land';
  cover.fields = { from: random.range(10, 30), to: random.range(900, 2500), size: random.range(40, 120), turn: random.range(-0.6, 0.6) };
  relief.level = 5;
  relief.rise = 1;
  relief.rough = random.range(1, 7);
  relief.roughSize = random.range(140, 300);
  scene.camera.horizon = random.range(0.36, 0.5);
  if (random.chance(0.35)) relief.ranges.push(chain(random, 'hill', 900, 1900, random.range(60, 160)));
  backdrop(p, 1700, [350, 1100], 0.7);
  stand(scene, random.range(3, 24));
  const track = random.chance(0.5) ? lead(p, random.chance(0.7) ? 'road' : 'path', 700) : undefined;
  grow(p, { count: random.int(10, 70), from: 60, to: 700, left: -1.1, right: 1.1, species: random.pick([{ broad: 2, oak: 1, poplar: 2 }, { oak: 1, broad: 1 }]), height: [8, 17], groups: random.range(0.5, 1), margin: 4 });
  if (random.chance(0.4)) {
    const z = random.range(7, 14);
    add(p, fence([-edgeOf(scene) * z * 1.3, z], [edgeOf(scene) * z * 2, z * random.range(1.1, 2.2)], random.range(0.9, 1.2), random.chance(0.5), random));
  }
  if (random.chance(0.45)) cottages(p, random.int(1, 4), 70, 240);
  if (track?.kind === 'road' && random.chance(0.3)) add(p, other(trackCentre(track, 40) + 1.2, 40, groundAt(relief, trackCentre(track, 40), 40), random, ['car']));
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
  grow(p, { count: random.int(60, 110), from: 17, to: 120, left: -1.15, right: opening - gap, species: mix, height: [9, 19], margin: 1.5 });
  grow(p, { count: random.int(60, 110), from: 17, to: 120, left: opening + gap, right: 1.15, species: mix, height: [9, 19], margin: 1.5 });
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
  if (random.chance(0.55)) relief.boulders = { size: random.range(3, 8), share: random.range(0.1, 0.35), height: 0.8, near: 4, far: 160, reach: 1e9 };
  if (random.chance(0.2)) relief.ranges.push(chain(random, 'hill', 200, 700, random.range(40, 110)));
  backdrop(p, 800, [250, 900], 0.9);
  stand(scene, random.range(1.7, 7));
  const track = random.chance(0.3) ? lead(p, random.chance(0.5) ? 'path' : 'road', 900) : undefined;
  if (!dunes) grow(p, { count: random.int(6, 50), from: 6, to: 90, left: -1.1, right: 1.1, species: { bush: 5, tuft: 3, pine: 0.5 }, height: [0.5, 1.6], groups: 0.3 });
  if (random.chance(0.25)) walker(p, track, 8, 25);
}

function waterfall(p: Plan): void {
  const { random, scene } = p;
  const { relief, cover } = scene;
  const at = random.range(45, 110);
  const height = at * random.range(0.28, 0.6);
  const centre = random.range(-0.22, 0.22) * at;
  scene.water = { kind: random.chance(0.5) ? 'water' : 'river', waves: 0.3, surf: 0.2, murk: 0.5 };
  relief.shore = { kind: 'river', offset: centre * 0.2, along: (centre * 0.8) / at, half: random.range(4, 9), swing: random.range(0, 6), length: 40 };
  relief.level = 2;
  relief.rise = 8;
  relief.rough = 1;
  relief.roughSize = 15;
  relief.bed = 0.5;
  relief.depth = 2;
  relief.cliff = { at: at + 6, height, swing: at * 0.1, from: -2, to: 2, fall: { x: centre, half: random.range(1, 3.4) * (at / 60), sway: random.range(0.5, 3) } };
  relief.boulders = { size: random.range(2, 4.5), share: random.range(0.35, 0.7), height: 0.9, near: 3, far: at - 4, reach: 9 };
  wildGround(p);
  cover.shore = 'rock';
  cover.shoreWidth = 4;
  cover.lush = random.range(0.2, 1);
  scene.camera.horizon = random.range(0.55, 0.7);
  backdrop(p, at * 5, [200, 500], 0.5);
  stand(scene, random.range(1.6, 5));
  const mix = mixOf(random);
  grow(p, { count: random.int(20, 60), from: 16, to: at, left: -1.1, right: 1.1, species: mix, height: [5, 12], groups: random.next() * 0.5, margin: 5 });
  grow(p, { count: random.int(20, 90), from: 5, to: at, left: -1.1, right: 1.1, species: { bush: 3, fern: 2 }, height: [0.6, 1.7], margin: 1.5 });
  grow(p, { count: random.int(20, 80), from: at * 1.2, to: at * 1.9, left: -1.1, right: 1.1, species: mix, height: [5, 11], high: true });
  if (random.chance(0.15)) walker(p, undefined, 10, 25);
}

export const INLAND: Record<string, Composition> = {
  lake: { weight: 18, build: lake },
  river: { weight: 8, build: river },
  pass: { weight: 13, build: pass },
  meadow: { weight: 6, build: meadow },
  fields: { weight: 5, build: fields },
  forest: { weight: 5, build: forest },
  dryland: { weight: 6, build: dryland },
  waterfall: { weight: 4, build: waterfall },
};
