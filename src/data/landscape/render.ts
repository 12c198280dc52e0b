import { Pair } from '../types';
import { compose } from './compositions';
import { Canvas, FAR, Frame } from './frame';
import { paintGround, smoothOutlines } from './ground';
import { clamp, mix, power, smooth } from './maths';
import { sample, tiles } from './noise';
import { groundAt } from './relief';
import { Scene } from './scene';
import { paintSky } from './sky';
import { castShadows, lookOver } from './terrain';
import { hasWater, mirrorCanvas, paintWater } from './water';

/** Which landscape, and how large. */
export interface LandscapeRequest {
  /** Names the series; the same seed gives the same landscapes everywhere. */
  seed: number;
  /** Number within the series, from 0. */
  index: number;
  /** Pixels; 3:4 is what scenes are composed for. The composition does not change with the size. */
  height: number;
  width: number;
}

/** Brightness in the file (0 .. 255) for linear light 0 .. 1 in 4096 steps: the sRGB curve. */
const GAMMA = (() => {
  const table = new Uint8Array(4097);
  for (let i = 0; i <= 4096; i++) {
    const v = i / 4096;
    const s = v <= 0.0031308 ? 12.92 * v : 1.055 * power(v, 1 / 2.4) - 0.055;
    table[i] = Math.floor(clamp(s, 0, 1) * 255 + 0.5);
  }
  return table;
})();

/** Classes that are water: they mirror things and take no shadow. */
const WET = Uint8Array.from({ length: 256 }, (_, i) => (i === 2 || i === 3 || i === 8 || i === 20 ? 1 : 0));

/** The shadows of trees, houses and people on the ground. */
function shadeGround(frame: Frame, scene: Scene): void {
  const { sun, hour } = scene.palette;
  const flat = Math.sqrt(sun[0] * sun[0] + sun[2] * sun[2]);
  const awayX = -sun[0] / flat;
  const awayZ = -sun[2] / flat;
  const diffuse = hour === 'overcast' || hour === 'mist';
  const { fine } = tiles();
  // Shadows that overlap are no darker than the darkest of them.
  const shade = new Float32Array(frame.depth.length);
  for (const thing of scene.things) {
    const s = thing.shadow;
    if (!s || s.z > 400) continue;
    const length = diffuse ? s.half * 0.5 : Math.min((s.height * flat) / sun[1], s.height * 3.5);
    const strength = s.strength * (diffuse ? 0.6 : 0.85);
    const reach = s.half + length;
    const y = groundAt(scene.relief, s.x, s.z);
    const zNear = Math.max(1, s.z + Math.min(0, awayZ * length) - s.half);
    const zFar = s.z + Math.max(0, awayZ * length) + s.half;
    const r0 = Math.max(0, Math.floor(frame.py(y, zFar)) - 2);
    const r1 = Math.min(frame.height - 1, Math.ceil(frame.py(y - 0.2 * s.half, zNear)) + 2);
    const x0 = s.x + Math.min(0, awayX * length) - s.half;
    const x1 = s.x + Math.max(0, awayX * length) + s.half;
    const c0 = Math.max(0, Math.floor(Math.min(frame.px(x0, zNear), frame.px(x0, zFar))));
    const c1 = Math.min(frame.width - 1, Math.ceil(Math.max(frame.px(x1, zNear), frame.px(x1, zFar))));
    for (let r = r0; r <= r1; r++) {
      for (let c = c0; c <= c1; c++) {
        const p = r * frame.width + c;
        const z = frame.depth[p];
        if (z >= FAR || WET[frame.labels[p]] === 1 || z > zFar + reach || z < zNear - reach) continue;
        const dx = ((c + 0.5 - frame.centreX) / frame.scaleX) * z - s.x;
        const dz = z - s.z;
        const along = dx * awayX + dz * awayZ;
        const across = dx * awayZ - dz * awayX;
        const a = (along - length * 0.5) / (length * 0.5 + s.half * 0.55);
        const b = across / s.half;
        const e = a * a + b * b + 0.12 * sample(fine, dx * 24, dz * 24);
        const dark = strength * smooth(1.1, 0.5, e);
        if (dark > shade[p]) shade[p] = dark;
      }
    }
  }
  for (let p = 0; p < shade.length; p++) {
    if (shade[p] === 0) continue;
    for (let i = p * 3; i < p * 3 + 3; i++) frame.colour[i] *= 1 - shade[p];
  }
}

/** Develops linear light into 8 bits: exposure, a film's curve, the sRGB curve, a darker rim and a little grain. */
function develop(frame: Frame, scene: Scene): Uint8Array {
  const { width, height, colour } = frame;
  const out = new Uint8Array(width * height * 3);
  const { fine } = tiles();
  // As a camera does: half-way from the scene's own brightness to an average one.
  let sum = 0;
  for (let i = 1; i < colour.length; i += 3) sum += colour[i] < 1.5 ? colour[i] : 1.5;
  const mean = sum / (width * height);
  const exposure = scene.palette.exposure * clamp(mix(1, 0.235 / (mean + 0.02) / scene.palette.exposure, 0.6), 0.7, 2);
  for (let r = 0; r < height; r++) {
    const dy = (r + 0.5) / height - 0.5;
    for (let c = 0; c < width; c++) {
      const dx = (c + 0.5) / width - 0.5;
      const rim = 1 - 0.32 * (dx * dx + dy * dy);
      const grain = 1 + 0.012 * sample(fine, c * 2.31 + scene.shift[0] * 50, r * 2.31);
      const gain = exposure * rim * grain;
      const i = (r * width + c) * 3;
      const grey = (colour[i] * 0.25 + colour[i + 1] * 0.6 + colour[i + 2] * 0.15) * 0.14;
      for (let k = i; k < i + 3; k++) {
        const x = (colour[k] * 0.86 + grey) * gain;
        const film = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14);
        out[k] = GAMMA[film >= 1 ? 4096 : film <= 0 ? 0 : Math.floor(film * 4096)];
      }
    }
  }
  return out;
}

/** Paints a composed scene. */
export function paint(scene: Scene, height: number, width: number): { image: Uint8Array; labels: Uint8Array } {
  const frame = new Frame(height, width, scene.camera);
  paintSky(frame, scene);
  const sky = hasWater(scene) ? frame.colour.slice() : undefined;
  const terrain = lookOver(frame, scene.relief);
  castShadows(frame, terrain, scene.palette.sun);
  paintGround(frame, scene, terrain);
  smoothOutlines(frame, terrain);
  const things = scene.things.map((thing, i) => ({ thing, i }));
  things.sort((a, b) => b.thing.z - a.thing.z || a.i - b.i);
  if (sky) {
    const below = mirrorCanvas(frame, terrain, sky);
    for (const { thing } of things) thing.draw(below, scene);
    paintWater(frame, scene, terrain, below);
  }
  shadeGround(frame, scene);
  const canvas: Canvas = { frame, colour: frame.colour, depth: frame.depth, mirror: false };
  for (const { thing } of things) thing.draw(canvas, scene);
  return { image: develop(frame, scene), labels: frame.labels };
}

/** Name of the landscape with this index, as its files are called. */
export function landscapeName(index: number): string {
  return `landscape_${String(index + 1).padStart(5, '0')}`;
}

/**
 * One procedural landscape with its label map (classes 0 .. 28 of `src/classes.ts`).
 *
 * Deterministic: equal bytes for equal requests on every machine and Node version.
 */
export function renderLandscape({ seed, index, height, width }: LandscapeRequest): Pair {
  const { image, labels } = paint(compose(seed, index), height, width);
  return { name: landscapeName(index), image: { data: image, height, width }, labels: { data: labels, height, width } };
}
