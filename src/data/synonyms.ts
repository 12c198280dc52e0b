import { CLASS_NAMES } from '../classes';
import type { Random } from '../common/random';
import { classNamed } from './mapping';
import type { LabelMap } from './types';

/** For a class the names that its pixels are shown under; one that stands there several times is drawn so much more often. */
export type Synonyms = Readonly<Record<string, readonly string[]>>;

/**
 * Classes that look alike in a photograph and that sketches tell apart all the same: a class on the left is shown to the network under
 * one of the names on the right, another one for each window. What was filmed as a river so teaches lake and sea as well.
 */
export const SYNONYMS: Synonyms = {
  river: ['river', 'water', 'sea', 'lake'],
  water: ['water', 'river', 'sea', 'lake'],
  earth: ['earth', 'land', 'sand'],
  path: ['path', 'road'],
  grass: ['grass', 'field'],
  other: ['other', 'building', 'house'],
};

/**
 * For many pictures with label maps by people or by a segmenter: classes that those rarely have (hill, lake, land, house, ship, pier,
 * railing) are shown by others. The commonest, mountain, sea and water, keep their own names in most pictures.
 */
export const RARE_SYNONYMS: Synonyms = {
  mountain: ['mountain', 'mountain', 'mountain', 'mountain', 'mountain', 'hill'],
  sea: ['sea', 'sea', 'sea', 'water', 'lake'],
  water: ['water', 'water', 'water', 'lake', 'river'],
  river: ['river', 'river', 'water', 'lake'],
  earth: ['earth', 'earth', 'land', 'sand'],
  building: ['building', 'house'],
  boat: ['boat', 'ship'],
  bridge: ['bridge', 'pier'],
  fence: ['fence', 'railing'],
  path: ['path', 'road'],
};

/** @throws UserError for a name that is no class */
export class Renaming {
  private readonly choices: number[][];

  constructor(synonyms: Synonyms) {
    this.choices = CLASS_NAMES.map((_, i) => [i]);
    const index = (name: string) => classNamed(name, 'synonyms');
    for (const [name, names] of Object.entries(synonyms)) this.choices[index(name)] = names.map(index);
  }

  /** The class that each class is shown as. */
  draw(random: Random): number[] {
    return this.choices.map((choices) => choices[random.randrange(choices.length)]);
  }
}

/** Unlabelled pixels stay so. */
export function renamed(labels: LabelMap, names: readonly number[]): LabelMap {
  return { ...labels, data: labels.data.map((c) => names[c] ?? c) };
}
