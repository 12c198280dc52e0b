import { FAR, Frame } from './frame';
import { clamp, exp, mix, sin, smooth, unit } from './maths';
import { noise, sample, tiles } from './noise';
import { Colour } from './palette';
import { shoreDistance } from './relief';
import { Scene, Soil, Track } from './scene';
import { STEPS, sunAt, Terrain } from './terrain';
import * as slopes from './slopes';
import * as soils from './soils';
import { paint } from './surface';

const MOUNTAIN = 0;
const ROCK = 4;
const HILL = 7;
const PATH = 19;
const ROAD = 23;
const WATERFALL = 16;
const SOIL_LABELS: Record<Soil, number> = { grass: 12, earth: 6, land: 10, sand: 9, rock: ROCK, field: 22 };

/** Metres from the centre line of a track, as a share of its half width; above 1 beside it. */
export function onTrack(track: Track, x: number, z: number): number {
  if (z < track.from || z > track.to) return 9;
  const bend =
    sin(z / track.length + track.phase) -
    sin(track.phase) +
    0.4 * (sin((z / track.length) * 2.3 + track.phase * 2) - sin(track.phase * 2));
  const d = x - track.offset - track.along * z - track.swing * bend;
  return (d < 0 ? -d : d) / track.half;
}

/** Centre of a track at depth z. */
export function trackCentre(track: Track, z: number): number {
  const bend =
    sin(z / track.length + track.phase) -
    sin(track.phase) +
    0.4 * (sin((z / track.length) * 2.3 + track.phase * 2) - sin(track.phase * 2));
  return track.offset + track.along * z + track.swing * bend;
}

/** What covers the plain at (x, z), and how far it is (0 .. 1) from the border to the other soil. */
function coverAt(scene: Scene, x: number, z: number, shore: number): Soil {
  const { cover, shift } = scene;
  const wander = noise(x / 3 + shift[0], z / 3) * 0.5 + noise(x / 17, z / 17 + shift[1]) * 0.5;
  if (shore < cover.shoreWidth * (0.55 + 0.9 * wander) * (z > 200 ? 1 + z / 2000 : 1)) return cover.shore;
  if (cover.fields && z > cover.fields.from && z < cover.fields.to) return 'field';
  if (cover.beyond && z > cover.beyond.from * (0.8 + 0.4 * wander)) return cover.beyond.soil;
  if (cover.share > 0) {
    const n =
      noise(x / cover.patch + shift[1], z / cover.patch + shift[0]) * 0.62 +
      noise((x / cover.patch) * 2.7, (z / cover.patch) * 2.7) * 0.28 +
      wander * 0.1;
    if (n < 0.18 + cover.share * 0.64) return cover.second;
  }
  return cover.main;
}

/** Paints every pixel of land: its class, its colour in the scene's light, and the air before it. */
export function paintGround(frame: Frame, scene: Scene, terrain: Terrain): void {
  const { width, height, colour, depth, labels } = frame;
  const { palette, relief, cover, shift } = scene;
  const { depths, heights, mountain, hill, boulder, step } = terrain;
  const { sun, sunlight, skylight, haze } = palette;
  const flatSun = 1 / Math.sqrt(sun[0] * sun[0] + sun[2] * sun[2]);
  const towardX = sun[0] * flatSun;
  const towardZ = sun[2] * flatSun;
  const { soft, fine } = tiles();
  const out = paint;
  const ambient: Colour = [skylight[0], skylight[1], skylight[2]];
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      const p = r * width + c;
      const z = depth[p];
      if (z >= FAR) continue;
      const s = step[p];
      const k0 = Math.floor(s);
      const k1 = k0 + 1 < STEPS ? k0 + 1 : k0;
      const f = s - k0;
      const i0 = c * STEPS + k0;
      const i1 = c * STEPS + k1;
      const h = heights[i0] + (heights[i1] - heights[i0]) * f;
      if (h <= 0) continue;
      const u = (c + 0.5 - frame.centreX) / frame.scaleX;
      const x = u * z;
      // Slopes from the neighbours on the fan.
      const left = c > 0 ? -STEPS : 0;
      const right = c + 1 < width ? STEPS : 0;
      const span = ((right - left) / STEPS) * (z / frame.scaleX);
      const slopeX =
        (heights[i0 + right] - heights[i0 + left] + (heights[i1 + right] - heights[i1 + left])) / (2 * span);
      const kb = k0 > 0 ? k0 - 1 : 0;
      const slopeZ = (heights[i1] - heights[c * STEPS + kb]) / (depths[k1] - depths[kb]);
      const steep = Math.sqrt(slopeX * slopeX + slopeZ * slopeZ);
      const fm = mountain[i0] + (mountain[i1] - mountain[i0]) * f;
      const fh = hill[i0] + (hill[i1] - hill[i0]) * f;
      const fb = boulder[i0] + (boulder[i1] - boulder[i0]) * f;
      // Metres that a pixel spans across, and on level ground away from the viewer.
      const across = z / frame.scaleX;
      const slant = z / (frame.camera.eye - h > 0.4 ? frame.camera.eye - h : 0.4);
      const away = across * (steep > 0.35 ? 1 : clamp(slant, 1, 60));
      out.bump = 0;
      out.gloss = 0;
      let label: number;
      if (
        relief.cliff?.fall &&
        fm > 0.4 &&
        steep > 0.7 &&
        z < relief.cliff.at * 1.5 &&
        slopes.waterfall(relief.cliff.fall, relief.cliff.height, x, h, across, shift)
      ) {
        label = WATERFALL;
      } else if (relief.cliff && fm > 0.4 && z < relief.cliff.at * 1.5 && steep > 0.6) {
        label = ROCK;
        slopes.cliff(palette, cover.lush, x, h, z, across, shift, towardX, towardZ);
      } else if (fb > 0.06) {
        label = ROCK;
        slopes.rock(palette, x, h, z, across, shift, towardX, towardZ);
      } else if (fm > fh && fm > 6 + 0.03 * relief.level) {
        label = MOUNTAIN;
        slopes.mountain(palette, cover.lush, x, h, z, steep, across, shift, towardX, towardZ);
      } else if (fh > 2.5) {
        label = HILL;
        slopes.hill(palette, cover.wooded, x, h, z, across, away, shift, towardX, towardZ);
      } else {
        const shore = shoreDistance(relief, x, z);
        let covering = coverAt(scene, x, z, shore);
        let track = 9;
        let kind: Track['kind'] = 'path';
        for (const t of cover.tracks) {
          const d = onTrack(t, x, z);
          if (d < track) {
            track = d;
            kind = t.kind;
          }
        }
        if (steep > 1.1 && shore < 1e5 && h < 40) covering = 'rock';
        const ragged = kind === 'path' ? 0.25 * (noise(x * 1.3 + shift[0], z * 1.3) - 0.5) : 0;
        if (track + ragged < 1) {
          label = kind === 'path' ? PATH : ROAD;
          if (kind === 'path') soils.path(palette, x, z, away, shift, track);
          else soils.road(x, z, across, away, shift, track, scene.cover.tracks);
        } else {
          label = SOIL_LABELS[covering];
          soils.plain(covering, palette, x, h, z, across, away, shift, towardX, towardZ, cover);
          const wet = covering === 'sand' || covering === 'earth' ? smooth(2.2, 0.2, shore) : 0;
          if (wet > 0) {
            out.r *= 1 - wet * 0.45;
            out.g *= 1 - wet * 0.42;
            out.b *= 1 - wet * 0.38;
          }
          if (label === 12 && track < 2.2) {
            // Trampled grass beside a track.
            const worn = smooth(2.2, 1, track) * 0.5;
            out.r = mix(out.r, palette.grassDry[0] * 0.8, worn);
            out.g = mix(out.g, palette.grassDry[1] * 0.8, worn);
            out.b = mix(out.b, palette.grassDry[2] * 0.8, worn);
          }
        }
      }
      labels[p] = label;
      const norm = 1 / Math.sqrt(1 + slopeX * slopeX + slopeZ * slopeZ);
      let facing = (sun[1] - slopeX * sun[0] - slopeZ * sun[2]) * norm;
      facing = facing > 0 ? facing : 0;
      const lit = sunAt(frame, terrain, c, s) * clamp(facing * (1 + out.bump) + out.bump * 0.12 * sun[1], 0, 1.6);
      const open = (0.55 + 0.45 * norm) * (1 + clamp(out.bump, -0.6, 0.4) * 0.35);
      // Broad patches of light and shade from clouds overhead.
      const drift =
        palette.cumulus > 0.1 && palette.cumulus < 0.8
          ? 1 - 0.45 * unit(sample(soft, x / 9 / (1 + z / 900) + shift[0] * 3, z / 25 / (1 + z / 900)) * 0.8 - 0.5)
          : 1;
      const speck = 1 + 0.05 * sample(fine, c * 1.37, r * 1.37);
      const air = 1 - exp((-z / palette.visibility) * (h < 150 ? 1 : (150 / h) * 0.35 + 0.65));
      const sunShare = lit * drift;
      let red = out.r * (sunlight[0] * sunShare + ambient[0] * open) * speck;
      let green = out.g * (sunlight[1] * sunShare + ambient[1] * open) * speck;
      let blue = out.b * (sunlight[2] * sunShare + ambient[2] * open) * speck;
      const norm3 = 1 / Math.sqrt(1 + u * u);
      const toSun = (u * sun[0] + sun[2]) * norm3;
      const scatter = toSun > 0 ? toSun * toSun * toSun * toSun * 0.45 : 0;
      red = mix(red, haze[0] + palette.glow[0] * scatter, air);
      green = mix(green, haze[1] + palette.glow[1] * scatter, air);
      blue = mix(blue, haze[2] + palette.glow[2] * scatter, air);
      const o = p * 3;
      colour[o] = red;
      colour[o + 1] = green;
      colour[o + 2] = blue;
    }
  }
}

/** Blends the outlines of ridges with what is behind them; labels stay crisp. */
export function smoothOutlines(frame: Frame, terrain: Terrain): void {
  const { width, height, colour } = frame;
  const { edge } = terrain;
  for (let r = 1; r + 1 < height; r++) {
    for (let c = 0; c < width; c++) {
      const p = r * width + c;
      const e = edge[p];
      if (e === 0) continue;
      const other = (e > 0 ? p - width : p + width) * 3;
      const share = e > 0 ? e : -e;
      for (let i = 0; i < 3; i++) colour[p * 3 + i] += (colour[other + i] - colour[p * 3 + i]) * share;
    }
  }
}
