/** For the tests of this folder: pictures by a formula, and folders that vanish. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { writeJpeg, writePng } from '../../src/data/image';
import { Random } from '../../src/common/random';
import type { Filter } from '../../src/data/resize';
import type { LabelMap, RgbImage } from '../../src/data/types';

/** What Pillow made of such pictures; see pillow.reference.py. */
export interface PillowReference {
  pillow: string;
  resize: { from: number[]; to: number[]; channels: number; filter: Filter; sha: string }[];
  jpeg: { size: number[]; quality: number; bytes: number; sha: string; decoded: string }[];
}

export function pillowReference(): PillowReference {
  return JSON.parse(readFileSync(join(__dirname, 'pillow.reference.json'), 'utf8')) as PillowReference;
}

/** The bytes that `picture` of pillow.reference.py gives. */
export function picture(width: number, height: number, channels: number, seed = 7): Uint8Array {
  const random = new Random(seed);
  const data = new Uint8Array(width * height * channels);
  let o = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) data[o++] = x * 3 + y * 5 + c * 60 + random.getrandbits(6);
    }
  }
  return data;
}

export function photo(width: number, height: number, seed = 7): RgbImage {
  return { data: picture(width, height, 3, seed), width, height };
}

/** Class indices 0..28 in patches. */
export function labelTiles(width: number, height: number, seed = 0): LabelMap {
  const data = new Uint8Array(width * height).map((_, i) => ((i % width >> 2) + (Math.floor(i / width) >> 2) * 7 + seed) % 29);
  return { data, width, height };
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lggan-data-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes DIR/imgs/NAME.jpg and DIR/labels/NAME.png for each name. */
export async function writePairs(dir: string, names: string[], width = 16, height = 12): Promise<void> {
  for (const [i, name] of names.entries()) {
    await writeJpeg(join(dir, 'imgs', `${name}.jpg`), photo(width, height, i + 1));
    await writePng(join(dir, 'labels', `${name}.png`), labelTiles(width, height, i));
  }
}
