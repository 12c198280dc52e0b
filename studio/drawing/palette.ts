/** The classes as the page offers them. */
import { CLASSES, CLASS_NAMES } from '../../src/classes';

/** Classes that belong together, by name. */
export const GROUPS: readonly { title: string; classes: readonly string[] }[] = [
  { title: 'Sky', classes: ['sky'] },
  { title: 'Land', classes: ['mountain', 'hill', 'rock', 'earth', 'land', 'sand', 'field', 'path'] },
  { title: 'Water', classes: ['water', 'sea', 'lake', 'river', 'waterfall'] },
  { title: 'Plants', classes: ['tree', 'grass', 'plant'] },
  { title: 'Built', classes: ['building', 'house', 'wall', 'road', 'bridge', 'pier', 'fence', 'railing', 'boat', 'ship'] },
  { title: 'Living and other', classes: ['person', 'other'] },
];

/** The ten that stand in most photos of the landscape set, with the keys 1 to 9 and 0. */
export const KEYED: readonly string[] = ['sky', 'mountain', 'water', 'sea', 'rock', 'tree', 'earth', 'building', 'land', 'sand'];

export const classOf = (name: string): number => CLASS_NAMES.indexOf(name);

/** The key of a class, or undefined. */
export function keyOf(c: number): string | undefined {
  const place = KEYED.indexOf(CLASS_NAMES[c]);
  return place < 0 ? undefined : String((place + 1) % 10);
}

/** Red, green and blue of every class. */
export const COLOURS: readonly (readonly [number, number, number])[] = CLASSES.map(({ colour }) => {
  const n = Number.parseInt(colour.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
});

/** Classes whose name holds a word, or begins a word of what one may call them. */
export function found(query: string): number[] {
  const word = query.trim().toLowerCase();
  const names = CLASS_NAMES.map((name, c) => ({ c, words: [name, ...(SYNONYMS[name] ?? [])] }));
  return names.filter(({ words }) => words.some((w, i) => (i === 0 ? w.includes(word) : w.startsWith(word)))).map(({ c }) => c);
}

const SYNONYMS: Record<string, readonly string[]> = {
  sky: ['clouds', 'air'],
  mountain: ['peak', 'alps'],
  hill: ['slope'],
  rock: ['stone', 'cliff', 'boulder'],
  earth: ['soil', 'ground', 'dirt'],
  land: ['ground', 'island'],
  sand: ['beach', 'desert', 'dune'],
  field: ['crop', 'farm', 'meadow'],
  path: ['trail', 'track'],
  sea: ['ocean'],
  lake: ['pond'],
  river: ['stream', 'creek'],
  waterfall: ['cascade'],
  tree: ['forest', 'wood', 'palm', 'fir'],
  grass: ['lawn', 'meadow'],
  plant: ['bush', 'flower', 'shrub'],
  building: ['tower', 'castle', 'church', 'city'],
  house: ['home', 'hut', 'cottage'],
  road: ['street', 'way'],
  pier: ['jetty', 'dock'],
  boat: ['sail', 'canoe'],
  ship: ['ferry', 'steamer'],
  person: ['man', 'woman', 'people', 'human'],
};
