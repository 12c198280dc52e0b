import type { LabelMap } from '../../src/data/types';

/**
 * Gives connected regions (4 neighbours) of fewer than `smallest` pixels the class that borders them most, so that a map has no specks.
 * Works on the map itself.
 */
export function removeSmallRegions({ data, height, width }: LabelMap, smallest: number): void {
  const done = new Uint8Array(data.length);
  const region: number[] = [];
  for (let start = 0; start < data.length; start++) {
    if (done[start]) continue;
    const label = data[start];
    const border = new Uint32Array(256);
    region.length = 0;
    region.push(start);
    done[start] = 1;
    for (let i = 0; i < region.length; i++) {
      const p = region[i];
      const x = p % width;
      for (const q of [x > 0 ? p - 1 : -1, x < width - 1 ? p + 1 : -1, p - width, p + width]) {
        if (q < 0 || q >= data.length) continue;
        if (data[q] !== label) border[data[q]]++;
        else if (!done[q]) {
          done[q] = 1;
          region.push(q);
        }
      }
    }
    if (region.length >= smallest || region.length === height * width) continue;
    const most = border.reduce((best, n, c) => (n > border[best] ? c : best), 0);
    for (const p of region) data[p] = most;
  }
}
