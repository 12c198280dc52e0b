/** The pictures that come with the project: four photographs, and 160 painted landscapes. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { folderPairs } from './pairs';
import type { PairDataset } from './types';

/** A folder of `datasets/`: beside the sources, or under the working directory where a notebook compiles the sources elsewhere. */
export function carriedFolder(name: 'photos' | 'painted'): string {
  const here = resolve(__dirname, '..', '..', 'datasets', name);
  return existsSync(here) ? here : resolve('datasets', name);
}

/**
 * The four photographs that come with the project (1024x768) and their label maps. By Aitzol Berasategi, CC BY 4.0: see
 * `datasets/photos/CREDITS.md`; pictures made from them have to name him.
 */
export function photographs(): PairDataset {
  return { ...folderPairs(carriedFolder('photos')), source: 'photographs by Aitzol Berasategi (CC BY 4.0)' };
}

/** 160 landscapes (512x384) painted by a program, with exact label maps of all 29 classes: see `datasets/painted/CREDITS.md`. */
export function paintedLandscapes(): PairDataset {
  return { ...folderPairs(carriedFolder('painted')), source: 'painted landscapes' };
}
