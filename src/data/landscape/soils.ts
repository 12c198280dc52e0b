import { clamp, cos, mix, sin, smooth, unit } from './maths';
import { noise, sample, tiles } from './noise';
import { Colour, hex, Palette } from './palette';
import { hashUnit } from '../../common/mulberry';
import { Cover, Soil, Track } from './scene';
import { rock } from './slopes';
import { fade, paint, put, relief, Shift, tint } from './surface';

const ASPHALT = hex('#5f6064');

const PAINT_WHITE = hex('#e4e2d8');

const HEATHER = hex('#6d6440');

/** A trodden path: pale, stony, smoother than the ground beside it. */
export function path(p: Palette, x: number, z: number, away: number, shift: Shift, off: number): void {
  const { soft, fine, cells } = tiles();
  const grain = sample(fine, x * 30 + shift[0], z * 30) * fade(0.08, away);
  const broad = sample(soft, x * 6 + shift[1], z * 3);
  put(p.earth, 0.55);
  tint(p.sand, 0.62 + broad * 0.07 - off * 0.12, 0.78 + grain * 0.12);
  const pebble = smooth(0.1, 0.45, sample(cells, x * 55, z * 55)) * fade(0.12, away);
  tint(p.rock, pebble * 0.3 * unit(0.5 + broad));
  // Two ruts.
  const rut = smooth(0.22, 0.05, off > 0.5 ? off - 0.5 : 0.5 - off);
  tint(p.earth, rut * 0.35, 0.75);
  paint.bump = grain * 0.12 - rut * 0.1;
}

/** Asphalt with a painted line along the middle and at the edges. */
export function road(
  x: number,
  z: number,
  across: number,
  away: number,
  shift: Shift,
  off: number,
  tracks: Track[],
): void {
  const { soft, fine } = tiles();
  const grain = sample(fine, x * 45 + shift[0], z * 45) * fade(0.06, away);
  const stain = sample(soft, x * 5 + shift[1], z * 1.4);
  put(ASPHALT, 0.95 + grain * 0.12 + stain * 0.06);
  const half = tracks.find((t) => t.kind === 'road')?.half ?? 3;
  const metres = off * half;
  const dash = z * 0.11 - Math.floor(z * 0.11) < 0.5 ? 1 : 0;
  const middle = smooth(0.1 + across, 0.05, metres) * dash;
  const side = smooth(0.09 + across, 0.04, metres > half - 0.3 ? metres - half + 0.3 : half - 0.3 - metres);
  tint(PAINT_WHITE, unit(middle + side) * 0.85);
}

/** Soils of the plain. */
export function plain(
  kind: Soil,
  p: Palette,
  x: number,
  h: number,
  z: number,
  across: number,
  away: number,
  shift: Shift,
  tx: number,
  tz: number,
  cover: Cover,
): void {
  if (kind === 'grass') grass(p, x, z, across, away, shift, tx, tz);
  else if (kind === 'sand') sand(p, x, z, away, shift, tx, tz);
  else if (kind === 'earth') earth(p, x, z, away, shift, tx, tz);
  else if (kind === 'land') land(p, x, z, away, shift, tx, tz);
  else if (kind === 'field') field(p, x, z, across, away, shift, cover);
  else rock(p, x, h, z, across, shift, tx, tz);
}

function grass(
  p: Palette,
  x: number,
  z: number,
  across: number,
  away: number,
  shift: Shift,
  tx: number,
  tz: number,
): void {
  const { soft, fine } = tiles();
  // Upright blades: narrow across, and as tall on the picture as the ground behind them that they hide.
  const blades = sample(fine, x * 95 + shift[0], z * 22) * fade(0.05, across);
  const stalks = sample(fine, x * 34 + shift[1], z * 12) * fade(0.16, across * 1.5);
  const tuft = sample(fine, x * 9 + shift[1], z * 7) * fade(0.7, away);
  const clump = sample(fine, x * 2.6 + shift[0], z * 2.2) * fade(2.5, away);
  const patch = sample(soft, x * 1.4 + shift[0], z * 1.1 + shift[1]);
  const broad = sample(soft, x / 4 + shift[1], z / 4);
  const light = 0.9 + blades * 0.24 + stalks * 0.2 + tuft * 0.1 + clump * 0.05 + patch * 0.06;
  put(p.grass, clamp(light, 0.25, 1.7));
  tint(p.grassDry, unit(0.26 + broad * 0.18 + patch * 0.14 + stalks * 0.08), clamp(light, 0.3, 1.6));
  tint(p.earth, unit(patch * 0.4 + clump * 0.25 + tuft * 0.15 - 0.95) * 0.6, 0.8);
  const flower = sample(fine, x * 33, z * 33 + 70) * fade(0.15, away);
  if (flower > 2.55 && p.season !== 'winter') tint(broad > 0 ? [0.8, 0.72, 0.2] : [0.85, 0.82, 0.84], 0.7);
  paint.bump = clamp(
    relief(fine, x * 6, z * 6, tx * 2, tz * 2) * 0.09 * fade(1.2, away) +
      relief(soft, x * 2.5, z * 2.5, tx * 4, tz * 4) * 0.2,
    -0.5,
    0.5,
  );
}

function sand(p: Palette, x: number, z: number, away: number, shift: Shift, tx: number, tz: number): void {
  const { soft, fine } = tiles();
  const warp = sample(soft, x * 2.3 + shift[0], z * 2.3) * 0.6;
  const ripples = sin((z * 5.2 + x * 1.1 + warp * 2.2) * 2.1) * fade(0.5, away);
  const grain = sample(fine, x * 90, z * 90 + shift[1]) * fade(0.04, away);
  const broad = sample(soft, x / 2.6 + shift[1], z / 2.6);
  const prints = sample(fine, x * 11, z * 9 + 33) * fade(0.5, away);
  put(p.sand, 0.93 + grain * 0.05 + broad * 0.045 + ripples * 0.02);
  tint(p.land, unit(broad * 0.2 - 0.1) * 0.4);
  paint.bump =
    ripples * 0.07 + clamp(prints * -0.06, -0.2, 0.1) + relief(soft, x * 1.5, z * 1.5, tx * 3, tz * 3) * 0.14;
}

function earth(p: Palette, x: number, z: number, away: number, shift: Shift, tx: number, tz: number): void {
  const { soft, fine } = tiles();
  const clods = sample(fine, x * 16 + shift[0], z * 16) * fade(0.3, away);
  const grain = sample(fine, x * 70, z * 70) * fade(0.06, away);
  const broad = sample(soft, x * 1.3 + shift[1], z * 1.3);
  put(p.earth, 0.95 + clods * 0.14 + grain * 0.1 + broad * 0.1);
  const stone = smooth(1.35, 1.75, sample(fine, x * 15 + 70, z * 15) + 0.25 * broad) * fade(0.3, away);
  tint(p.rockDark, stone * 0.55, 1.1 + grain * 0.1);
  tint(p.leafOther, unit(broad * 0.4 - 0.45) * 0.5, 0.9);
  paint.bump = clamp(
    relief(fine, x * 12, z * 12, tx * 2, tz * 2) * 0.25 * fade(0.4, away) +
      relief(soft, x * 3, z * 3, tx * 3, tz * 3) * 0.3 +
      stone * 0.2,
    -0.7,
    0.7,
  );
}

function land(p: Palette, x: number, z: number, away: number, shift: Shift, tx: number, tz: number): void {
  const { soft, fine, cells } = tiles();
  const scrub = smooth(0.75, 1.25, sample(soft, x * 4.2 + shift[0], z * 4.2) + 0.35 * sample(fine, x * 5, z * 5));
  const grain = sample(fine, x * 45, z * 45 + shift[1]) * fade(0.1, away);
  const broad = sample(soft, x / 1.8 + shift[1], z / 1.8);
  const wobble = sample(fine, x * 9, z * 9) * 1.5;
  const dry =
    smooth(0.09, 0.02, sample(cells, x * 18 + wobble, z * 18 + wobble)) * fade(0.35, away) * unit(0.3 + broad);
  put(p.land, 0.95 + grain * 0.09 + broad * 0.08);
  tint(p.grassDry, unit(0.2 + broad * 0.3) * 0.5, 0.95);
  tint(p.earth, dry * 0.4);
  tint(HEATHER, scrub * 0.8, 0.85 + grain * 0.2);
  paint.bump = clamp(relief(soft, x * 2.4, z * 2.4, tx * 3, tz * 3) * 0.26 + scrub * 0.12, -0.5, 0.5);
}

const CROPS: Colour[] = [
  hex('#c9ac55'),
  hex('#8f9a3f'),
  hex('#d9c267'),
  hex('#6f8f3c'),
  hex('#8a6a45'),
  hex('#c7b83c'),
  hex('#a39a58'),
];

/** Parcels of crops, each with its colour and the direction of its rows. */
function field(p: Palette, x: number, z: number, across: number, away: number, shift: Shift, cover: Cover): void {
  const { soft, fine } = tiles();
  const f = cover.fields ?? { from: 0, to: 0, size: 70, turn: 0.3 };
  const cs = cos(f.turn);
  const sn = sin(f.turn);
  const a = (x * cs + z * sn) / f.size + shift[0] + 0.1 * (noise(z / f.size / 2, 3) - 0.5);
  const b = (z * cs - x * sn) / (f.size * 1.7) + shift[1];
  const ia = Math.floor(a);
  const ib = Math.floor(b + 0.37 * (ia & 1));
  const crop = CROPS[Math.floor(hashUnit(ia + 100, ib + 100) * CROPS.length)];
  const turned = hashUnit(ia + 31, ib + 77) < 0.5;
  const rows = (turned ? a * f.size : b * f.size * 1.7) / 0.75;
  const wave = sin(rows * 6.283185) * fade(0.9, turned ? away * 0.5 : away);
  const grain = sample(fine, x * 14, z * 10 + shift[0]) * fade(0.5, away);
  const broad = sample(soft, x / 1.5, z / 1.5);
  put(crop, 0.86 + wave * 0.15 + grain * 0.12 + broad * 0.07);
  tint(p.earth, smooth(0.35, -0.8, wave) * 0.4 * fade(0.9, away));
  const fa = a - ia;
  const fb = b + 0.37 * (ia & 1) - ib;
  const hedge = Math.min(Math.min(fa, 1 - fa) * f.size, Math.min(fb, 1 - fb) * f.size * 1.7);
  tint(p.leaf, smooth(1.6 + across, 0.6, hedge) * 0.8, 0.75 + grain * 0.15);
  paint.bump = wave * 0.12 + mix(0, grain * 0.1, 1);
}
