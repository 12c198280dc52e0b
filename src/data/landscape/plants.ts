import { Drawing } from './drawing';
import type { Species } from './foliage';
import { cos, sin, TAU, unit } from './maths';

/** A ball of leaves in a crown. */
interface Ball {
  x: number;
  y: number;
  z: number;
  r: number;
}

/** Leaves on the near side of balls, painted from the far ball to the near one; clusters of half axis `leaf`. */
function leaves(d: Drawing, balls: Ball[], leaf: number, dense: number, top: number, bottom: number): void {
  const { random } = d;
  balls.sort((a, b) => a.z - b.z);
  for (const ball of balls) {
    const count = Math.floor((ball.r * ball.r * dense) / (leaf * leaf));
    for (let i = 0; i < count; i++) {
      const angle = random.next() * TAU;
      const out = Math.sqrt(random.next()) * (i < count * 0.25 ? 1.12 : 1);
      const nx = cos(angle) * out;
      const ny = sin(angle) * out;
      const rest = 1 - out * out;
      const nz = rest > 0 ? Math.sqrt(rest) : 0;
      const x = ball.x + nx * ball.r;
      const y = ball.y + ny * ball.r;
      // Deep in the crown, and under it, less of the sky is seen.
      const height = unit((y - bottom) / (top - bottom));
      const depth = unit(0.5 + (ball.z + nz * ball.r) * 1.1);
      const open = unit(0.12 + 0.4 * height + 0.3 * depth + 0.26 * ny * 0.9 + random.range(-0.16, 0.16));
      const a = leaf * random.range(0.55, 1.25);
      d.dab(
        x,
        y,
        a,
        a * random.range(0.45, 0.8),
        random.next() * TAU,
        clampN(nx * 0.75 + random.range(-0.3, 0.3)),
        clampN(ny * 0.7 + 0.2 + random.range(-0.3, 0.3)),
        open,
      );
    }
  }
}

function clampN(v: number): number {
  return v < -0.7 ? -0.7 : v > 0.7 ? 0.7 : v;
}

/** Balls within an egg-shaped crown between heights `low` and `high`, widest at `belly`. */
function crown(d: Drawing, count: number, low: number, high: number, half: number, belly: number, r: number): Ball[] {
  const { random } = d;
  const balls: Ball[] = [];
  for (let i = 0; i < count; i++) {
    const t = random.next();
    const y = low + (high - low) * t;
    const bulge = t < belly ? t / belly : (1 - t) / (1 - belly);
    const wide = half * Math.sqrt(unit(0.12 + bulge * (2 - bulge) * 0.95));
    const angle = random.next() * TAU;
    const out = Math.sqrt(random.next());
    const size = r * random.range(0.65, 1.25);
    const x = cos(angle) * out * Math.max(0, wide - size * 0.6);
    balls.push({ x, y: Math.min(y, high - size * 0.8), z: sin(angle) * out * wide, r: size });
  }
  return balls;
}

/** A trunk that forks towards the balls of its crown. */
function branches(d: Drawing, balls: Ball[], fork: number, half: number): void {
  d.limb(0, 0, d.random.range(-0.015, 0.015), fork, half * 1.25, half * 0.8);
  for (const ball of balls) d.limb(0, fork * 0.85, ball.x * 0.8, ball.y - ball.r * 0.2, half * 0.42, half * 0.12);
}

function broadleaf(
  d: Drawing,
  count: number,
  low: number,
  half: number,
  belly: number,
  r: number,
  leaf: number,
  trunk: number,
): void {
  const balls = crown(d, count, low, 0.94, half, belly, r);
  branches(d, balls.slice(0, 12), low + 0.12, trunk);
  leaves(d, balls, leaf, 1.1, 1, low - r);
}

/** Fine twigs, for trees without leaves. */
function twigs(d: Drawing, x: number, y: number, angle: number, length: number, half: number, order: number): void {
  const x1 = x + sin(angle) * length;
  const y1 = y + cos(angle) * length;
  d.limb(x, y, x1, y1, half, half * 0.65, 1, 0.75);
  if (order === 0) return;
  const count = order > 3 ? 3 : d.random.int(2, 4);
  for (let i = 0; i < count; i++) {
    const t = i === 0 ? 1 : d.random.range(0.45, 1);
    const turn = i === 0 ? d.random.range(-0.3, 0.3) : d.random.sign() * d.random.range(0.35, 0.85);
    twigs(
      d,
      x + (x1 - x) * t,
      y + (y1 - y) * t,
      (angle + turn) * 0.94,
      length * d.random.range(0.6, 0.82),
      half * 0.6,
      order - 1,
    );
  }
}

function conifer(d: Drawing, tiers: number, half: number, low: number, droop: number, ragged: number): void {
  const { random } = d;
  d.limb(0, 0, 0, 0.97, 0.016, 0.002);
  for (let i = 0; i < tiers; i++) {
    const t = i / (tiers - 1);
    const y = low + (0.985 - low) * t;
    const reach = half * (1 - t) * random.range(1 - ragged, 1.05) + 0.012;
    const count = Math.floor(6 + 20 * (1 - t));
    for (let k = 0; k < count; k++) {
      // Branches from the far side to the near one.
      const around = (k / count) * TAU * 0.5 + TAU * 0.25 + (k % 2) * TAU * 0.5;
      const side = sin(around);
      const front = k / count;
      const steps = Math.max(3, Math.floor(reach * 60));
      for (let s = 1; s <= steps; s++) {
        const out = (s / steps) * reach * random.range(0.75, 1.05);
        const x = side * out;
        const yy = y - out * droop * (0.6 + 0.8 * front) + random.range(-0.008, 0.008);
        const open = unit(0.1 + 0.38 * (s / steps) + 0.24 * front + 0.25 * t + random.range(-0.15, 0.15));
        const size = 0.011 * random.range(0.7, 1.3) * (1.25 - 0.45 * t);
        d.dab(
          x,
          yy,
          size * 1.5,
          size * 0.6,
          side * droop * 1.1 + random.range(-0.5, 0.5),
          clampN(side * 0.6 + random.range(-0.25, 0.25)),
          0.3 + random.range(-0.25, 0.25),
          open,
        );
      }
    }
  }
}

function palm(d: Drawing): void {
  const { random } = d;
  const lean = random.range(-0.12, 0.12);
  for (let i = 0; i < 12; i++)
    d.limb(
      lean * (i / 12) * (i / 12),
      (i / 12) * 0.7,
      lean * ((i + 1) / 12) * ((i + 1) / 12),
      ((i + 1) / 12) * 0.7,
      0.016,
      0.014,
      0.85,
      0.7,
    );
  for (let i = 0; i < 22; i++) {
    const side = sin((i / 22) * TAU * 2.6 + random.range(-0.3, 0.3));
    const lift = random.range(-0.12, 0.3);
    const length = random.range(0.26, 0.4);
    for (let s = 0; s <= 34; s++) {
      const t = s / 34;
      const x = lean + side * length * t;
      const y = 0.7 + lift * t * 1.2 - (0.1 + 0.3 * side * side) * t * t;
      d.dab(
        x,
        y - 0.012 * (1 - t),
        0.006,
        0.032 * (1 - t * 0.6),
        side * 0.5 + random.range(-0.2, 0.2),
        clampN(side * 0.4),
        0.4,
        unit(0.35 + 0.4 * t + random.range(-0.2, 0.2)),
      );
    }
  }
}

function blades(d: Drawing, count: number, low: number, half: number, curve: number): void {
  const { random } = d;
  for (let i = 0; i < count; i++) {
    const x = random.range(-1, 1) * d.aspect * 0.4;
    const tall = random.range(low, 1) * (1 - 0.5 * (x / d.aspect) * (x / d.aspect) * 4);
    const bow = random.range(-curve, curve) + (x / d.aspect) * curve;
    let px = x;
    let py = 0;
    const open = random.range(0.35, 0.95);
    for (let s = 1; s <= 6; s++) {
      const t = s / 6;
      const nx = x + bow * t * t;
      const ny = tall * t;
      d.limb(px, py, nx, ny, half * (1.05 - t) + 0.001, half * (1.05 - t - 1 / 6) + 0.001, 0, open * (0.35 + 0.65 * t));
      px = nx;
      py = ny;
    }
  }
}

function fern(d: Drawing): void {
  const { random } = d;
  for (let i = 0; i < 26; i++) {
    const angle = ((i + random.next()) / 26 - 0.5) * 2.5;
    const length = random.range(0.6, 1) * (0.75 + 0.2 * cos(angle));
    const light = random.range(0.35, 0.9);
    for (let s = 1; s <= 22; s++) {
      const t = s / 22;
      const x = sin(angle) * length * t * 0.95;
      const y = cos(angle * 0.7) * length * t - 0.4 * t * t * (angle < 0 ? -angle : angle) * 0.35;
      const leaf = 0.055 * (1 - t * 0.85);
      d.dab(x + leaf * 0.6, y, leaf, 0.011, angle - 0.7, 0.3, 0.35, light * (0.5 + 0.5 * t));
      d.dab(x - leaf * 0.6, y, leaf, 0.011, angle + 0.7, -0.3, 0.35, light * (0.4 + 0.5 * t));
    }
  }
}

/** How each species is drawn. */
export const GROW: Record<Species, (d: Drawing) => void> = {
  broad: (d) => broadleaf(d, 26, 0.26, 0.4, 0.42, 0.13, 0.0085, 0.02),
  oak: (d) => broadleaf(d, 34, 0.24, 0.54, 0.36, 0.14, 0.009, 0.028),
  birch: (d) => broadleaf(d, 24, 0.22, 0.25, 0.4, 0.085, 0.0072, 0.012),
  poplar: (d) => broadleaf(d, 26, 0.1, 0.125, 0.4, 0.065, 0.0072, 0.011),
  spruce: (d) => conifer(d, 30, 0.22, 0.05, 0.5, 0.25),
  pine: (d) => conifer(d, 19, 0.29, 0.24, 0.16, 0.5),
  palm,
  bare: (d) => {
    d.limb(0, 0, 0, 0.25, 0.02, 0.016);
    for (let i = 0; i < 5; i++)
      twigs(d, 0, 0.18 + i * 0.03, (i - 2) * 0.34 + d.random.range(-0.1, 0.1), 0.25, 0.011, 5);
  },
  bush: (d) => leaves(d, crown(d, 26, 0.1, 0.94, 0.66, 0.3, 0.2), 0.016, 1.15, 1, 0),
  fern,
  reed: (d) => blades(d, 90, 0.55, 0.009, 0.12),
  tuft: (d) => blades(d, 130, 0.3, 0.011, 0.45),
};
