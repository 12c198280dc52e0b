import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RgbImage } from '../data/types';
import { set5Section } from '../../proof/parity/metrics_parity';
import { isOk } from '../../proof/parity/row';
import { withMaterial } from '../../proof/testing/material';
import { imageQuality, luma, luma8, psnr, ssim } from './image_quality';

describe('PSNR and SSIM', () => {
  it('of Set5 x2 are the published: bicubic 33.66 dB and 0.9299, RCAN 38.27 dB and 0.9614 (Y, border 2)', async (t: TestContext) => {
    if (!withMaterial(t, 'data/set5')) return;
    const { rows } = await set5Section();
    assert.deepEqual(
      rows.map((r) => r.reference),
      [33.66, 0.9299, 38.27, 0.9614],
    );
    for (const row of rows) assert.ok(isOk(row), `${row.quantity}: ${row.ours}`);
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
