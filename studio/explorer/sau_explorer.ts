import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLASSES } from '../../src/classes';
import { resizeLabels } from '../../src/data/resize';
import type { LabelMap } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { SAU_NAMES, sauAttention, type SauName } from '../../src/inspection/inspect';
import type { LGGANOutput } from '../../src/models/lggan/lggan';
import type { Figure } from '../../src/figures/figure';
import type { ClassStyles } from '../../src/figures/labels';
import { choosePoints, sauKernels } from '../../src/figures/sau_kernels';
import { escapeXml } from '../../src/figures/text';
import { explorerContent, mainSau, rounded, type ExplorerError } from './content';
import { packPlanes } from './pack';

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
  const [, height, width] = output.final.shape;
  const main = mainSau(saus);
  const map = resizeLabels(labels, [height, width]);
  const content = await explorerContent(output, map, { index, saus, classes, start: choosePoints(map, height, width, 1)[0] });
  const still = await sauKernels(sauAttention(output)[main], map, { title: options.title ?? `Kernels of semantic-aware upsampling (${main})`, index, classes });

  let size = Infinity;
  for (const levels of LEVELS) {
    const { description, planes, error } = rounded(content, levels);
    const page = await fillTemplate({
      title: escapeXml(title),
      precision: precisionText(levels, error),
      description: json(description),
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
