/** Lists of things that are read when asked for: pairs, label maps, pictures. */

export interface Dataset<T> {
  /** Where the items come from, for messages and tables. */
  readonly source: string;
  /** One name an item. */
  readonly names: readonly string[];
  readonly length: number;
  /** Reads item `i`. Throws a RangeError where there is none, and a UserError that names the file if it cannot be used. */
  at(i: number): Promise<T>;
}

/** A data set by what reads one of its items. */
export function datasetOf<T>(source: string, names: readonly string[], read: (i: number) => T | Promise<T>): Dataset<T> {
  const { length } = names;
  return { source, names, length, at: async (i) => read(checked(i, length)) };
}

/** Items that are in memory already, such as pairs. */
export function memoryPairs<T extends { readonly name: string }>(items: readonly T[], source: string): Dataset<T> {
  return datasetOf(
    source,
    items.map((item) => item.name),
    (i) => items[i],
  );
}

/** Some of a data set's items, in the order given. Throws a RangeError for an index that it does not have. */
export function subset<T>(dataset: Dataset<T>, indices: readonly number[], source = dataset.source): Dataset<T> {
  const names = indices.map((i) => dataset.names[checked(i, dataset.length)]);
  return datasetOf(source, names, (i) => dataset.at(indices[i]));
}

/** A data set whose items are changed as they are read. */
export function mapDataset<T, U>(dataset: Dataset<T>, change: (item: T) => U | Promise<U>): Dataset<U> {
  return datasetOf(dataset.source, dataset.names, async (i) => change(await dataset.at(i)));
}

/** The items one after the other, each read when it is asked for. */
export async function* itemsOf<T>(dataset: Dataset<T>): AsyncGenerator<T> {
  for (let i = 0; i < dataset.length; i++) yield dataset.at(i);
}

/** All items, or the first `count`. */
export async function readAll<T>(dataset: Dataset<T>, count = dataset.length): Promise<T[]> {
  const items: T[] = [];
  for (let i = 0; i < Math.min(count, dataset.length); i++) items.push(await dataset.at(i));
  return items;
}

/** At most `count` items of a data set, spread evenly. */
export const someOf = <T>(dataset: Dataset<T>, count: number): Dataset<T> => subset(dataset, spreadEvenly([...dataset.names.keys()], count));

/** The same, read. */
export const readSome = <T>(dataset: Dataset<T>, count: number): Promise<T[]> => readAll(someOf(dataset, count));

/** At most `count` of a list at equal distances, the first among them; with `ends` also the last, of one the last alone. */
export function spreadEvenly<T>(list: readonly T[], count: number, ends = false): T[] {
  const n = Math.min(count, list.length);
  const place = (i: number) => (!ends ? Math.floor((i * list.length) / n) : n === 1 ? list.length - 1 : Math.round((i * (list.length - 1)) / (n - 1)));
  return Array.from({ length: n }, (_, i) => list[place(i)]);
}

function checked(i: number, length: number): number {
  if (!Number.isInteger(i) || i < 0 || i >= length) throw new RangeError(`there is no item ${i} of ${length}`);
  return i;
}
