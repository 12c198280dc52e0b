import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLASSES } from '../../classes';
import { resizeLabels } from '../../data/resize';
import type { LabelMap } from '../../data/types';
import { UserError } from '../../common/errors';
import { SAU_NAMES, sauAttention, type SauName } from '../../inspection/inspect';
import { kernelsOf, sameClassShare, TAPS, type Kernels } from '../../inspection/kernels';
import type { LGGANOutput } from '../../models/lggan/lggan';
import { VIRIDIS } from '../colours';
import type { Figure } from '../figure';
import type { ClassStyles } from '../labels';
import { choosePoints, sauKernels } from '../sau_kernels';
import { imagesFromTensor, mapsFromTensor } from '../../data/tensors';
import { escapeXml } from '../text';
import { dequantise, packPlanes, quantise, type BytePlane, type QuantisedKernels } from './pack';

export interface SauExplorerOptions {
  title?: string;
  /** Which image of the batch. */
  index?: number;
  /** Which of the four SAUs the page holds. Default all. */
  saus?: readonly SauName[];
  /** Largest page in bytes; kernels are rounded more coarsely until it is met. Default 4 000 000. */
  maxBytes?: number;
  classes?: ClassStyles;
}

/** How far the page's numbers may lie from the network's. */
export interface ExplorerError {
  /** Of a weight, at most. */
  weight: number;
  /** Of a weight below 10 %, at most. */
  smallWeight: number;
  /** Of the share of a pixel's own class, at most. */
  share: number;
}

/** The explorer: `html()` is the interactive page, `png()` and `svg()` are kernels at chosen points, for what shows no pages. */
export class SauExplorer implements Figure {
  readonly width: number;
  readonly height: number;

  constructor(
    readonly title: string,
    private readonly page: string,
    private readonly still: Figure,
    /** Largest difference between the page's numbers and the network's. */
    readonly error: ExplorerError,
  ) {
    this.width = still.width;
    this.height = still.height;
  }

  png(scale?: number): Promise<Buffer> {
    return this.still.png(scale);
  }

  svg(): Promise<string> {
    return this.still.svg();
  }

  async html(): Promise<string> {
    return this.page;
  }
}

/** Steps that kernels are rounded to, the finest first. */
const LEVELS = [255, 127, 63, 31] as const;

/**
 * SAU's kernels to look into: a page, one file without a network, that shows the kernel of the pixel under the pointer (or moved by the
 * arrow keys) over its neighbourhood, with the class of each tap, the share of the pixel's own class and the entropy, for each of the four
 * SAUs; a click pins a point to compare it with another. Nothing is disposed.
 *
 * @param output of a generator with SAU, computed with `{ attention: true }`, or an inspection
 * @param labels the label map of the image, of any size
 * @throws UserError if the output is of one branch alone or holds no attention, or if the page does not fit into `maxBytes`
 */
export async function sauExplorer(
  output: Pick<LGGANOutput, 'final' | 'global' | 'local' | 'weights' | 'attention'>,
  labels: LabelMap,
  options: SauExplorerOptions = {},
): Promise<SauExplorer> {
  const { title = 'Explorer of semantic-aware upsampling', index = 0, saus = SAU_NAMES, maxBytes = 4_000_000, classes = CLASSES } = options;
  const attention = sauAttention(output);
  const [, height, width] = output.final.shape;
  const map = resizeLabels(labels, [height, width]);
  const kernels = await Promise.all(saus.map((name) => kernelsOf(attention[name], index)));
  const pictures = await picturesOf(output, index);
  // The last step of what each class is painted from.
  const main = saus.includes('local 2') ? 'local 2' : saus[0];
  const common = {
    width,
    height,
    classes: classes.map(({ name, colour }) => ({ name, colour })),
    pictures: pictures.map(({ name, planes }) => ({ name, channels: planes.length })),
    main,
    start: choosePoints(map, height, width, 1)[0] ?? { x: width >> 1, y: height >> 1 },
    scale: scaleOf(kernels),
    viridis: Buffer.from(VIRIDIS).toString('hex'),
  };
  const still = await sauKernels(attention[main], map, { title: options.title ?? `Kernels of semantic-aware upsampling (${main})`, index, classes });

  let size = Infinity;
  for (const levels of LEVELS) {
    const quantised = kernels.map((k) => quantise(k, levels));
    const error = errorOf(kernels, quantised, levels, map);
    const planes = [map, ...pictures.flatMap((p) => p.planes), ...quantised.flatMap((q) => q.planes)];
    const page = await fillTemplate({
      title: escapeXml(title),
      precision: precisionText(levels, error),
      description: json({ ...common, levels, decimals: error.smallWeight < 0.0005 ? 2 : 1, saus: quantised.map((q, i) => described(saus[i], q)) }),
      planes: await packPlanes(planes),
    });
    size = Buffer.byteLength(page);
    if (size <= maxBytes) return new SauExplorer(title, page, still, error);
  }
  throw new UserError(
    `the explorer of a ${height}x${width} image takes ${(size / 1e6).toFixed(1)} MB even with coarse kernels, above ${(maxBytes / 1e6).toFixed(1)} MB: ` +
      "choose fewer SAUs (saus: ['local 2']), or allow more (maxBytes)",
  );
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

/** The page's word about itself, rounded up. */
function precisionText(levels: number, { weight, smallWeight, share }: ExplorerError): string {
  const points = (x: number) => (Math.ceil(1e4 * x) / 100).toFixed(2);
  return (
    `Weights are stored in ${levels + 1} steps of their square root: they differ from the network's by at most ${points(weight)} percentage points ` +
    `(those below 10 % by ${points(smallWeight)}), shares of a class by at most ${points(share)}.`
  );
}

/** A '<' inside the data must not end the script element. */
const json = (value: object) => JSON.stringify(value).replace(/</g, '\\u003c');

async function fillTemplate(values: { title: string; precision: string; description: string; planes: string }): Promise<string> {
  const read = (file: string) => readFile(join(__dirname, file), 'utf8');
  const [template, style, script] = await Promise.all(['page.html', 'page.css', 'page.js'].map(read));
  const all: Record<string, string> = { ...values, style: style.trim(), script: script.trim() };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => all[name]);
}
