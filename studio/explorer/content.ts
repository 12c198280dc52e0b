/** What the explorer's page shows, apart from how it is packed and into which page: `sau_explorer.ts` makes a file of it, the studio a part of its page. */
import { CLASSES } from '../../src/classes';
import { imagesFromTensor, mapsFromTensor } from '../../src/data/tensors';
import type { LabelMap } from '../../src/data/types';
import { SAU_NAMES, sauAttention, type SauName } from '../../src/inspection/inspect';
import { kernelsOf, sameClassShare, TAPS, type Kernels } from '../../src/inspection/kernels';
import type { LGGANOutput } from '../../src/models/lggan/lggan';
import { VIRIDIS } from '../../src/figures/colours';
import type { ClassStyles } from '../../src/figures/labels';
import { dequantise, quantise, type BytePlane, type QuantisedKernels } from './planes';

/** How far the page's numbers may lie from the network's. */
export interface ExplorerError {
  /** Of a weight, at most. */
  weight: number;
  /** Of a weight below 10 %, at most. */
  smallWeight: number;
  /** Of the share of a pixel's own class, at most. */
  share: number;
}

export interface ContentOptions {
  index?: number;
  saus?: readonly SauName[];
  classes?: ClassStyles;
  /** The point that is shown first. Default the middle. */
  start?: { x: number; y: number };
}

/** Everything that the page will hold, kernels still as they are. */
export interface ExplorerContent {
  /** Of the page's description all but what rounding decides. */
  common: object;
  map: LabelMap;
  pictures: BytePlane[];
  saus: readonly SauName[];
  kernels: Kernels[];
}

/** The SAU that is shown first: the last step of what each class is painted from. */
export const mainSau = (saus: readonly SauName[]): SauName => (saus.includes('local 2') ? 'local 2' : saus[0]);

/**
 * @param output of both branches, with attention; nothing is disposed
 * @param map the label map at the size of the images
 */
export async function explorerContent(
  output: Pick<LGGANOutput, 'final' | 'global' | 'local' | 'weights' | 'attention'>,
  map: LabelMap,
  { index = 0, saus = SAU_NAMES, classes = CLASSES, start }: ContentOptions = {},
): Promise<ExplorerContent> {
  const attention = sauAttention(output);
  const [, height, width] = output.final.shape;
  const kernels = await Promise.all(saus.map((name) => kernelsOf(attention[name], index)));
  const pictures = await picturesOf(output, index);
  const common = {
    width,
    height,
    classes: classes.map(({ name, colour }) => ({ name, colour })),
    pictures: pictures.map(({ name, planes }) => ({ name, channels: planes.length })),
    main: mainSau(saus),
    start: start ?? { x: width >> 1, y: height >> 1 },
    scale: scaleOf(kernels),
    viridis: Array.from(VIRIDIS, (v) => v.toString(16).padStart(2, '0')).join(''),
  };
  return { common, map, pictures: pictures.flatMap((p) => p.planes), saus, kernels };
}

/** The page's description and its planes, with kernels rounded to `levels` + 1 steps a tap; and how far they are from the network's then. */
export function rounded({ common, map, pictures, saus, kernels }: ExplorerContent, levels: number) {
  const quantised = kernels.map((k) => quantise(k, levels));
  const error = errorOf(kernels, quantised, levels, map);
  const planes: BytePlane[] = [map, ...pictures, ...quantised.flatMap((q) => q.planes)];
  const description = { ...common, levels, decimals: error.smallWeight < 0.0005 ? 2 : 1, saus: quantised.map((q, i) => described(saus[i], q)) };
  return { description, planes, error };
}

/** What can lie behind the kernels besides the label map: three images, and how much each branch gives. */
async function picturesOf(output: Pick<LGGANOutput, 'final' | 'global' | 'local' | 'weights'>, index: number) {
  const images = await Promise.all(
    (['final', 'global', 'local'] as const).map(async (name) => {
      const { data, height, width } = (await imagesFromTensor(output[name]))[index];
      const channel = (c: number): BytePlane => ({ data: Uint8Array.from({ length: height * width }, (_, i) => data[3 * i + c]), height, width });
      return { name, planes: [0, 1, 2].map(channel) };
    }),
  );
  const maps = (await mapsFromTensor(output.weights))[index];
  const weights = ['local', 'global'].map((branch, c) => {
    const { data, height, width } = maps[c];
    return { name: `${branch} weight`, planes: [{ data: Uint8Array.from(data, (w) => Math.round(255 * w)), height, width }] };
  });
  return [...images, ...weights];
}

const described = (name: SauName, { planes: [{ height, width }], low, high }: QuantisedKernels) => ({ name, height, width, low, high });

/** The weight that is brightest: what 99 of 100 kernels stay below, and at least twice a uniform window's. */
function scaleOf(kernels: readonly Kernels[]): number {
  const largest = kernels.map(({ weights }) => {
    const maxima = new Float32Array(weights.length / TAPS);
    for (let i = 0; i < weights.length; i++) maxima[Math.floor(i / TAPS)] = Math.max(maxima[Math.floor(i / TAPS)], weights[i]);
    return maxima.sort()[Math.floor(0.99 * (maxima.length - 1))];
  });
  return Math.max(2 / TAPS, ...largest);
}

/** The largest differences, found by unpacking what was packed. */
function errorOf(kernels: readonly Kernels[], quantised: readonly QuantisedKernels[], levels: number, labels: LabelMap): ExplorerError {
  const error = { weight: 0, smallWeight: 0, share: 0 };
  kernels.forEach((original, i) => {
    const unpacked = dequantise(quantised[i], levels);
    const [a, b] = [original, unpacked].map((k) => sameClassShare(k, labels).data);
    error.weight = Math.max(error.weight, largestDifference(original.weights, unpacked.weights));
    const small = (k: Kernels) => k.weights.map((w, j) => (original.weights[j] < 0.1 ? w : 0));
    error.smallWeight = Math.max(error.smallWeight, largestDifference(small(original), small(unpacked)));
    error.share = Math.max(error.share, largestDifference(a, b));
  });
  return error;
}

/** NaN, the share of a pixel of no class, differs from nothing. */
function largestDifference(a: Float32Array, b: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < a.length; i++) if (Math.abs(a[i] - b[i]) > largest) largest = Math.abs(a[i] - b[i]);
  return largest;
}
