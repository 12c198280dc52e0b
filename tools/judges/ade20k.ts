/** The scene segmenter's classes and what they are among the 29: the table behind `npm run label` and behind judged mask accuracy. */
import { CLASS_NAMES } from '../../src/classes';
import { UserError } from '../../src/common/errors';
import { classNamed } from '../../src/data/mapping';
import { IGNORE } from '../../src/data/types';

/** ADE20K's most frequent classes by the segmenter's number; 0 is everything else. */
export const ADE20K_NAMES = [
  'none',
  'wall',
  'building',
  'sky',
  'floor',
  'tree',
  'ceiling',
  'road',
  'bed',
  'window',
  'grass',
  'cabinet',
  'sidewalk',
  'person',
  'earth',
  'door',
  'table',
  'mountain',
  'plant',
  'curtain',
  'chair',
  'car',
  'water',
  'painting',
  'sofa',
  'shelf',
  'house',
  'sea',
  'mirror',
  'rug',
  'field',
  'armchair',
] as const;

export type Ade20kName = (typeof ADE20K_NAMES)[number];

/**
 * What each is labelled as. ADE20K's names mean what ours do for most; parts of buildings become the building, a sidewalk a path, and what
 * no landscape class names (indoor things, cars) `other`. The table invents nothing: hill, rock, sand, river, lake, waterfall, land and
 * the built classes that the segmenter does not know never come out of it. It calls a river or lake `water`, rocks and hills `mountain`.
 */
export const LABELLED_AS: Readonly<Record<Ade20kName, string>> = {
  none: 'other',
  wall: 'wall',
  building: 'building',
  sky: 'sky',
  floor: 'other',
  tree: 'tree',
  ceiling: 'other',
  road: 'road',
  bed: 'other',
  window: 'building',
  grass: 'grass',
  cabinet: 'other',
  sidewalk: 'path',
  person: 'person',
  earth: 'earth',
  door: 'building',
  table: 'other',
  mountain: 'mountain',
  plant: 'plant',
  curtain: 'other',
  chair: 'other',
  car: 'other',
  water: 'water',
  painting: 'other',
  sofa: 'other',
  shelf: 'other',
  house: 'house',
  sea: 'sea',
  mirror: 'other',
  rug: 'other',
  field: 'field',
  armchair: 'other',
};

/** The classes of the 29 that `LABELLED_AS` never gives. */
export const NEVER_LABELLED: readonly string[] = CLASS_NAMES.filter((name) => !Object.values(LABELLED_AS).includes(name));

/**
 * The groups in which label maps and the segmenter are compared: on the left the classes of the 29, on the right ADE20K's. Classes in no
 * group (rock, sand, waterfall, path, pier, bridge, railing, fence, boat, ship, other) the segmenter has not learnt: their pixels are left
 * out, and counted. A pixel of a group for which the segmenter says something in no group is wrong.
 */
export const JUDGED_GROUPS: readonly { name: string; classes: readonly string[]; ade20k: readonly Ade20kName[] }[] = [
  { name: 'sky', classes: ['sky'], ade20k: ['sky'] },
  { name: 'mountain, hill', classes: ['mountain', 'hill'], ade20k: ['mountain'] },
  { name: 'water, sea, river, lake', classes: ['water', 'sea', 'river', 'lake'], ade20k: ['water', 'sea'] },
  { name: 'tree', classes: ['tree'], ade20k: ['tree'] },
  { name: 'grass, field', classes: ['grass', 'field'], ade20k: ['grass', 'field'] },
  { name: 'plant', classes: ['plant'], ade20k: ['plant'] },
  { name: 'earth, land', classes: ['earth', 'land'], ade20k: ['earth'] },
  { name: 'road', classes: ['road'], ade20k: ['road'] },
  { name: 'building, house', classes: ['building', 'house'], ade20k: ['building', 'house', 'window', 'door'] },
  { name: 'wall', classes: ['wall'], ade20k: ['wall'] },
  { name: 'person', classes: ['person'], ade20k: ['person'] },
];

/** A class of the 29 -> its group's index, or IGNORE; by index. */
export const GROUP_OF_CLASS: readonly number[] = CLASS_NAMES.map((name) => found((g) => g.classes.includes(name), IGNORE));

/** ADE20K's number -> its group's index, or the number of groups where it is in none. */
export const GROUP_OF_ADE20K: readonly number[] = ADE20K_NAMES.map((name) => found((g) => g.ade20k.includes(name), JUDGED_GROUPS.length));

function found(test: (group: (typeof JUDGED_GROUPS)[number]) => boolean, otherwise: number): number {
  const i = JUDGED_GROUPS.findIndex(test);
  return i < 0 ? otherwise : i;
}

/**
 * The table as class indices by ADE20K's number, with the user's changes: `['water=lake', 'mountain=hill']` for a set of which one knows
 * that all its water is lakes. The left side is ADE20K's name, the right one of the 29.
 * @throws UserError for names that do not exist
 */
export function labelTable(changes: readonly string[] = []): number[] {
  const table: Record<string, string> = { ...LABELLED_AS };
  for (const change of changes) {
    const [from, to] = change.split('=');
    if (!(from in table)) throw new UserError(`'${change}': the segmenter knows no '${from}'; it knows ${ADE20K_NAMES.slice(1).join(', ')}.`);
    classNamed(to, `'${change}'`);
    table[from] = to;
  }
  return ADE20K_NAMES.map((name) => CLASS_NAMES.indexOf(table[name]));
}
