import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeJpeg, readImage } from '../../src/data/image';
import { resizeImage, type Filter } from '../../src/data/resize';
import { chooseValidation } from '../../src/data/split';
import type { GoldenFolder } from './folder';
import type { Row, Section } from './row';

/** What has to be equal to the last bit: `different` of `count` things are not. */
const exactly = (quantity: string, count: number, different: number, group?: string): Row => ({
  quantity,
  reference: `${count}`,
  ours: `${count - different} equal`,
  scale: count,
  error: different,
  limit: 0,
  group,
});

const differences = (a: ArrayLike<unknown>, b: ArrayLike<unknown>): number => {
  let n = Math.abs(a.length - b.length);
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) n++;
  return n;
};

/** Python's choice of files, `split.json`. */
export function splitSection(folder: GoldenFolder): Section {
  const section: Section = { title: 'split lists', reference: "Python's random.sample (split.json)", rows: [], notes: [] };
  if (!folder.has('split.json')) return { ...section, notes: ['There is no split.json in the folder.'] };
  for (const { seed, n, k, sample } of folder.list<{ seed: number; n: number; k: number; sample?: string[] }>('split', 'cases')) {
    if (!sample) continue;
    const names = Array.from({ length: n }, (_, i) => `${String(i).padStart(5, '0')}.jpg`);
    section.rows.push(exactly(`seed ${seed}: ${k} of ${n} files`, k, differences(chooseValidation(names, k, seed), sample)));
  }
  return section;
}

/** Pillow's resizing and its JPEG, `resize/`. */
export async function resizeSection(folder: GoldenFolder): Promise<Section> {
  const section: Section = { title: 'resizing and JPEG', reference: 'Pillow (resize/)', rows: [], notes: [] };
  if (!folder.has('resize')) return { ...section, notes: ['There is no folder resize in it.'] };
  const at = (name: string) => join(folder.file('resize'), name);
  const { cases, pillow } = JSON.parse(readFileSync(at('index.json'), 'utf8')) as {
    pillow: string;
    cases: { id: string; filter: string; from: number[]; to: number[] }[];
  };
  section.reference = `Pillow ${pillow} (resize/)`;
  for (const { id, filter, from, to } of cases) {
    const [input, expected] = [await readImage(at(`${id}_in.png`)), await readImage(at(`${id}_out.png`))];
    const { data } = resizeImage(input, [to[1], to[0]], filter.toLowerCase() as Filter);
    section.rows.push(
      exactly(`${filter.toLowerCase()} ${from.join('x')} to ${to.join('x')}, bytes`, expected.data.length, differences(data, expected.data), `resizing, bytes`),
    );
  }
  const jpeg = readFileSync(at('jpeg_default.jpg'));
  section.rows.push(
    exactly('JPEG of default quality, bytes of the file', jpeg.length, differences(await encodeJpeg(await readImage(at('jpeg_in.png'))), jpeg)),
  );
  const decoded = (await readImage(at('jpeg_decoded.png'))).data;
  section.rows.push(exactly('the same decoded, bytes', decoded.length, differences((await readImage(at('jpeg_default.jpg'))).data, decoded)));
  return section;
}
