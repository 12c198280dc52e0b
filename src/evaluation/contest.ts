import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { imageFolder, labelFolder, type ImageDataset, type LabelDataset } from '../data/pairs';

/** Real material of the contest, which may not be passed on: few machines have it. */
export interface Contest {
  /** Label maps of the contest. */
  labels?: LabelDataset;
  /** What the original's trained network made of some of them, as its authors published it; names as those of the maps. */
  originals?: ImageDataset;
}

/** Looks in `datasets/` under the working directory, then in `../shared/data/` beside it. */
export function findContest(root = resolve('.')): Contest {
  const find = (name: string) => [join(root, 'datasets', name), join(root, '..', 'shared', 'data', name)].find((folder) => existsSync(folder));
  const [labels, originals] = [find('contest_labels'), find('contest_original_outputs')];
  return { ...(labels && { labels: labelFolder(labels) }), ...(originals && { originals: imageFolder(originals) }) };
}

/** What to say where there is none of it. */
export const NO_CONTEST = "The contest's label maps are not on this machine (they may not be passed on): the part about them is left out.";
