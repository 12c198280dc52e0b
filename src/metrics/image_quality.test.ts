import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import sharp from 'sharp';
import type { RgbImage } from '../data/types';
import { withMaterial } from '../testing/material';
import { imageQuality, psnr, ssim } from './image_quality';
import { cropPlane, luma, luma8, type Plane } from './luma';
import { planesPsnr } from './psnr';
import { planesSsim } from './ssim';

const NAMES = ['baby', 'bird', 'butterfly', 'head', 'woman'];

async function read(file: string): Promise<RgbImage> {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { data: new Uint8Array(data), height: info.height, width: info.width };
}

/** The cubic of MATLAB's imresize, a = -0.5. */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d <= 1) return 1.5 * d ** 3 - 2.5 * d ** 2 + 1;
  return d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/** MATLAB's imresize in floating point: `factor` 2 enlarges, 0.5 reduces with the kernel widened; edges mirrored. */
function imresize(plane: Plane, factor: number): Plane {
  const along = ({ data, height, width }: Plane): Plane => {
    const w = width * factor;
    const stretch = Math.max(1, 1 / factor);
    const out = new Float64Array(w * height);
    for (let x = 0; x < w; x++) {
      const centre = (x + 0.5) / factor - 0.5;
      const taps = Array.from({ length: 4 * stretch + 2 }, (_, i) => Math.floor(centre - 2 * stretch) + i);
      const weights = taps.map((t) => cubic((centre - t) / stretch));
      const total = weights.reduce((s, v) => s + v, 0);
      taps.forEach((t, i) => {
        const from = t < 0 ? -1 - t : t >= width ? 2 * width - 1 - t : t;
        // The result is written transposed, so that twice is both axes.
        for (let y = 0; y < height; y++) out[x * height + y] += (weights[i] / total) * data[y * width + from];
      });
    }
    return { data: out, height: w, width: height };
  };
  return along(along(plane));
}

describe('PSNR and SSIM', () => {
  it('of RCAN x2 on Set5 are the published 38.27 dB and 0.9614 (Y, border 2)', async (t: TestContext) => {
    const folder = withMaterial(t, 'data/set5');
    if (!folder) return;
    const pairs = await Promise.all(
      NAMES.map(async (n) => ({
        image: await read(join(folder, `RCANx2/${n}_RCAN_x2.png`)),
        reference: await read(join(folder, `HR/${n}_HR_x2.png`)),
      })),
    );
    const result = imageQuality(pairs, { channel: 'y', border: 2 });
    // The tables round to two and four digits.
    assert.ok(Math.abs(result.psnr.value - 38.27) < 0.005, `${result.psnr.value}`);
    assert.ok(Math.abs(result.ssim.value - 0.9614) < 0.00005, `${result.ssim.value}`);
    assert.equal(result.psnr.n.pairs, 5);
  });

  it('of bicubic x2 on Set5 are the published 33.66 dB and 0.9299', async (t: TestContext) => {
    const folder = withMaterial(t, 'data/set5');
    if (!folder) return;
    // The numbers of SRCNN, VDSR and all tables after them: luminance of 8 bits, reduced and enlarged without rounding
    // in between.
    const pairs = await Promise.all(
      NAMES.map(async (n): Promise<[Plane, Plane]> => {
        const y = luma8(await read(join(folder, `HR/${n}_HR_x2.png`)));
        const enlarged = imresize(imresize(y, 0.5), 2);
        const rounded = { ...enlarged, data: enlarged.data.map((v) => Math.min(255, Math.max(0, Math.round(v)))) };
        return [cropPlane(rounded, 2), cropPlane(y, 2)];
      }),
    );
    const mean = (f: (p: [Plane, Plane][]) => number) => pairs.reduce((s, p) => s + f([p]), 0) / pairs.length;
    assert.ok(Math.abs(mean(planesPsnr) - 33.66) < 0.005, `${mean(planesPsnr)}`);
    assert.ok(Math.abs(mean(planesSsim) - 0.9299) < 0.00005, `${mean(planesSsim)}`);
  });

  const flat = (v: number, height = 16, width = 12): RgbImage => ({
    data: new Uint8Array(height * width * 3).fill(v),
    height,
    width,
  });

  it('follow their formulas on flat images', () => {
    assert.equal(psnr(flat(100), flat(110)), 10 * Math.log10(255 ** 2 / 100));
    assert.equal(psnr(flat(7), flat(7)), Infinity);
    assert.equal(ssim(flat(7), flat(7)), 1);
    // No variance: only the term of the means is left.
    const c1 = (0.01 * 255) ** 2;
    const expected = (2 * 100 * 110 + c1) / (100 ** 2 + 110 ** 2 + c1);
    assert.ok(Math.abs(ssim(flat(100), flat(110)) - expected) < 1e-12);
  });

  it('take luminance from 16 (black) to 235 (white)', () => {
    assert.ok(luma(flat(0)).data.every((y) => y === 16));
    assert.ok(luma(flat(255)).data.every((y) => Math.abs(y - 235) < 1e-12));
    // Pure red of MATLAB: rgb2ycbcr(uint8([255 0 0])) is [81 90 240].
    assert.equal(luma8({ data: Uint8Array.of(255, 0, 0), height: 1, width: 1 }).data[0], 81);
  });

  it('refuse what cannot be compared', () => {
    assert.throws(() => psnr(flat(1), flat(1, 12, 16)), /16x12 and 12x16 cannot be compared/);
    assert.throws(() => psnr(flat(1), flat(1), { border: 6 }), /leaves nothing/);
    assert.throws(() => ssim(flat(1), flat(1), { border: 1 }), /at least 11x11 pixels/);
    assert.throws(() => imageQuality([]), /at least one pair/);
  });
});
