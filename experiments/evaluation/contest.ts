import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { imageFolder, labelFolder, type ImageDataset, type LabelDataset } from '../../src/data/pairs';

/** Real material of the contest, which may not be passed on: few machines have it. */
export interface Contest {
  /** Label maps of the contest. */
  labels?: LabelDataset;
  /** What the original's trained network made of some of them, as its authors published it; names as those of the maps. */
  originals?: ImageDataset;
}

/** Looks for `contest_labels` and `contest_original_outputs` in a folder of data sets. */
export function findContest(datasets = 'datasets'): Contest {
  const [labels, originals] = ['contest_labels', 'contest_original_outputs']
    .map((name) => join(datasets, name))
    .map((folder) => (existsSync(folder) ? folder : undefined));
  return { ...(labels && { labels: labelFolder(labels) }), ...(originals && { originals: imageFolder(originals) }) };
}

/** What to say where there is none of it. */
export const NO_CONTEST = "The contest's label maps are not on this machine (they may not be passed on): the part about them is left out.";
