import { clamp, smooth, unit } from './maths';
import { noise, sample, tiles } from './noise';
import { Colour, hex, Palette } from './palette';
import { fade, paint, put, relief, Shift, tint } from './surface';

const SNOW: Colour = [0.86, 0.89, 0.94];

const MOSS = hex('#5a6338');

/** Mountains: strata and screes of rock, snow on the upper gentle slopes, woods and alpine grass below. */
export function mountain(
  p: Palette,
  lush: number,
  x: number,
  h: number,
  z: number,
  steep: number,
  across: number,
  shift: Shift,
  tx: number,
  tz: number,
): void {
  const { soft, crease, fine } = tiles();
  const size = Math.max(across * 3, 1.5);
  const scale = 1 / size;
  // Two neighbouring scales of texture, blended so that detail neither swims nor ends.
  // Up the picture: heights count more than depth, as textures would streak on slopes seen from the side.
  const y = h * 1.15 + z * 0.3;
  const broad = sample(soft, x / 26 + shift[0], y / 20);
  const strata = sample(crease, x / 9 + shift[1], h / 3.2 + z / 22);
  const grain = sample(fine, x * scale * 2, y * scale * 2);
  const tone = unit(0.5 + strata * 0.22 + broad * 0.16);
  put(p.rockDark, 1);
  tint(p.rock, tone);
  const ledge = sample(crease, x / 1.6 + shift[0] + strata * 2, y / 0.9) * fade(5, across);
  const chips = sample(fine, x * 2.6, y * 2.9) * fade(1.6, across);
  const lift = 1 + grain * 0.08 * fade(4, across) + ledge * 0.15 + chips * 0.16;
  paint.r *= lift;
  paint.g *= lift;
  paint.b *= lift;
  paint.bump = clamp(
    relief(crease, x / 7 + shift[0], y / 6, tx * 1.6, tz * 1.6) * 0.3 +
      relief(soft, x / 22, y / 18, tx * 3, tz * 3) * 0.3 +
      relief(crease, x / 1.6 + shift[0] + strata * 2, y / 0.9, tx * 1.5, 1.5) * 0.2 * fade(5, across),
    -0.8,
    0.9,
  );
  const level = h + broad * 70 + strata * 25;
  const gentle = smooth(1.25, 0.55, steep + grain * 0.08);
  const green = smooth(p.treeLine * 1.25 + 60, p.treeLine * 0.7, level) * lush;
  const meadow = unit(green * 1.6) * smooth(1.5, 0.8, steep + strata * 0.1);
  if (meadow > 0) {
    const blades = 0.82 + chips * 0.17 + ledge * 0.06;
    const turf = smooth(0.3, 0.5, meadow + strata * 0.08 + chips * 0.05);
    tint(p.grassDry, turf * 0.9, blades * 0.72);
    tint(p.grass, turf * unit(0.5 + broad * 0.25), blades * 0.85);
    // Rock breaks through.
    const outcrop = smooth(0.75, 1.15, ledge * 0.6 + strata * 0.55 + steep * 0.35 - 0.2) * turf;
    tint(p.rock, outcrop * 0.85, 0.85 + chips * 0.1);
  }
  const wood =
    smooth(0.25, 0.55, green * (0.75 + 0.3 * broad) + 0.12 * sample(soft, x / 5, y / 4.5)) * smooth(2.2, 1.3, steep);
  if (wood > 0) {
    const crowns =
      sample(fine, x / 1.1 + shift[0], y / 1.1) * fade(7, across) +
      0.6 * sample(fine, x * 1.9, y * 1.9) * fade(1.5, across);
    tint(p.conifer, wood, 0.95 + crowns * 0.3);
    tint(p.leaf, wood * unit(0.35 + broad * 0.4), 0.9 + crowns * 0.3);
    paint.bump += wood * crowns * 0.3;
  }
  const snow = smooth(p.snowLine - 40, p.snowLine + 160, level) * gentle;
  if (snow > 0.02) {
    tint(SNOW, smooth(0.4, 0.52, snow + strata * 0.1 + chips * 0.03));
    paint.bump *= 1 - snow * 0.6;
  }
}

/** Hills: rounded, grassy, with shrubs and small woods; smoother and greener than a mountain. */
export function hill(
  p: Palette,
  wooded: number,
  x: number,
  h: number,
  z: number,
  across: number,
  away: number,
  shift: Shift,
  tx: number,
  tz: number,
): void {
  const { soft, fine } = tiles();
  const broad = sample(soft, x / 14 + shift[0], z / 14);
  const patch = sample(soft, x / 2.1 + shift[1], z / 2.1);
  const grain = sample(fine, x / 0.6, z / 0.6 + h) * fade(4, away);
  put(p.grass, 0.92 + grain * 0.1 + patch * 0.07);
  tint(p.grassDry, unit(0.38 + broad * 0.4 + patch * 0.1), 0.9 + grain * 0.08);
  tint(p.earth, unit(patch * 0.5 - 0.75) * 0.7);
  const shrubs = smooth(
    1.25 - wooded * 1.9,
    1.5 - wooded * 1.9,
    broad * 0.8 + patch * 0.75 + sample(fine, x / 3.3, z / 3.3) * 0.22,
  );
  if (shrubs > 0) {
    const crown = sample(fine, x / 1.3 + shift[1], z / 1.3 + h / 1.3);
    tint(p.leaf, shrubs, 0.82 + crown * 0.22 * fade(6, across));
    tint(p.leafOther, shrubs * unit(crown * 0.4), 0.85);
    paint.bump = shrubs * crown * 0.3;
  }
  paint.bump += clamp(relief(soft, x / 5, z / 5, tx * 2, tz * 2) * 0.14, -0.3, 0.3);
}

/** Boulders and bare rock: bedding, cracks, lichen, rough to the light. */
export function rock(
  p: Palette,
  x: number,
  h: number,
  z: number,
  across: number,
  shift: Shift,
  tx: number,
  tz: number,
): void {
  const { soft, crease, fine } = tiles();
  const coarse = sample(soft, x * 2.3 + shift[0], z * 2.3 + h * 3.1);
  const b = sample(soft, x * 11 + h * 7, z * 11 + h * 13 + shift[1]);
  const a = sample(crease, x * 26 + shift[0] + b * 4, h * 34 + z * 21);
  const grain = sample(fine, x * 85 + h * 40, z * 70 + h * 85) * fade(0.06, across);
  const rough = sample(fine, x * 19 + shift[1], z * 19 + h * 23) * fade(0.3, across);
  const cleft = smooth(-0.7, -1.9, a + rough * 0.3);
  put(p.rockDark, 1);
  tint(p.rock, unit(0.6 + a * 0.12 + b * 0.13 + coarse * 0.16 + rough * 0.08), 1.02 + grain * 0.1 + rough * 0.05);
  tint(MOSS, unit(b * 0.4 + coarse * 0.4 - 0.7) * 0.6, 0.9 + grain * 0.2);
  tint(p.rockDark, cleft * 0.7, 0.55);
  paint.bump = clamp(
    relief(crease, x * 20 + b * 4, z * 16 + h * 26, tx * 2, tz * 2) * 0.3 * fade(0.5, across) +
      relief(soft, x * 8, z * 8 + h * 8, tx * 4, tz * 4) * 0.42 +
      relief(fine, x * 19 + shift[1], z * 19 + h * 23, tx * 2, tz * 2) * 0.25 * fade(0.3, across),
    -0.9,
    0.9,
  );
}

/** A cliff: layers of stone, stained by water, with ledges of moss. */
export function cliff(
  p: Palette,
  lush: number,
  x: number,
  h: number,
  z: number,
  across: number,
  shift: Shift,
  tx: number,
  tz: number,
): void {
  const { soft, crease, fine } = tiles();
  const layer = sample(soft, x * 1.2 + shift[0], h * 9 + z * 0.7);
  const split = sample(crease, x * 6 + shift[1], h * 2.2);
  const stain = sample(soft, x * 5 + shift[0], h * 0.5);
  const grain = sample(fine, x * 18, h * 18 + z * 5) * fade(0.25, across);
  put(p.rockDark, 0.85);
  tint(p.rock, unit(0.5 + layer * 0.2 + split * 0.16), 0.95 + grain * 0.1);
  tint(p.rockDark, unit(stain * 0.5 - 0.25), 0.6);
  tint(MOSS, unit(layer * 0.6 + sample(soft, x * 3, h * 3 + 50) * 0.5 - 0.75 + lush * 0.45) * 0.8, 0.9 + grain * 0.15);
  paint.bump = clamp(
    relief(crease, x * 5 + shift[1], h * 3, tx * 2, 2) * 0.35 + relief(soft, x * 3, h * 6, tx * 3, 2) * 0.3 + tz * 0,
    -0.8,
    0.8,
  );
}

/** White water down a cliff; false where the point lies beside it. */
export function waterfall(
  fall: { x: number; half: number; sway: number },
  height: number,
  x: number,
  h: number,
  across: number,
  shift: Shift,
): boolean {
  const { soft, fine } = tiles();
  const t = unit(h / height);
  const centre = fall.x + fall.sway * (noise(h / 9 + shift[0], 1.5) - 0.5);
  const half = fall.half * (1.5 - 0.6 * t) * (0.8 + 0.4 * noise(h / 4, shift[1]));
  const d = (x - centre) / half;
  if (d > 1 || d < -1) return false;
  const strand =
    sample(fine, (x - centre) * 26 + shift[0], h * 1.1) * fade(0.12, across) +
    sample(soft, (x - centre) * 40 + shift[1], h * 2.5);
  const white = unit(0.78 + strand * 0.16 - (d < 0 ? -d : d) * 0.22 + (t < 0.15 ? 0.2 : 0));
  put([0.32, 0.4, 0.46], 1);
  tint([0.93, 0.95, 0.97], white);
  return true;
}
