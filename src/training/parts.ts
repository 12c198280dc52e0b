/** So many numbers are moved in one call: while it runs there are two copies of them. */
const PART_SIZE = 1 << 24;

/** Cuts a list into parts of not many more numbers than that, in order. */
export function partsOf<T>(items: readonly T[], size: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let left = 0;
  for (const item of items) {
    if (left <= 0) {
      parts.push([]);
      left = PART_SIZE;
    }
    parts[parts.length - 1].push(item);
    left -= size(item);
  }
  return parts;
}
