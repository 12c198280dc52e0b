import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readImage } from '../../src/data/image';
import type { RgbImage } from '../../src/data/types';
import { contestScore, PUBLISHED_ROWS } from '../../experiments/evaluation/contest_score';
import { extractFeatures } from '../../tools/judges/features';
import { fid } from '../../tools/judges/fid';
import { kid } from '../../tools/judges/kid';
import { cropPlane, imageQuality, luma8, planesPsnr, planesSsim, type Plane } from '../../src/metrics/image_quality';
import { Inception } from '../../tools/judges/inception';
import { findInception } from '../../tools/judges/inception_weights';
import { material, ROOT } from '../testing/material';
import { compareArray, compareNumber } from './compare';
import type { GoldenFolder } from './folder';
import { imresize } from './imresize';
import type { Section } from './row';

/** FID, KID and Inception features of 120 and 40 street photographs, `fid.json`. Half a minute on two cores. */
export async function inceptionSection(folder: GoldenFolder, onProgress?: (done: number, total: number) => void): Promise<Section> {
  const section: Section = { title: 'FID, KID, Inception features', reference: "pytorch-fid's way, canonical Inception (fid.json)", rows: [], notes: [] };
  if (!folder.has('fid.json')) return { ...section, notes: ['There is no fid.json in the folder.'] };
  const weights = findInception(join(ROOT, 'checkpoints'));
  if (!weights) return { ...section, notes: ['The Inception network is not in checkpoints/; its README says where it comes from.'] };
  const photos = material('data/camvid_mini');
  if (!photos) return { ...section, notes: ['The photographs (camvid_mini) are not on this machine.'] };
  const reference = folder.document('fid') as Record<string, number> & { train: string[]; val: string[] };

  const network = await Inception.load(weights);
  const total = reference.train.length + reference.val.length;
  const features = async (split: 'train' | 'val', before: number) => {
    const names = reference[split].map((name) => join(photos, split, 'images', name));
    return extractFeatures(read(names), network, { onProgress: (done) => onProgress?.(before + done, total) });
  };
  const train = await features('train', 0);
  const val = await features('val', reference.train.length);
  network.dispose();

  const stored = folder.arrays('inception_features_camvid_val').get('features');
  if (stored) {
    const ours = { shape: [val.count, val.dimensions], data: val.data };
    // The features lie in 0..5.
    section.rows.push(compareArray('features of 40 photographs', ours, stored, { relative: 0, tolerance: 1e-4 }));
  }
  section.rows.push(
    compareNumber('FID', fid(train, val).value, reference.fid_train_val_exact, { relative: 0, tolerance: 0.01 }),
    compareNumber('KID, unbiased', kid(train, val).value, reference.kid_train_val_unbiased, { relative: 0, tolerance: 1e-5 }),
  );
  return section;
}

async function* read(files: string[]): AsyncGenerator<RgbImage> {
  for (const file of files) yield readImage(file);
}

/** PSNR and SSIM of Set5 x2, as the papers' tables have them: luminance, two pixels of border left out. */
export async function set5Section(): Promise<Section> {
  const section: Section = { title: 'PSNR and SSIM on Set5 x2', reference: "RCAN's and SRCNN's tables", rows: [], notes: [] };
  const folder = material('data/set5');
  if (!folder) return { ...section, notes: ['Set5 is not on this machine.'] };
  const names = readdirSync(join(folder, 'HR')).sort();
  const high = await Promise.all(names.map((name) => readImage(join(folder, 'HR', name))));
  const enlarged = await Promise.all(names.map((name) => readImage(join(folder, 'RCANx2', name.replace('_HR_', '_RCAN_')))));
  const rcan = imageQuality(
    high.map((reference, i) => ({ image: enlarged[i], reference })),
    { channel: 'y', border: 2 },
  );

  // The older tables: luminance of 8 bits, reduced and enlarged without rounding in between.
  const pairs = high.map((image): [Plane, Plane] => {
    const y = luma8(image);
    const { data, ...size } = imresize(imresize(y, 0.5), 2);
    const rounded = { ...size, data: data.map((v) => Math.min(255, Math.max(0, Math.round(v)))) };
    return [cropPlane(rounded, 2), cropPlane(y, 2)];
  });
  const mean = (f: (p: [Plane, Plane][]) => number) => pairs.reduce((s, p) => s + f([p]), 0) / pairs.length;

  // Two and four digits are printed.
  const psnr = { relative: 0, tolerance: 0.005 };
  const ssim = { relative: 0, tolerance: 0.00005 };
  section.rows.push(
    compareNumber('bicubic PSNR, dB', mean(planesPsnr), 33.66, psnr),
    compareNumber('bicubic SSIM', mean(planesSsim), 0.9299, ssim),
    compareNumber("RCAN's PSNR, dB", rcan.psnr.value, 38.27, psnr),
    compareNumber("RCAN's SSIM", rcan.ssim.value, 0.9614, ssim),
  );
  return section;
}

/** The contest's score of the two rows that the original's README prints. */
export function contestSection(): Section {
  const rows = PUBLISHED_ROWS.map((row) => compareNumber(`score with ${row.scaling}`, contestScore(row), row.score, { relative: 0, tolerance: 5e-5 }));
  return { title: 'contest score', reference: "the original's README", rows, notes: [] };
}
