/** Photographs to a training set: label maps by the scene segmenter, overlays to look at, and a report. */
import { mkdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import sharp from 'sharp';
import { CLASS_NAMES } from '../../src/classes';
import { NEVER_LABELLED, labelTable } from '../judges/ade20k';
import { IMAGE_EXTENSIONS, listAll, listFiles, readBytes, stem } from '../../src/common/files';
import { encodeJpeg, decodeImage, writePng } from '../../src/data/image';
import { resizeImage } from '../../src/data/resize';
import { WrittenFiles, refuseInputs } from '../../src/common/targets';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { saveFigure } from '../../src/figures/figure';
import { imageGrid } from '../../src/figures/grid';
import { classLegend, overlayLabels } from '../../src/figures/labels';
import type { SceneSegmenter, Votes } from '../judges/scene_segmenter';
import { Finished, type LabelledPhoto } from './finished';
import { removeSmallRegions } from './regions';
import { writeWhole } from '../../src/common/atomic';

export interface LabelPhotosOptions {
  /** Changes to the table, such as `['water=lake']`; see `labelTable`. */
  as?: readonly string[];
  /** Longer side of what is written; larger photographs are made smaller (bicubic). Default 1600. */
  maxSide?: number;
  /** Photographs whose shorter side has fewer pixels are left out. Default 128. */
  minSide?: number;
  /** Replace files that labelling did not write, or that were changed since. Photographs that are read are never replaced. Default false. */
  overwrite?: boolean;
  onProgress?(done: number, total: number, note?: string): void;
  /** Stops after the current photograph. */
  signal?: AbortSignal;
}

export interface LabelReport {
  segmenter: string;
  photos: LabelledPhoto[];
  /** What was left out, and why. */
  leftOut: { file: string; reason: string }[];
  /** How many of them an earlier run had finished. */
  before: number;
  /** Share of all labelled pixels. */
  classes: Record<string, number>;
  /** Classes of the 29 that this segmenter cannot give. */
  never: readonly string[];
}

/** Photographs in work at once: files of one are read and written while the network looks at another. */
const LANES = 2;
/** Fewer agreeing votes make a pixel ambiguous. */
const AGREED = 0.6;
/** Regions of a smaller share of the picture are specks. */
const SPECK = 1e-3;
/** Doubts of a smaller share of the picture are not told. */
const TOLD = 0.01;

/**
 * Labels every photograph of a folder (or of its `imgs`) and writes into `output` the layout that training reads: `imgs/NAME.*` and
 * `labels/NAME.png` (8-bit grey, 0..28), with `overlays/NAME.png`, `report.json` and `report.txt` beside them. Photographs are turned
 * upright as their EXIF orientation says. What cannot be used is left out and named; the rest goes on.
 * What an earlier run finished with the same settings is not done again.
 * @throws UserError where there is no photograph, or none that can be used, or nothing can be written, or a file stands there that is read
 * or that labelling did not write (then nothing is written)
 */
export async function labelPhotos(
  segmenter: Pick<SceneSegmenter, 'name' | 'vote'>,
  input: string,
  output: string,
  options: LabelPhotosOptions = {},
): Promise<LabelReport> {
  const { maxSide = 1600, minSide = 128, onProgress, signal } = options;
  const table = labelTable(options.as);
  const folder = listAll(input).includes('imgs') ? join(input, 'imgs') : input;
  const names = listFiles(folder, IMAGE_EXTENSIONS);
  const leftOut = listAll(folder)
    .filter((name) => extname(name) && !names.includes(name))
    .map((name) => ({ file: join(folder, name), reason: `no photograph of a known kind (${IMAGE_EXTENSIONS.join(', ')})` }));
  if (!names.length) throw new UserError(`${folder}: there are no photographs (${IMAGE_EXTENSIONS.join(', ')}) in it.`);
  const reports = ['report.json', 'report.txt'].map((name) => join(output, name));
  const all = [...names.flatMap((name) => targetsOf(output, name)), ...reports];
  const record = new WrittenFiles(output);
  refuseInputs(
    names.map((name) => join(folder, name)),
    all,
  );
  if (!options.overwrite) record.refuseOthers(all);
  for (const part of ['imgs', 'labels', 'overlays']) {
    await mkdir(join(output, part), { recursive: true }).catch((e: NodeJS.ErrnoException) => {
      throw new UserError(`${join(output, part)}: the folder cannot be made (${e.code}); choose another --output_path.`, { cause: e });
    });
  }
  const finished = new Finished(output, JSON.stringify([segmenter.name, table, maxSide, minSide]));
  const photos: (LabelledPhoto | undefined)[] = names.map(() => undefined);
  const refused: LabelReport['leftOut'] = [];
  let before = 0;
  let done = 0;

  const label = async (file: string, name: string): Promise<LabelledPhoto> => {
    const earlier = finished.get(file, stem(name));
    if (earlier) {
      before++;
      return earlier;
    }
    const photo = await prepare(file, minSide, maxSide);
    const votes = await segmenter.vote(photo.image);
    const labels = { ...votes.labels, data: votes.labels.data.map((c) => table[c]) };
    removeSmallRegions(labels, SPECK * labels.data.length);
    const written = await write(output, stem(name), photo, labels, votes);
    for (const target of targetsOf(output, name)) record.add(target);
    const labelled = { name: stem(name), file, height: labels.height, width: labels.width, ...describe(labels, votes, table), notes: photo.notes };
    finished.add(written, labelled);
    return labelled;
  };

  // Those of one name in one lane, as the first that can be used has it.
  const byStem = new Map<string, number[]>();
  names.forEach((name, i) => byStem.set(stem(name), [...(byStem.get(stem(name)) ?? []), i]));
  const groups = [...byStem.values()];
  const lane = async () => {
    for (let group; !signal?.aborted && (group = groups.shift()); ) {
      let other: string | undefined;
      for (const i of group) {
        const name = names[i];
        const file = join(folder, name);
        if (signal?.aborted) break;
        onProgress?.(done, names.length, name);
        try {
          if (other) throw new UserError(`it shares its name with ${other}; rename one of them.`);
          photos[i] = await label(file, name);
          other = name;
        } catch (e) {
          if (!(e instanceof UserError)) {
            groups.length = 0; // The other lane ends too.
            throw e;
          }
          refused[i] = { file, reason: e.message.replace(`${file}: `, '') };
        }
        done++;
      }
    }
  };
  // All lanes end before an error is thrown, so that none goes on writing.
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  onProgress?.(names.length, names.length);
  leftOut.push(...refused.filter(Boolean));
  const labelled = photos.filter((p): p is LabelledPhoto => p !== undefined);
  const counts = new Float64Array(CLASS_NAMES.length);
  for (const { height, width, classes } of labelled) {
    for (const [name, share] of Object.entries(classes)) counts[CLASS_NAMES.indexOf(name)] += Math.round(share * height * width);
  }
  const report: LabelReport = {
    segmenter: segmenter.name,
    photos: labelled,
    leftOut,
    before,
    classes: shares(counts),
    never: NEVER_LABELLED.filter((n) => !table.includes(CLASS_NAMES.indexOf(n))),
  };
  await writeWhole(join(output, 'report.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  await writeWhole(join(output, 'report.txt'), reportText(report));
  for (const file of reports) record.add(file);
  if (!labelled.length && !signal?.aborted)
    throw new UserError(`${folder}: none of the ${names.length} photographs can be used; the first: ${leftOut[0].reason}`);
  return report;
}

/** What a photograph may become; which extension it keeps is known once it is read. */
function targetsOf(output: string, name: string): string[] {
  const of = (part: string, extension: string) => join(output, part, `${stem(name)}${extension}`);
  const kept = extname(name).toLowerCase();
  return [...new Set([of('imgs', '.jpg'), of('imgs', kept)]), of('labels', '.png'), of('overlays', '.png')];
}

interface Prepared {
  image: RgbImage;
  /** What `imgs` gets, and its extension. */
  bytes: Buffer;
  extension: string;
  notes: string[];
}

async function prepare(file: string, minSide: number, maxSide: number): Promise<Prepared> {
  const bytes = readBytes(file);
  let image = await decodeImage(bytes, file);
  const { orientation = 1, space, pages = 1 } = await sharp(bytes).metadata();
  const notes: string[] = [];
  if (Math.min(image.height, image.width) < minSide) {
    throw new UserError(`it is ${image.width}x${image.height}, and less than ${minSide} pixels show the segmenter too little.`);
  }
  if (orientation > 1) notes.push('turned upright');
  if (pages > 1) notes.push(`first of ${pages} pictures`);
  if (space === 'cmyk') notes.push('converted from CMYK');
  if (space === 'b-w' || space === 'grey16') notes.push('grey: teaches no colours');
  const scale = maxSide / Math.max(image.height, image.width);
  if (scale < 1) {
    notes.push(`made smaller from ${image.width}x${image.height}`);
    image = resizeImage(image, [Math.max(1, Math.round(image.height * scale)), Math.max(1, Math.round(image.width * scale))]);
  }
  // What stays as it is is copied, so that no photograph loses quality by a second JPEG.
  const asIs = orientation <= 1 && scale >= 1 && space !== 'cmyk' && pages === 1;
  return { image, notes, bytes: asIs ? bytes : await encodeJpeg(image, { quality: 95 }), extension: asIs ? extname(file).toLowerCase() : '.jpg' };
}

/** @returns what was written, below the output folder */
async function write(output: string, name: string, photo: Prepared, labels: LabelMap, votes: Votes): Promise<string[]> {
  const ambiguous = { ...labels, data: labels.data.map((c, p) => (votes.share[p] < AGREED ? 255 : c)) };
  const cells = [
    { image: photo.image, caption: name },
    { image: overlayLabels(photo.image, labels, { opacity: 0.55 }), caption: 'label map' },
    { image: overlayLabels(photo.image, ambiguous, { opacity: 0.55 }), caption: 'white: the views disagree' },
  ];
  await saveFigure(join(output, 'overlays', name), imageGrid([cells], { title: name, legend: classLegend([labels]), cellWidth: 480, maxWidth: 1500 }), {
    formats: ['png'],
    scale: 1,
  });
  await writePng(join(output, 'labels', `${name}.png`), labels);
  // Last: a pair is whole as soon as its photograph is there.
  const image = join('imgs', `${name}${photo.extension}`);
  await writeWhole(join(output, image), photo.bytes);
  return [image, join('labels', `${name}.png`), join('overlays', `${name}.png`)];
}

function describe(labels: LabelMap, votes: Votes, table: readonly number[]): Pick<LabelledPhoto, 'classes' | 'ambiguous' | 'doubts'> {
  const counts = new Float64Array(CLASS_NAMES.length);
  const doubts = new Map<string, number>();
  let ambiguous = 0;
  for (let p = 0; p < labels.data.length; p++) {
    counts[labels.data[p]]++;
    if (votes.share[p] >= AGREED) continue;
    ambiguous++;
    const [a, b] = [table[votes.labels.data[p]], table[votes.second[p]]];
    if (a !== b) doubts.set(`${a} ${b}`, (doubts.get(`${a} ${b}`) ?? 0) + 1);
  }
  const all = labels.data.length;
  const told = [...doubts]
    .map(([key, n]) => ({ labelled: CLASS_NAMES[Number(key.split(' ')[0])], perhaps: CLASS_NAMES[Number(key.split(' ')[1])], share: n / all }))
    .filter((d) => d.share >= TOLD)
    .sort((a, b) => b.share - a.share);
  return { classes: shares(counts), ambiguous: ambiguous / all, doubts: told };
}

function shares(counts: Float64Array): Record<string, number> {
  const all = counts.reduce((a, b) => a + b, 0);
  const found = [...counts].map((n, c) => [CLASS_NAMES[c], n / all] as const).filter(([, share]) => share > 0);
  return Object.fromEntries(found.sort((a, b) => b[1] - a[1]));
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const list = (classes: Record<string, number>) =>
  Object.entries(classes)
    .map(([name, share]) => `${name} ${percent(share)}`)
    .join(', ');

/** The report as text: what was found, what is doubtful, what was left out. */
export function reportText({ segmenter, photos, leftOut, before, classes, never }: LabelReport): string {
  const lines = [
    `${photos.length} photographs labelled${before ? ` (${before} of them before)` : ''}, ${leftOut.length} files left out.`,
    `Segmenter: ${segmenter}.`,
    `Classes: ${list(classes)}.`,
    `It cannot tell ${never.join(', ')}: look at the overlays, and use --as (such as water=lake) or mend the maps where that matters.`,
    '',
    ...photos.flatMap((p) => [
      `${p.name} (${p.width}x${p.height}${p.notes.length ? `; ${p.notes.join(', ')}` : ''}): ${list(p.classes)}`,
      `  ambiguous: ${percent(p.ambiguous)}${p.doubts.length ? `: ${p.doubts.map((d) => `${d.labelled}, perhaps ${d.perhaps} (${percent(d.share)})`).join('; ')}` : ''}`,
    ]),
    ...(leftOut.length ? ['', 'Left out:', ...leftOut.map(({ file, reason }) => `  ${file}: ${reason}`)] : []),
  ];
  return `${lines.join('\n')}\n`;
}
