import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { UserError } from '../common/errors';
import { withMaterial } from '../../proof/testing/material';
import { labelTiles, photo, pillowReference, temporaryFolder } from '../../proof/testing/fixtures';
import { decodeImage, encodeJpeg, encodePng, readImage, readLabelValues, throughJpeg, writeJpeg, writePng } from './image';
import { pngHeader } from './png_indices';
import type { RgbImage } from './types';

const reference = pillowReference();
const sha = (data: Uint8Array) => createHash('sha256').update(data).digest('hex').slice(0, 16);

test('JPEG is byte for byte what Pillow writes, and decodes to the same samples', async () => {
  assert.equal(reference.jpeg.length, 7);
  for (const { size, quality, bytes, sha: expected, decoded } of reference.jpeg) {
    const jpeg = await encodeJpeg(photo(size[0], size[1]), { quality });
    assert.equal(jpeg.length, bytes, `${size}, quality ${quality}`);
    assert.equal(sha(jpeg), expected, `${size}, quality ${quality}`);
    assert.equal(sha((await decodeImage(jpeg, 'x')).data), decoded, `${size}, quality ${quality}, decoded`);
  }
});

test("JPEG equals Pillow's file", async (t) => {
  const file = withMaterial(t, 'golden/resize/jpeg_default.jpg');
  if (!file) return;
  const input = await readImage(join(file, '..', 'jpeg_in.png'));
  assert.deepEqual(await encodeJpeg(input), readFileSync(file));
  assert.deepEqual(await readImage(file), await readImage(join(file, '..', 'jpeg_decoded.png')));
  assert.deepEqual(await throughJpeg(input), await readImage(join(file, '..', 'jpeg_decoded.png')));
});

test('PNG keeps pictures and label maps; label maps are 8-bit grey', async (t) => {
  const dir = temporaryFolder(t);
  const image = photo(13, 9);
  const labels = labelTiles(13, 9);
  labels.data[5] = 255;
  await writePng(join(dir, 'a', 'image.png'), image);
  await writePng(join(dir, 'a', 'labels.png'), labels);
  assert.deepEqual(await readImage(join(dir, 'a', 'image.png')), image);
  assert.deepEqual(await readLabelValues(join(dir, 'a', 'labels.png')), labels);
  assert.deepEqual(pngHeader(readFileSync(join(dir, 'a', 'labels.png'))), { bitDepth: 8, colourType: 0, width: labels.width, height: labels.height });
  assert.deepEqual(readdirSync(join(dir, 'a')).sort(), ['image.png', 'labels.png']);
});

test('every kind of picture becomes RGB', async (t) => {
  const dir = temporaryFolder(t);
  const grey = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
  const base = sharp(grey, { raw: { width: 4, height: 3, channels: 1 } });
  const repeated = [...grey].flatMap((v) => [v, v, v]);
  const save = async (name: string, image: sharp.Sharp) => {
    writeFileSync(join(dir, name), await image.toBuffer());
    return readImage(join(dir, name));
  };
  assert.deepEqual([...(await save('grey.png', base.clone().toColourspace('b-w').png())).data], repeated);
  assert.deepEqual([...(await save('palette.png', base.clone().png({ palette: true, dither: 0 }))).data], repeated);
  const rgb = photo(4, 3);
  const transparent = new Uint8Array(4 * 3 * 4).map((_, i) => (i % 4 === 3 ? i * 5 : rgb.data[(i >> 2) * 3 + (i % 4)]));
  const alpha = sharp(transparent, { raw: { width: 4, height: 3, channels: 4 } });
  assert.deepEqual(await save('alpha.png', alpha.clone().png()), rgb);
  assert.deepEqual(await save('wide.png', alpha.clone().removeAlpha().toColourspace('rgb16').png()), rgb);
  // CMYK goes through a print profile: only that it looks like itself can be asked of it.
  const flat = sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 200, g: 60, b: 60 } } });
  const { data, height, width } = await save('cmyk.jpg', flat.toColourspace('cmyk').jpeg({ quality: 100 }));
  assert.deepEqual([data.length, height, width], [192, 8, 8]);
  assert.ok(Math.abs(data[0] - 200) < 40 && Math.abs(data[1] - 60) < 40, `${data.subarray(0, 3)}`);
});

test('orientation of EXIF is applied, or left where asked', async (t) => {
  const file = join(temporaryFolder(t), 'turned.png');
  const image = photo(4, 3);
  writeFileSync(
    file,
    await sharp(await encodePng(image))
      .withMetadata({ orientation: 6 })
      .png()
      .toBuffer(),
  );
  assert.deepEqual(await readImage(file, { orient: false }), image);
  // Orientation 6: the stored picture has to be turned by 90 degrees clockwise.
  const turned: RgbImage = { data: new Uint8Array(36), height: 4, width: 3 };
  for (let y = 0; y < 3; y++) {
    for (let x = 0; x < 4; x++) for (let c = 0; c < 3; c++) turned.data[(x * 3 + (2 - y)) * 3 + c] = image.data[(y * 4 + x) * 3 + c];
  }
  assert.deepEqual(await readImage(file), turned);
});

/** A palette PNG of 1, 2, 4 or 8 bits, 5x3 pixels; the 4-bit one interlaced. Which index is which colour is the library's choice. */
async function palettePng(bits: number): Promise<Buffer> {
  const values = Uint8Array.from({ length: 15 }, (_, i) => i % Math.min(1 << bits, 15));
  // Distinct colours in an order that is not that of their brightness.
  const colours = [...values].flatMap((v) => [(v * 97 + 30) % 256, (v * 53) % 256, (v * 151 + 7) % 256]);
  return sharp(Uint8Array.from(colours), { raw: { width: 5, height: 3, channels: 3 } })
    .png({ palette: true, colours: 1 << bits, dither: 0, progressive: bits === 4 })
    .toBuffer();
}

test('a palette PNG gives its indices, which name its colours', async (t) => {
  const file = join(temporaryFolder(t), 'palette.png');
  for (const bits of [1, 2, 4, 8]) {
    const png = await palettePng(bits);
    assert.deepEqual(pngHeader(png), { bitDepth: bits, colourType: 3, width: 5, height: 3 });
    writeFileSync(file, png);
    const { data, height, width } = await readLabelValues(file);
    assert.deepEqual([height, width], [3, 5]);
    // Looked up in the palette chunk they must give the colours that the library decodes.
    const at = png.indexOf('PLTE') + 4;
    const colours = (await readImage(file)).data;
    assert.deepEqual(
      [...data].flatMap((v) => [...png.subarray(at + v * 3, at + v * 3 + 3)]),
      [...colours],
      `${bits} bits`,
    );
    assert.ok(new Set(data).size > 1);
  }
});

test("a palette PNG written by Pillow gives the array's values", async (t) => {
  // Pillow 13: Image.fromarray([[0, 5, 28], [3, 3, 255]], 'P') with a palette of i -> (255 - i, i, i * 7 % 256), transparency 3.
  const file = join(temporaryFolder(t), 'pillow.png');
  writeFileSync(file, Buffer.from(PILLOW_PALETTE, 'base64'));
  assert.deepEqual(await readLabelValues(file), { data: Uint8Array.of(0, 5, 28, 3, 3, 255), height: 2, width: 3 });
  assert.deepEqual([...(await readImage(file)).data.subarray(3, 6)], [250, 5, 35]);
});

const PILLOW_PALETTE =
  'iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAMAAACqqpYoAAADAFBMVEX/AAD+AQf9Ag78AxX7BBz6BSP5Bir4BzH3CDj2CT/1Ckb0C03zDFTyDVvxDmLwD2nvEHDuEXftEn7sE4XrFIzqFZPpFproF6HnGKjmGa/lGrbkG73jHMTiHcvhHtLgH9nfIODeIefdIu7cI/XbJPzaJQPZJgrYJxHXKBjWKR/VKibUKy3TLDTSLTvRLkLQL0nPMFDOMVfNMl7MM2XLNGzKNXPJNnrIN4HHOIjGOY/FOpbEO53DPKTCPavBPrLAP7m/QMC+Qce9Qs68Q9W7RNy6ReO5Ruq4R/G3SPi2Sf+1Sga0Sw2zTBSyTRuxTiKwTymvUDCuUTetUj6sU0WrVEyqVVOpVlqoV2GnWGimWW+lWnakW32jXISiXYuhXpKgX5mfYKCeYaedYq6cY7WbZLyaZcOZZsqYZ9GXaNiWad+VauaUa+2TbPSSbfuRbgKQbwmPcBCOcReNch6McyWLdCyKdTOJdjqId0GHeEiGeU+FelaEe12DfGSCfWuBfnKAf3l/gIB+gYd9go58g5V7hJx6haN5hqp4h7F3iLh2ib91isZ0i81zjNRyjdtxjuJwj+lvkPBukfdtkv5skwVrlAxqlRNplhpolyFnmChmmS9lmjZkmz1jnERinUthnlJgn1lfoGBeoWddom5co3VbpHxapYNZpopYp5FXqJhWqZ9VqqZUq61TrLRSrbtRrsJQr8lPsNBOsddNst5Ms+VLtOxKtfNJtvpItwFHuAhGuQ9FuhZEux1DvCRCvStBvjJAvzk/wEA+wUc9wk48w1U7xFw6xWM5xmo4x3E3yHg2yX81yoY0y40zzJQyzZsxzqIwz6kv0LAu0bct0r4s08Ur1Mwq1dMp1too1+En2Ogm2e8l2vYk2/0j3AQi3Qsh3hIg3xkf4CAe4Scd4i4c4zUb5Dwa5UMZ5koY51EX6FgW6V8V6mYU620T7HQS7XsR7oIQ74kP8JAO8ZcN8p4M86UL9KwK9bMJ9roI98EH+MgG+c8F+tYE+90D/OQC/esB/vIA//mKgus5AAAABHRSTlP///8AQCqp9AAAABBJREFUeNpjYGCVYWBm/g8AAcABJ1vf75EAAAAASUVORK5CYII=';

test('label values of 1 and 16 bits, and beside transparency', async (t) => {
  const dir = temporaryFolder(t);
  const wide = Uint16Array.of(0, 28, 300, 65535, 7, 1000);
  writeFileSync(
    join(dir, 'wide.png'),
    await sharp(wide, { raw: { width: 3, height: 2, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer(),
  );
  assert.deepEqual(await readLabelValues(join(dir, 'wide.png')), { data: wide, height: 2, width: 3 });
  const two = Uint8Array.of(3, 0, 28, 255, 1, 128);
  writeFileSync(
    join(dir, 'alpha.png'),
    await sharp(two, { raw: { width: 3, height: 1, channels: 2 } })
      .toColourspace('b-w')
      .png()
      .toBuffer(),
  );
  assert.deepEqual((await readLabelValues(join(dir, 'alpha.png'))).data, Uint8Array.of(3, 28, 1));
  // Pillow 13: Image.fromarray([[0, 1, 1, 0, 1]] as bool) reads back as 0, 255.
  writeFileSync(join(dir, 'bit.png'), Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAUAAAABAQAAAAA+hVleAAAACklEQVR4nGPIAAAAagBpOUZKigAAAABJRU5ErkJggg==', 'base64'));
  assert.deepEqual([...(await readLabelValues(join(dir, 'bit.png'))).data], [0, 255, 255, 0, 255]);
});

test('files that cannot be used are one sentence that names them', async (t) => {
  const dir = temporaryFolder(t);
  const jpeg = await encodeJpeg(photo(64, 48));
  const png = await encodePng(labelTiles(64, 48));
  const palette = await palettePng(8);
  const cases: [string, Uint8Array | undefined, RegExp][] = [
    ['missing.png', undefined, /there is no such file/],
    ['empty.png', new Uint8Array(0), /is empty \(0 bytes\)/],
    ['text.png', Buffer.from('not a picture, but long enough for a header to be looked for'), /not an image/],
    ['truncated.jpg', jpeg.subarray(0, jpeg.length >> 1), /truncated or damaged/],
    ['truncated.png', png.subarray(0, png.length >> 1), /truncated or damaged/],
    ['header.png', png.subarray(0, 20), /damaged/],
    ['truncated_palette.png', palette.subarray(0, palette.length - 20), /truncated or damaged/],
  ];
  for (const [name, bytes, reason] of cases) {
    const file = join(dir, name);
    if (bytes) writeFileSync(file, bytes);
    const named = (e: unknown) => e instanceof UserError && e.message.startsWith(`${file}: `) && reason.test(e.message) && !e.message.includes('\n');
    if (name !== 'truncated_palette.png') await assert.rejects(readImage(file), named, name);
    if (!name.endsWith('.jpg')) await assert.rejects(readLabelValues(file), named, name);
  }
  await assert.rejects(readImage(dir), /this is a folder/);
  writeFileSync(join(dir, 'photo.jpg'), jpeg);
  await assert.rejects(readLabelValues(join(dir, 'photo.jpg')), /photo\.jpg: a label map has to be a PNG, and this is JPEG/);
  await writePng(join(dir, 'colours.png'), photo(4, 3));
  await assert.rejects(readLabelValues(join(dir, 'colours.png')), /colours\.png: this label map holds colours.*mapping/);
});

test('what cannot be written leaves nothing behind', async (t) => {
  const dir = temporaryFolder(t);
  mkdirSync(join(dir, 'taken.jpg'));
  await assert.rejects(writeJpeg(join(dir, 'taken.jpg'), photo(4, 3)), /taken\.jpg was not written/);
  assert.deepEqual(readdirSync(dir), ['taken.jpg']);
  await assert.rejects(writeJpeg(join(dir, 'x.jpg'), { ...photo(4, 3), width: 5 }), /neither an RGB image nor a label map/);
  if (process.getuid?.() !== 0) {
    mkdirSync(join(dir, 'closed'));
    chmodSync(join(dir, 'closed'), 0o500);
    await assert.rejects(writeJpeg(join(dir, 'closed', 'x.jpg'), photo(4, 3)), UserError);
  }
});

test('a label map that some program saved as RGB or RGBA, with equal channels', async (t) => {
  const dir = temporaryFolder(t);
  for (const channels of [3, 4] as const) {
    const data = Uint8Array.from([0, 28, 255, 7].flatMap((v) => [v, v, v, 128].slice(0, channels)));
    const file = join(dir, `${channels}.png`);
    writeFileSync(
      file,
      await sharp(data, { raw: { width: 2, height: 2, channels } })
        .png()
        .toBuffer(),
    );
    assert.deepEqual(await readLabelValues(file), { data: Uint8Array.of(0, 28, 255, 7), height: 2, width: 2 });
  }
});
