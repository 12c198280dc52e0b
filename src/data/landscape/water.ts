import { Canvas, FAR, Frame } from './frame';
import { clamp, exp, mix, sin, smooth, unit } from './maths';
import { sample, tiles } from './noise';
import { blend } from './palette';
import { shoreDistance } from './relief';
import { Scene, WaterKind } from './scene';
import { mirror, STEPS, sunAt, Terrain } from './terrain';

const WATER_LABELS: Record<WaterKind, number> = { water: 2, sea: 3, lake: 20, river: 8 };

/** True where any pixel shows water. */
export function hasWater(scene: Scene): boolean {
  return scene.relief.shore.kind !== 'none';
}

/**
 * What still water would mirror: for every pixel of water the colour of the land or sky that the reflected ray meets.
 * Returns a canvas on which things can be painted upside down.
 */
export function mirrorCanvas(frame: Frame, terrain: Terrain, sky: Float32Array): Canvas {
  mirror(frame, terrain);
  const { width, height, depth, colour, horizonY } = frame;
  const { depths, heights, step, mirrored } = terrain;
  const image = new Float32Array(width * height * 3);
  const reach = new Float32Array(width * height).fill(FAR);
  const water = new Float32Array(width * height);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      const p = r * width + c;
      if (depth[p] >= FAR) continue;
      const s = step[p];
      const k0 = Math.floor(s);
      const i0 = c * STEPS + k0;
      const i1 = k0 + 1 < STEPS ? i0 + 1 : i0;
      if (heights[i0] + (heights[i1] - heights[i0]) * (s - k0) > 0) continue;
      water[p] = depth[p];
      const m = mirrored[p];
      let row: number;
      let source = sky;
      if (m >= 0) {
        const z = depths[m];
        row = Math.floor(frame.py(heights[c * STEPS + m], z));
        reach[p] = z;
        source = colour;
      } else {
        row = Math.floor(2 * horizonY - r - 0.5);
      }
      // What stands above the picture is not known: go on with what is just below its edge.
      row = row < 0 ? Math.min(height, -row) - 1 : row >= height ? height - 1 : row;
      const q = (row * width + c) * 3;
      image[p * 3] = source[q];
      image[p * 3 + 1] = source[q + 1];
      image[p * 3 + 2] = source[q + 2];
    }
  }
  return { frame, colour: image, depth: reach, mirror: true, water };
}

/** Paints every pixel of water from what it mirrors, its own colour, waves, surf and the glitter of the sun. */
export function paintWater(frame: Frame, scene: Scene, terrain: Terrain, canvas: Canvas): void {
  const { width, height, colour, labels, horizonY, scaleX } = frame;
  const { palette, relief, shift, water } = scene;
  const { sun, sunlight, skylight, haze } = palette;
  // Inland waters are duller than the sea.
  const still = water.kind === 'sea' ? 0 : 0.6;
  const waterDeep = blend(palette.waterDeep, [0.022, 0.036, 0.034], still);
  const waterShallow = blend(palette.waterShallow, [0.1, 0.12, 0.08], still);
  const surface = canvas.water as Float32Array;
  const { soft, fine, crease } = tiles();
  const label = WATER_LABELS[water.kind];
  const eye = frame.camera.eye;
  const waves = water.waves;
  const bright = (sunlight[1] * (0.25 + 0.75 * sun[1]) + skylight[1]) * 0.55;
  for (let r = 0; r < height; r++) {
    const down = (r + 0.5 - horizonY) / scaleX;
    for (let c = 0; c < width; c++) {
      const p = r * width + c;
      const z = surface[p];
      if (z === 0) continue;
      labels[p] = label;
      const u = (c + 0.5 - frame.centreX) / scaleX;
      const x = u * z;
      const span = z / scaleX;
      const away = span * clamp(z / eye, 1, 80);
      // Three lengths of waves; each fades where pixels grow longer than it.
      const long = sample(soft, x * 1.1 + shift[0], z * 3.2 + shift[1]) * unit(9 / away - 0.3);
      const middle = sample(fine, x * 2.4 + shift[1], z * 5.5 + long * 2) * unit(3.5 / away - 0.3);
      const short = sample(fine, x * 9 + shift[0], z * 17 + middle * 2) * unit(0.9 / away - 0.3);
      // Far off, only the pattern of wind on the water remains: streaks that grow with distance.
      const lines = sample(fine, (c * 34) / width + shift[0], (r * 700) / height + shift[1]) * unit(away / 3 - 0.4);
      const gusts = unit(
        0.5 +
          0.5 * sample(soft, (u * 40 * 60) / (60 + z * 0.02) + shift[1], 900 / (down * 260 + 2) + z / 190 + shift[0]),
      );
      const ruffle = waves * (0.45 + 0.75 * gusts);
      const tilt = (long * 0.5 + middle * 0.6 + short * 0.55 + lines * 0.55) * ruffle;
      const bend = (sample(fine, x * 3.1 + shift[1], z * 4.3) * unit(3 / away) + lines * 0.6) * ruffle;
      // Waves show what stands higher: the mirrored row moves down the picture, away from the shore.
      const spread = height * (0.012 + 0.05 * ruffle);
      let row = r + Math.floor((tilt < 0 ? -tilt * 0.5 : tilt) * spread + 0.5);
      row = row >= height ? height - 1 : row;
      let column = c + Math.floor(bend * width * 0.012 + 0.5);
      column = column < 0 ? 0 : column >= width ? width - 1 : column;
      let q = row * width + column;
      if (surface[q] === 0) q = surface[r * width + column] !== 0 ? r * width + column : p;
      const grazing = 1 / (1 + (down / (0.12 + 0.05 * ruffle)) * 1.1);
      const facing = clamp(0.06 + 0.86 * grazing - tilt * 0.22 - waves * 0.1 * (1 - grazing), 0.05, 0.92);
      const shore = -shoreDistance(relief, x, z);
      const shallow = exp((-shore / (relief.depth / relief.bed)) * 1.6);
      const turn = unit(shallow * (1 - 0.25 * gusts));
      const sunShare = sunAt(frame, terrain, c, terrain.step[p]);
      const body = (0.35 + 0.5 * water.murk) * bright * (1 + tilt * 0.35) * (0.55 + 0.45 * sunShare);
      let red = mix(waterDeep[0] * body * 1.4, waterShallow[0] * bright * 0.42, turn * 0.6);
      let green = mix(waterDeep[1] * body * 1.4, waterShallow[1] * bright * 0.42, turn * 0.6);
      let blue = mix(waterDeep[2] * body * 1.4, waterShallow[2] * bright * 0.42, turn * 0.6);
      const o = q * 3;
      red = mix(red, canvas.colour[o] * 0.93, facing);
      green = mix(green, canvas.colour[o + 1] * 0.95, facing);
      blue = mix(blue, canvas.colour[o + 2] * 0.96, facing);
      // Glitter: facets that throw the sun at the viewer, under the sun.
      if (sun[2] > 0.2 && palette.hour !== 'overcast') {
        const off = u - sun[0] / sun[2];
        const width2 = 0.012 + waves * 0.05 + 0.02 * down;
        const lane =
          exp(-(off * off) / width2) *
          exp(-((down - sun[1] / sun[2]) * (down - sun[1] / sun[2])) / (0.05 + waves * 0.3));
        const facets = unit((tilt + short * 0.3 + lines * 0.5 + 0.25) * 1.6 - 0.35) * (0.25 + waves);
        const spark = lane * (facets * 2.4 + 0.12);
        red += sunlight[0] * spark;
        green += sunlight[1] * spark;
        blue += sunlight[2] * spark;
      }
      let foam = 0;
      if (water.surf > 0) {
        const line = sample(soft, x / 2.2 + shift[0], z / 2.2 + shift[1]) * 2.4;
        const lace =
          sample(crease, x * 15 + shift[0], z * 12 + shift[1]) * 0.6 + sample(fine, x * 26, z * 22 + shift[0]) * 0.4;
        const gap = smooth(-0.9, 0.5, sample(soft, x / 3.5 + shift[1], z / 3.5));
        const edge = smooth(2.4, 0, shore + line * 0.35);
        const roll = sin(shore * 0.5 + line * 1.1 + shift[0]);
        const breaker =
          (smooth(0.86, 1, roll) + smooth(0.2, 0.9, roll) * 0.35) * smooth(30, 6, shore) * smooth(1.5, 4, shore) * gap;
        const threshold = 1.15 - (edge * 1.35 + breaker * 1.5) * water.surf;
        foam =
          smooth(threshold - 0.35, threshold + 0.5, lace * 0.42 * unit(2 / away) + 0.5) * unit((edge + breaker) * 3);
        if (waves > 0.5) foam += smooth(2.15, 2.9, long * 1.1 + middle + lines * 1.2) * (waves - 0.4) * 0.9;
      }
      if (water.kind === 'river') {
        const flow = sample(crease, x * 5 + shift[0], z * 0.8 + shift[1]) * unit(6 / away);
        foam += unit(flow * 0.4 - 0.42) * 0.25 * waves;
      }
      if (foam > 0) {
        const f = unit(foam);
        const white = sunlight[1] * (0.2 + 0.5 * sun[1]) * (0.4 + 0.6 * sunShare) + skylight[1] * 0.85;
        red = mix(red, white * 0.97, f);
        green = mix(green, white * 0.98, f);
        blue = mix(blue, white, f);
      }
      const air = 1 - exp(-z / (palette.visibility * 1.15));
      const i = p * 3;
      colour[i] = mix(red, haze[0], air);
      colour[i + 1] = mix(green, haze[1], air);
      colour[i + 2] = mix(blue, haze[2], air);
    }
  }
}
