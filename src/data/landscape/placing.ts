import { Camera } from './frame';
import { onTrack } from './ground';
import { building } from './buildings';
import { house } from './houses';
import { noise } from './noise';
import { Palette } from './palette';
import { Random } from '../../common/mulberry';
import { found, groundAt, measure, Range, Relief, shoreDistance } from './relief';
import { Cover, Scene, Thing, Water } from './scene';
import { Species } from './foliage';
import { leafColour, plant } from './vegetation';

/** A scene under construction. */
export interface Plan {
  random: Random;
  scene: Scene;
}

/** A scene of bare ground, to be altered by its composition; call `stand` once its relief is final. */
export function plan(composition: string, random: Random, palette: Palette): Plan {
  const relief: Relief = {
    level: 2,
    rise: 30,
    rough: 0.8,
    roughSize: 40,
    bed: 0.12,
    depth: 6,
    shore: { kind: 'none' },
    ranges: [],
    origin: [random.range(0, 200), random.range(0, 200)],
  };
  const cover: Cover = {
    main: 'grass',
    second: 'earth',
    share: 0,
    patch: 12,
    shore: 'earth',
    shoreWidth: 2,
    lush: random.range(0.2, 1),
    wooded: random.range(0.1, 0.7),
    tracks: [],
  };
  const water: Water = { kind: 'water', waves: 0.2, surf: 0, murk: random.range(0.1, 0.6) };
  const camera: Camera = { eye: 1.7, focal: random.range(0.72, 1.15), horizon: random.range(0.4, 0.6) };
  return {
    random,
    scene: {
      composition,
      camera,
      palette,
      relief,
      cover,
      water,
      things: [],
      shift: [random.range(0, 500), random.range(0, 500)],
    },
  };
}

/** Puts the eye `above` metres over the highest ground close by, so that nothing blocks the view. */
export function stand(scene: Scene, above: number): void {
  let top = 0;
  for (let z = 0.8; z < 12; z *= 1.2) {
    for (let u = -0.5; u <= 0.5; u += 0.25) {
      measure(scene.relief, u * z, z);
      const h = found.height - found.boulder * 0.5;
      if (h - z * 0.12 > top) top = h - z * 0.12;
    }
  }
  scene.camera.eye = top + above;
}

/** A chain of mountains; `kind` 'hill' gives rounded ones. */
export function chain(
  random: Random,
  kind: Range['kind'],
  near: number,
  full: number,
  height: number,
  more: Partial<Range> = {},
): Range {
  const size = kind === 'mountain' ? height * random.range(1.7, 2.8) : height * random.range(3, 6);
  return {
    kind,
    near,
    full,
    end: Infinity,
    height,
    size,
    origin: [random.range(0, 250), random.range(0, 250)],
    ...more,
  };
}

/** Backdrop of mountains at a random distance, one or two chains deep. */
export function backdrop(p: Plan, near: number, height: [number, number], chance = 1): void {
  const { random, scene } = p;
  if (!random.chance(chance)) return;
  const h = random.range(height[0], height[1]);
  const full = near + h * random.range(1.2, 2.6);
  scene.relief.ranges.push(
    chain(random, 'mountain', near, full, h, {
      gap: random.chance(0.5)
        ? { at: random.range(-0.3, 0.3), width: random.range(0.1, 0.3), depth: random.range(0.3, 0.85) }
        : undefined,
      side: random.chance(0.25)
        ? random.chance(0.5)
          ? { from: -0.35, to: 0.3 }
          : { from: 0.35, to: -0.3 }
        : undefined,
    }),
  );
  if (random.chance(0.6))
    scene.relief.ranges.push(chain(random, 'mountain', full * 1.5, full * 2.3, h * random.range(1.1, 2)));
}

/** Half of the width of the picture as a direction x / z. */
export function edgeOf(scene: Scene): number {
  return 0.5 / scene.camera.focal;
}

/** True if something can stand at (x, z): dry, off the tracks, not on a boulder nor a mountain. */
export function free(scene: Scene, x: number, z: number, margin = 1, high = false): boolean {
  if (shoreDistance(scene.relief, x, z) < margin) return false;
  for (const track of scene.cover.tracks) if (onTrack(track, x, z) < 1.25 + margin * 0.2) return false;
  measure(scene.relief, x, z);
  return found.boulder < 0.1 && (high || found.mountain < 6) && found.height > 0.02;
}

export interface Wood {
  count: number;
  from: number;
  to: number;
  /** Directions x / z between which it stands, as shares of the picture's half width (-1 .. 1). */
  left: number;
  right: number;
  species: Partial<Record<Species, number>>;
  height: [number, number];
  /** 0 evenly spread .. 1 in groups. */
  groups?: number;
  margin?: number;
  /** Only within so many metres of the shore. */
  along?: number;
  /** Also on mountains and cliffs. */
  high?: boolean;
}

/** Plants a wood, or a few trees, where they can stand. */
export function grow(p: Plan, wood: Wood): void {
  const { random, scene } = p;
  const half = edgeOf(scene);
  const palette = scene.palette;
  const phase = random.range(0, 100);
  const kinds = { ...wood.species } as Record<Species, number>;
  if (palette.season === 'winter') {
    for (const leafy of ['broad', 'oak', 'birch', 'poplar'] as Species[]) {
      if (kinds[leafy]) {
        kinds.bare = (kinds.bare ?? 0) + kinds[leafy] * 0.8;
        kinds[leafy] *= 0.2;
      }
    }
  }
  let planted = 0;
  for (let tries = 0; tries < wood.count * 8 && planted < wood.count; tries++) {
    const t = random.next();
    // Even over the ground: more of them far away, but not as many as there would be.
    const z = wood.from + (wood.to - wood.from) * t * (0.4 + 0.6 * t);
    const u = random.range(wood.left, wood.right) * half;
    const x = u * z;
    if (
      wood.groups &&
      noise((x / wood.height[1]) * 0.35 + phase, (z / wood.height[1]) * 0.35) < 0.35 + wood.groups * 0.3
    )
      continue;
    if (!free(scene, x, z, wood.margin ?? 1.5, wood.high)) continue;
    if (wood.along && shoreDistance(scene.relief, x, z) > wood.along) continue;
    const species = random.weighted(kinds);
    const height =
      random.range(wood.height[0], wood.height[1]) * (species === 'poplar' || species === 'spruce' ? 1.15 : 1);
    scene.things.push(
      plant({
        species,
        variant: random.int(0, 2),
        x,
        z,
        ground: groundAt(scene.relief, x, z),
        height,
        leaf: leafColour(scene, species, random.next() * random.next(), random.next()),
        flip: random.chance(0.5),
        light: random.range(0.8, 1),
      }),
    );
    planted++;
  }
}

/** Houses scattered between two depths. */
export function cottages(p: Plan, count: number, from: number, to: number, left = -0.95, right = 0.95): void {
  const { random, scene } = p;
  const taken: [number, number][] = [];
  for (let tries = 0; tries < count * 6 && taken.length < count; tries++) {
    const z = random.range(from, to);
    const x = random.range(left, right) * edgeOf(scene) * z;
    if (!free(scene, x, z, 6) || taken.some(([a, b]) => (a - x) * (a - x) + (b - z) * (b - z) < 280)) continue;
    taken.push([x, z]);
    const width = random.range(8, 13);
    const ground = Math.min(
      groundAt(scene.relief, x - 4, z),
      groundAt(scene.relief, x + 4, z),
      groundAt(scene.relief, x, z - 4),
    );
    add(
      p,
      house(
        { x, z, ground, width, deep: random.range(6, 8.5), height: random.range(3, 6), turn: random.range(-0.8, 0.8) },
        random,
      ),
    );
  }
}

/** A row of buildings between directions `left` and `right` (-1 .. 1) at depth z. */
export function skyline(
  p: Plan,
  z: number,
  deep: number,
  left: number,
  right: number,
  height: [number, number],
  towers: number,
): void {
  const { random, scene } = p;
  const half = edgeOf(scene);
  for (let u = left; u < right; ) {
    const zi = z + random.range(0, deep);
    const tower = random.chance(towers);
    const tall = tower ? random.range(height[1], height[1] * 2.6) : random.range(height[0], height[1]);
    const width = Math.min(tall * random.range(0.5, 1.4), tower ? 34 : 45);
    const x = u * half * zi;
    if (shoreDistance(scene.relief, x, zi) > 2)
      add(
        p,
        building(
          {
            x,
            z: zi,
            ground: Math.max(0.3, groundAt(scene.relief, x, zi) - 0.3),
            width,
            deep: width * random.range(0.5, 0.9),
            height: tall,
            turn: random.range(-0.25, 0.25),
          },
          random,
        ),
      );
    u += (width * random.range(0.55, 1.15)) / (half * zi);
  }
}

/** Tufts of grass, ferns or reeds close to the viewer. */
export function foreground(
  p: Plan,
  species: Partial<Record<Species, number>>,
  count: number,
  from: number,
  to: number,
  height: [number, number],
  left = -1.05,
  right = 1.05,
): void {
  grow(p, { count, from, to, left, right, species, height, margin: 0.3 });
}

/** Adds things. */
export function add(p: Plan, ...things: Thing[]): void {
  p.scene.things.push(...things);
}
