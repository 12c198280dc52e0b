import { Frame } from './frame';
import { clamp, mix, smooth, unit } from './maths';
import { sample, tiles } from './noise';
import { Scene } from './scene';

/** Where the cumulus layer and the cirrus layer lie, in units of the texture's texels per (x / y) of the sky. */
const CUMULUS = 26;
const CIRRUS = 9;

const SKY = 1;

/** Paints the sky over every row above the horizon, and the colour of the horizon below it. */
export function paintSky(frame: Frame, scene: Scene): void {
  const { width, height, colour } = frame;
  const { palette, shift } = scene;
  const { sun, zenith, horizon, glow } = palette;
  const { soft } = tiles();
  const seedU = shift[0] * 7.13;
  const seedV = shift[1] * 5.37;
  const coverLow = 1.25 - palette.cumulus * 2.5;
  const cloudLight = [
    palette.sunlight[0] * 0.36 + palette.skylight[0] * 0.3,
    palette.sunlight[1] * 0.36 + palette.skylight[1] * 0.3,
    palette.sunlight[2] * 0.36 + palette.skylight[2] * 0.3,
  ];
  const dark = palette.hour === 'overcast' ? 0.5 : 0.42;
  const cloudShade = [
    palette.skylight[0] * dark + 0.05,
    palette.skylight[1] * dark + 0.05,
    palette.skylight[2] * dark + 0.05,
  ];
  frame.labels.fill(SKY);
  for (let r = 0; r < height; r++) {
    const tan = Math.max(0, (frame.horizonY - r - 0.5) / frame.scaleY);
    for (let c = 0; c < width; c++) {
      const u = (c + 0.5 - frame.centreX) / frame.scaleX;
      const norm = 1 / Math.sqrt(1 + u * u + tan * tan);
      const up = tan * norm;
      // Air is thicker towards the horizon.
      const rise = 1 - 1 / (1 + up * 4.2);
      const t = rise * 1.25;
      let red = mix(horizon[0], zenith[0], t);
      let green = mix(horizon[1], zenith[1], t);
      let blue = mix(horizon[2], zenith[2], t);
      const toSun = (u * sun[0] + tan * sun[1] + sun[2]) * norm;
      const near = toSun > 0 ? toSun : 0;
      const n2 = near * near;
      const n8 = n2 * n2 * n2 * n2;
      const n64 = n8 * n8 * n8 * n8 * n8 * n8 * n8 * n8;
      const halo = n2 * 0.16 + n8 * 0.25 + n64 * 0.75;
      red += glow[0] * halo;
      green += glow[1] * halo;
      blue += glow[2] * halo;
      if (palette.hour !== 'overcast' && palette.hour !== 'mist') {
        const disc = smooth(0.99965, 0.9999, toSun) * 9;
        red += disc;
        green += disc * 0.9;
        blue += disc * 0.7;
      }
      const plane = 1 / (up + 0.055);
      if (palette.cirrus > 0) {
        const v = sample(soft, u * norm * plane * CIRRUS * 0.5 + seedV, plane * CIRRUS + seedU);
        const w = sample(soft, u * norm * plane * CIRRUS * 2.2 + plane * 7 + seedU, plane * CIRRUS * 3.1 + seedV);
        const veil = unit((v + w * 0.5 - 0.35) * 0.42) * palette.cirrus * unit(up * 7);
        red = mix(red, cloudLight[0] + glow[0] * n8 * 0.6, veil);
        green = mix(green, cloudLight[1] + glow[1] * n8 * 0.6, veil);
        blue = mix(blue, cloudLight[2] + glow[2] * n8 * 0.6, veil);
      }
      if (palette.cumulus > 0.05) {
        const x = u * norm * plane * CUMULUS + seedU;
        const z = plane * CUMULUS * 1.15 + seedV;
        const shape = sample(soft, x * 0.55, z * 0.55);
        const puff = sample(soft, x * 2.3 + 99, z * 2.3);
        const wisp = sample(soft, x * 9.1, z * 9.1 + 41);
        const density = shape + puff * 0.42 + wisp * 0.13 - coverLow;
        if (density > 0) {
          // Denser towards the sun means shade; cloud bottoms (towards the horizon side of a puff) are darker.
          const ahead =
            sample(soft, (x + sun[0] * 9) * 0.55, (z - 9) * 0.55) +
            sample(soft, (x + sun[0] * 3) * 2.3 + 99, (z - 3) * 2.3) * 0.42;
          const lit = unit(0.62 + (shape + puff * 0.42 - ahead) * 0.75 - density * 0.16);
          const alpha = smooth(0, 0.55, density) * unit(up * 16 + 0.15);
          const silver = (1 - alpha) * n8 * 1.2;
          const far = unit(1 - up * 5) * 0.45;
          const cr = mix(mix(cloudShade[0], cloudLight[0], lit) + glow[0] * silver, red, far);
          const cg = mix(mix(cloudShade[1], cloudLight[1], lit) + glow[1] * silver, green, far);
          const cb = mix(mix(cloudShade[2], cloudLight[2], lit) + glow[2] * silver, blue, far);
          red = mix(red, cr, alpha);
          green = mix(green, cg, alpha);
          blue = mix(blue, cb, alpha);
        }
      }
      const i = (r * width + c) * 3;
      colour[i] = clamp(red, 0, 12);
      colour[i + 1] = clamp(green, 0, 12);
      colour[i + 2] = clamp(blue, 0, 12);
    }
  }
}
