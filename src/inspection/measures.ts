/** The papers' claim in numbers: does SAU take from pixels of the same class, and which branch paints which class? */
import { CLASSES } from '../classes';
import { IGNORE } from '../data/types';
import { boundaryPixels, kernelEntropy, kernelsOf, labelsAt, outsideShare, sameClassShare, uniformKernels, type PixelMap } from './kernels';
import { SAU_NAMES, sauAttention, type Inspection, type SauName } from './inspect';

/** Where pixels are counted: all of them, or those whose window holds more than one class. */
export type Where = 'everywhere' | 'at boundaries';

/** Means over the pixels that have a class. Shares are 0..1. */
export interface SauMeasure {
  sau: SauName;
  where: Where;
  pixels: number;
  /** Share of the weight on taps of the pixel's own class. */
  sameClass: number;
  /** The same of a uniform window at the same pixels. */
  uniform: number;
  /** Share of the weight on taps outside of the map, which have no class. */
  outside: number;
  /** Entropy of the kernels in bits; log2 25 = 4.64 is uniform. */
  entropy: number;
}

/** How much of a class comes from the local branch. */
export interface LocalShare {
  class: number;
  pixels: number;
  /** Mean of the local branch's weight over the pixels of the class, 0..1. */
  local: number;
}

type Inspected = Pick<Inspection, 'attention' | 'labels'>;

/** What the four SAUs do on some label maps, everywhere and at boundaries: 8 measures. Where no pixel counts, means are NaN. */
export async function sauMeasures(inspection: Inspected | readonly Inspected[]): Promise<SauMeasure[]> {
  const sums = SAU_NAMES.flatMap((sau) => WHERE.map((where) => new Sums(sau, where)));
  for (const one of listOf(inspection)) {
    const attention = sauAttention(one);
    for (const sau of SAU_NAMES) {
      for (const [b, labels] of one.labels.entries()) {
        const kernels = await kernelsOf(attention[sau], b);
        const map = labelsAt(labels, kernels);
        const maps = {
          sameClass: sameClassShare(kernels, map),
          uniform: sameClassShare(uniformKernels(map.height, map.width), map),
          outside: outsideShare(kernels),
          entropy: kernelEntropy(kernels),
        };
        const boundary = boundaryPixels(map);
        const counted = { everywhere: (i: number) => map.data[i] !== IGNORE, 'at boundaries': (i: number) => map.data[i] !== IGNORE && boundary[i] === 1 };
        for (const s of sums) if (s.sau === sau) s.add(maps, counted[s.where]);
      }
    }
  }
  return sums.map((s) => s.means());
}

/** The share of the local branch in each class that is present, largest class first. */
export async function localShares(
  inspection: Pick<Inspection, 'weights' | 'labels'> | readonly Pick<Inspection, 'weights' | 'labels'>[],
): Promise<LocalShare[]> {
  const byClass = new Map<number, { pixels: number; sum: number }>();
  for (const { weights, labels } of listOf(inspection)) {
    const values = await weights.data();
    labels.forEach(({ data }, b) => {
      data.forEach((c, i) => {
        if (c === IGNORE) return;
        const entry = byClass.get(c) ?? { pixels: 0, sum: 0 };
        byClass.set(c, { pixels: entry.pixels + 1, sum: entry.sum + values[2 * (b * data.length + i)] });
      });
    });
  }
  return [...byClass]
    .map(([c, { pixels, sum }]) => ({ class: c, pixels, local: sum / pixels }))
    .sort((a, b) => b.pixels - a.pixels || a.class - b.class);
}

/**
 * Rows of a table, in per cent and bits. `start`: the measures of the untrained network on the same maps, which get columns of their own.
 */
export function sauRows(measures: readonly SauMeasure[], start?: readonly SauMeasure[]): Record<string, string | number>[] {
  return measures.map((m) => {
    const before = start?.find((s) => s.sau === m.sau && s.where === m.where);
    return {
      SAU: m.sau,
      where: m.where,
      pixels: m.pixels,
      'own class (%)': percent(m.sameClass),
      ...(before && { 'untrained (%)': percent(before.sameClass) }),
      'uniform (%)': percent(m.uniform),
      'outside the map (%)': percent(m.outside),
      'entropy (bits)': rounded(m.entropy, 3),
      ...(before && { 'untrained (bits)': rounded(before.entropy, 3) }),
    };
  });
}

/** Rows of a table: the classes, how large they are, and the mean share of the local branch in them. */
export function localRows(
  shares: readonly LocalShare[],
  classes: readonly { readonly name: string }[] = CLASSES,
): Record<string, string | number>[] {
  const all = shares.reduce((sum, s) => sum + s.pixels, 0);
  return shares.map((s) => ({
    class: classes[s.class]?.name ?? String(s.class),
    'pixels (%)': percent(s.pixels / all),
    'local branch (%)': percent(s.local),
    'global branch (%)': percent(1 - s.local),
  }));
}

const WHERE: readonly Where[] = ['everywhere', 'at boundaries'];
const MEANS = ['sameClass', 'uniform', 'outside', 'entropy'] as const;
type Mean = (typeof MEANS)[number];

/** Sums over pixels, from which means are taken at the end, so that large maps count more than small ones. */
class Sums {
  private pixels = 0;
  private readonly sum: Record<Mean, number> = { sameClass: 0, uniform: 0, outside: 0, entropy: 0 };

  constructor(
    readonly sau: SauName,
    readonly where: Where,
  ) {}

  add(maps: Record<Mean, PixelMap>, counted: (i: number) => boolean): void {
    const pixels = maps.sameClass.data.length;
    for (let i = 0; i < pixels; i++) {
      if (!counted(i)) continue;
      this.pixels++;
      for (const mean of MEANS) this.sum[mean] += maps[mean].data[i];
    }
  }

  means(): SauMeasure {
    const { sameClass, uniform, outside, entropy } = this.sum;
    const n = this.pixels;
    return { sau: this.sau, where: this.where, pixels: n, sameClass: sameClass / n, uniform: uniform / n, outside: outside / n, entropy: entropy / n };
  }
}

const listOf = <T>(x: T | readonly T[]): readonly T[] => (Array.isArray(x) ? x : [x as T]);
const rounded = (x: number, digits: number) => Number(x.toFixed(digits));
const percent = (share: number) => rounded(100 * share, 2);
