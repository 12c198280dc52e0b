/** The papers' claim in numbers: does SAU take from pixels of the same class, and which branch paints which class? */
import { CLASSES } from '../classes';
import { IGNORE, type LabelMap } from '../data/types';
import * as tf from '../engine/tf';
import { momentsOf, type Moments } from '../metrics/moments';
import type { LGGAN } from '../models/lggan/lggan';
import { boundaryPixels, kernelEntropy, kernelsOf, labelsAt, outsideShare, sameClassShare, meanKernels, uniformKernels, type Kernels } from './kernels';
import { inspect, SAU_NAMES, sauAttention, type Inspection, type SauName } from './inspect';

/** Where pixels are counted: all of them, or those whose window holds more than one class. */
export type Where = 'everywhere' | 'at boundaries';
const WHERE: readonly Where[] = ['everywhere', 'at boundaries'];

/** Means over the pixels that have a class. Shares are 0..1. */
export interface SauMeasure {
  sau: SauName;
  where: Where;
  pixels: number;
  /** Share of the weight on taps of the pixel's own class. */
  sameClass: number;
  /** The same of a uniform window at the same pixels. */
  uniform: number;
  /** The same of the kernels' average (`meanKernels`): what `sameClass` has above it comes from looking at the picture. */
  mean: number;
  /** Share of the weight on taps outside of the map, which have no class. */
  outside: number;
  /** Entropy of the kernels in bits; log2 25 = 4.64 is uniform. */
  entropy: number;
}

const MEANS = ['sameClass', 'uniform', 'mean', 'outside', 'entropy'] as const;
type Means = Record<(typeof MEANS)[number], number>;

const meansOf = (mean: (of: keyof Means) => number) => Object.fromEntries(MEANS.map((of) => [of, mean(of)])) as Means;

/** How much of a class comes from the local branch. */
export interface LocalShare {
  class: number;
  pixels: number;
  /** Mean of the local branch's weight over the pixels of the class, 0..1. */
  local: number;
}

/** What the four SAUs do to the label maps of an inspection, everywhere and at boundaries: 8 measures. Where no pixel counts, means are NaN. */
export async function sauMeasures(inspection: Pick<Inspection, 'attention' | 'labels'>): Promise<SauMeasure[]> {
  const attention = sauAttention(inspection);
  const all: SauMeasure[][] = [];
  for (const [b, labels] of inspection.labels.entries()) {
    const measures: SauMeasure[] = [];
    for (const sau of SAU_NAMES) measures.push(...measuresOf(sau, await kernelsOf(attention[sau], b), labels));
    all.push(measures);
  }
  return mergeSauMeasures(all);
}

/** A measure of each label map by itself, one after the other, so that the memory is that of one: `measureEach(generator, maps, sauMeasures)`. */
export async function measureEach<M>(generator: LGGAN, maps: readonly LabelMap[], measure: (seen: Inspection) => Promise<M>): Promise<M[]> {
  const all: M[] = [];
  for (const map of maps) {
    const seen = inspect(generator, map, { keep: ['attention'] });
    try {
      all.push(await measure(seen));
    } finally {
      tf.dispose(seen);
    }
  }
  return all;
}

/** The measures of several inspections as one: every pixel counts the same, whatever map it stands in. */
export function mergeSauMeasures(all: readonly (readonly SauMeasure[])[]): SauMeasure[] {
  return SAU_NAMES.flatMap((sau) =>
    WHERE.map((where): SauMeasure => {
      const same = all.flat().filter((m) => m.sau === sau && m.where === where && m.pixels > 0);
      const pixels = same.reduce((sum, m) => sum + m.pixels, 0);
      return { sau, where, pixels, ...meansOf((of) => same.reduce((sum, m) => sum + m[of] * m.pixels, 0) / pixels) };
    }),
  );
}

function measuresOf(sau: SauName, kernels: Kernels, labels: LabelMap): SauMeasure[] {
  const map = labelsAt(labels, kernels);
  const boundary = boundaryPixels(map);
  const maps = {
    sameClass: sameClassShare(kernels, map).data,
    uniform: sameClassShare(uniformKernels(map.height, map.width), map).data,
    mean: sameClassShare(meanKernels(kernels), map).data,
    outside: outsideShare(kernels).data,
    entropy: kernelEntropy(kernels).data,
  };
  return WHERE.map((where) => {
    const counts = (c: number, i: number) => c !== IGNORE && (where === 'everywhere' || boundary[i] === 1);
    const pixels = map.data.reduce((sum, c, i) => sum + Number(counts(c, i)), 0);
    return { sau, where, pixels, ...meansOf((of) => map.data.reduce((sum, c, i) => (counts(c, i) ? sum + maps[of][i] : sum), 0) / pixels) };
  });
}

/** The share of the local branch in each class that is present, largest class first. */
export async function localShares({ weights, labels }: Pick<Inspection, 'weights' | 'labels'>): Promise<LocalShare[]> {
  const values = await weights.data();
  return mergeLocalShares(
    labels.map(({ data }, b) => {
      const shares: LocalShare[] = [];
      data.forEach((c, i) => {
        if (c === IGNORE) return;
        const share = (shares[c] ??= { class: c, pixels: 0, local: 0 });
        share.pixels++;
        share.local += (values[2 * (b * data.length + i)] - share.local) / share.pixels;
      });
      return shares.filter((s) => s !== undefined);
    }),
  );
}

/** The shares of several inspections as one: every pixel counts the same, whatever map it stands in. */
export function mergeLocalShares(all: readonly (readonly LocalShare[])[]): LocalShare[] {
  const flat = all.flat();
  return [...new Set(flat.map((s) => s.class))]
    .map((c) => {
      const same = flat.filter((s) => s.class === c);
      const pixels = same.reduce((sum, s) => sum + s.pixels, 0);
      return { class: c, pixels, local: same.reduce((sum, s) => sum + s.local * s.pixels, 0) / pixels };
    })
    .sort((a, b) => b.pixels - a.pixels || a.class - b.class);
}

/**
 * Rows of a table; shares are 0..1. `start`: the measures of the untrained network on the same maps, which get columns of their own.
 */
export function sauRows(measures: readonly SauMeasure[], start?: readonly SauMeasure[]): Record<string, string | number>[] {
  return measures.map((m) => {
    const before = start?.find((s) => s.sau === m.sau && s.where === m.where);
    return {
      SAU: m.sau,
      where: m.where,
      pixels: m.pixels,
      'own class': m.sameClass,
      ...(before && { 'own class, untrained': before.sameClass }),
      'own class, uniform': m.uniform,
      'own class, mean kernel': m.mean,
      'outside the map': m.outside,
      'entropy (bits)': m.entropy,
      ...(before && { 'entropy, untrained (bits)': before.entropy }),
    };
  });
}

/** How the measures of many label maps, one list each (`sauMeasures`), are spread: the papers' claim with its scatter. */
export interface SauSpread {
  sau: SauName;
  where: Where;
  /** Label maps in which a pixel counts. */
  maps: number;
  /** Mean over the maps and standard deviation between them, of the share on the own class and of what it has above the two others. */
  sameClass: Moments;
  aboveUniform: Moments;
  aboveMean: Moments;
}

export function sauSpread(all: readonly (readonly SauMeasure[])[]): SauSpread[] {
  return SAU_NAMES.flatMap((sau) =>
    WHERE.map((where): SauSpread => {
      const same = all.flat().filter((m) => m.sau === sau && m.where === where && m.pixels > 0);
      const spread = (of: (m: SauMeasure) => number) => momentsOf(same.map(of));
      return {
        sau,
        where,
        maps: same.length,
        sameClass: spread((m) => m.sameClass),
        aboveUniform: spread((m) => m.sameClass - m.uniform),
        aboveMean: spread((m) => m.sameClass - m.mean),
      };
    }),
  );
}

/** Rows of a table: mean ± standard deviation over label maps, in per cent of a kernel's weight. */
export function sauSpreadRows(spread: readonly SauSpread[]): Record<string, string | number>[] {
  const told = ({ mean, deviation }: Moments) => `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)}`;
  return spread.map(({ sau, where, maps, ...s }) => ({
    SAU: sau,
    where,
    maps,
    'own class (%)': told(s.sameClass),
    'above uniform': told(s.aboveUniform),
    'above the mean kernel': told(s.aboveMean),
  }));
}

/** Rows of a table: the classes, how large they are, and the mean share of the local branch in them. */
export function localRows(shares: readonly LocalShare[], classes: readonly { readonly name: string }[] = CLASSES): Record<string, string | number>[] {
  const all = shares.reduce((sum, s) => sum + s.pixels, 0);
  return shares.map((s) => ({
    class: classes[s.class]?.name ?? String(s.class),
    'share of the pixels': s.pixels / all,
    'local branch': s.local,
    'global branch': 1 - s.local,
  }));
}
