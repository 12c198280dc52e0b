import { Canvas, canvasRow, clarity, lay, visible } from './frame';
import { mix } from './maths';
import { blend, Colour, scaled } from './palette';
import { Scene, Thing } from './scene';
import { Species, Sprite, sprite } from './foliage';

const TREE = 5;
const PLANT = 13;
const GRASS = 12;

export interface Growth {
  species: Species;
  variant: number;
  x: number;
  z: number;
  /** Height of the ground at its foot, and its own height, in metres. */
  ground: number;
  height: number;
  leaf: Colour;
  flip: boolean;
  /** How much sun reaches it (0 .. 1). */
  light: number;
}

const BARK: Colour = [0.075, 0.058, 0.045];

/** A tree, a shrub, reeds or a tuft of grass. */
export function plant(growth: Growth): Thing {
  const picture = sprite(growth.species, growth.variant);
  const label = picture.kind === 'tree' ? TREE : picture.kind === 'plant' ? PLANT : GRASS;
  const thing: Thing = { z: growth.z, draw: (canvas, scene) => drawGrowth(canvas, scene, growth, picture, label) };
  if (picture.kind !== 'grass') {
    thing.shadow = {
      x: growth.x,
      z: growth.z,
      half: growth.height * picture.aspect * 0.42,
      height: growth.height,
      strength: growth.species === 'bare' ? 0.3 : 0.62,
    };
  }
  return thing;
}

function drawGrowth(canvas: Canvas, scene: Scene, g: Growth, picture: Sprite, label: number): void {
  const { frame } = canvas;
  const { palette } = scene;
  const { sun, sunlight, skylight, haze } = palette;
  const tall = g.height;
  const wide = tall * picture.aspect;
  const left = frame.px(g.x - wide / 2, g.z);
  const right = frame.px(g.x + wide / 2, g.z);
  const foot = canvasRow(canvas, g.ground - tall * 0.015, g.z);
  const head = canvasRow(canvas, g.ground + tall, g.z);
  const r0 = Math.max(0, Math.ceil((foot < head ? foot : head) - 0.5));
  const r1 = Math.min(frame.height - 1, Math.floor((foot < head ? head : foot) - 0.5));
  const c0 = Math.max(0, Math.ceil(left - 0.5));
  const c1 = Math.min(frame.width - 1, Math.floor(right - 0.5));
  if (r1 < r0 || c1 < c0) return;
  // The level of the sprite whose texels are about as large as pixels.
  const pixels = head > foot ? head - foot : foot - head;
  let level = 0;
  while (level + 1 < picture.levels.length && picture.levels[level + 1].height > pixels) level++;
  const image = picture.levels[level];
  const clear = clarity(palette, g.z);
  const leaf = g.leaf;
  const back = sun[2] > 0 ? sun[2] : 0;
  const { data, width, height } = image;
  for (let r = r0; r <= r1; r++) {
    const v = ((r + 0.5 - head) / (foot - head)) * height - 0.5;
    const v0 = Math.floor(v);
    const fv = v - v0;
    const ra = (v0 < 0 ? 0 : v0) * width;
    const rb = (v0 + 1 >= height ? height - 1 : v0 + 1) * width;
    for (let c = c0; c <= c1; c++) {
      const p = r * frame.width + c;
      if (!visible(canvas, p, g.z)) continue;
      let t = (c + 0.5 - left) / (right - left);
      if (g.flip) t = 1 - t;
      const h = t * width - 0.5;
      const h0 = Math.floor(h);
      const fh = h - h0;
      const ca = h0 < 0 ? 0 : h0;
      const cb = h0 + 1 >= width ? width - 1 : h0 + 1;
      const i00 = (ra + ca) * 5;
      const i01 = (ra + cb) * 5;
      const i10 = (rb + ca) * 5;
      const i11 = (rb + cb) * 5;
      const w00 = (1 - fh) * (1 - fv);
      const w01 = fh * (1 - fv);
      const w10 = (1 - fh) * fv;
      const w11 = fh * fv;
      const alpha = data[i00] * w00 + data[i01] * w01 + data[i10] * w10 + data[i11] * w11;
      if (alpha < 0.04) continue;
      const inverse = 1 / alpha;
      let nx = (data[i00 + 1] * w00 + data[i01 + 1] * w01 + data[i10 + 1] * w10 + data[i11 + 1] * w11) * inverse;
      const ny = (data[i00 + 2] * w00 + data[i01 + 2] * w01 + data[i10 + 2] * w10 + data[i11 + 2] * w11) * inverse;
      const open = (data[i00 + 3] * w00 + data[i01 + 3] * w01 + data[i10 + 3] * w10 + data[i11 + 3] * w11) * inverse;
      const wood = (data[i00 + 4] * w00 + data[i01 + 4] * w01 + data[i10 + 4] * w10 + data[i11 + 4] * w11) * inverse;
      if (g.flip) nx = -nx;
      const rest = 1 - nx * nx - ny * ny;
      const nz = rest > 0 ? -Math.sqrt(rest) : 0;
      const turned = nx * sun[0] + ny * sun[1] + nz * sun[2];
      // Leaves let some light through from behind.
      const direct =
        ((turned > 0 ? turned : turned * -0.12) * 0.95 + 0.14 + back * 0.16 * open) * g.light * (0.5 + 0.6 * open);
      const sky = 0.3 + 0.8 * open * (0.75 + 0.25 * ny);
      const cr = mix(leaf[0], BARK[0], wood) * (sunlight[0] * direct + skylight[0] * sky);
      const cg = mix(leaf[1], BARK[1], wood) * (sunlight[1] * direct + skylight[1] * sky);
      const cb2 = mix(leaf[2], BARK[2], wood) * (sunlight[2] * direct + skylight[2] * sky);
      lay(
        canvas,
        p,
        g.z,
        alpha > 0.9 ? 1 : alpha,
        mix(haze[0], cr, clear),
        mix(haze[1], cg, clear),
        mix(haze[2], cb2, clear),
        label,
      );
    }
  }
}

/** Leaf colour of one tree: the scene's two leaf colours mixed, a little lighter or darker. */
export function leafColour(
  scene: { palette: { leaf: Colour; leafOther: Colour; conifer: Colour; grass: Colour; grassDry: Colour } },
  species: Species,
  mixed: number,
  lightness: number,
): Colour {
  const { palette } = scene;
  if (species === 'spruce' || species === 'pine')
    return scaled(blend(palette.conifer, palette.leaf, 0.1 + mixed * 0.3), 0.95 + lightness * 0.5);
  if (species === 'tuft' || species === 'reed')
    return scaled(blend(palette.grass, palette.grassDry, 0.2 + mixed * 0.6), 0.9 + lightness * 0.35);
  if (species === 'palm') return scaled([0.07, 0.13, 0.035], 0.8 + lightness * 0.5);
  if (species === 'fern')
    return scaled(blend([0.07, 0.16, 0.025], palette.leaf, 0.25 + mixed * 0.3), 0.95 + lightness * 0.5);
  if (species === 'bush')
    return scaled(blend([0.09, 0.15, 0.035], palette.leafOther, mixed * 0.7), 0.85 + lightness * 0.4);
  return scaled(blend(palette.leaf, palette.leafOther, mixed), 1 + lightness * 0.45);
}
