import { person } from './figures';
import { trackCentre } from './ground';
import { add, edgeOf, Plan } from './placing';
import { groundAt, shoreDistance } from './relief';
import { Track } from './scene';

/** A path or road that leads from the viewer into the picture. */
export function lead(p: Plan, kind: Track['kind'], to: number): Track {
  const { random } = p;
  const half = kind === 'path' ? random.range(0.5, 1.1) : random.range(2.4, 3.4);
  const track: Track = {
    kind,
    offset: random.range(-2, 2),
    along: random.range(-0.18, 0.18),
    swing: random.range(3, 14) * (kind === 'road' ? 1.6 : 0.6),
    length: random.range(22, 70) * (kind === 'road' ? 1.8 : 0.8),
    half,
    from: 0,
    to,
    phase: random.range(0, 6),
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
    for (let i = 0; i < count; i++)
      add(
        p,
        person(
          x + i * 0.8,
          z + i * 0.4,
          groundAt(scene.relief, x + i * 0.8, z + i * 0.4),
          random.range(1.55, 1.85),
          random,
        ),
      );
    return;
  }
}

/** Grass, earth or rock around the viewer, for scenes whose subject lies farther off. */
export function wildGround(p: Plan): void {
  const { random, scene } = p;
  const [main, second] = random.pick([
    ['grass', 'earth'],
    ['grass', 'rock'],
    ['earth', 'grass'],
    ['land', 'earth'],
    ['rock', 'earth'],
    ['rock', 'grass'],
    ['earth', 'rock'],
  ] as const);
  scene.cover.main = main;
  scene.cover.second = second;
  scene.cover.share = random.range(0.15, 0.5);
  scene.cover.patch = random.range(5, 16);
  // Bare rock is never flat.
  if (main === 'rock' || second === 'rock') {
    scene.relief.boulders = {
      size: random.range(1.4, 5),
      share: random.range(0.25, 0.6),
      height: random.range(0.5, 1),
      near: 2,
      far: 130,
      reach: 1e9,
    };
    scene.relief.rough += 0.5;
  }
}
