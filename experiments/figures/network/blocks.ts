/** The blocks of a built network: names, shapes and how many numbers are trained, read from its parameters and from a forward pass. */
import { resizeLabels } from '../../../src/data/resize';
import type { LabelMap } from '../../../src/data/types';
import { ClassSpecificGenerator } from '../../../src/layers/class_specific';
import { Convolution } from '../../../src/layers/core/convolution';
import type { ParameterEntry } from '../../../src/layers/core/parameters';
import { Rcab, ResidualGroup } from '../../../src/layers/rcab';
import { ResidualBlock } from '../../../src/layers/residual_block';
import { Sau } from '../../../src/layers/sau';
import { SpadeBlock } from '../../../src/layers/spade_block';
import { NearestConvolution, TransposedConvolution } from '../../../src/layers/upsampler';
import type { Discriminator } from '../../../src/models/discriminator';
import type { LGGAN, LGGANOutput } from '../../../src/models/lggan/lggan';
import { STYLES } from '../../../src/models/lggan/style_bank';
import type { RCAN } from '../../../src/models/rcan';
import { type Kind, observe } from '../../../src/inspection/observe';
import * as tf from '../../../src/engine/tf';

/** Height, width, channels; or, of a matrix, its two sides. */
export type Shape = readonly number[];

/** What a block is, which decides its colour. */
export type BlockKind = 'convolution' | 'SPADE block' | 'residual block' | 'upsampling' | 'per class' | 'dense' | 'fixed';

/** A block, or several alike that follow each other. */
export interface NetworkBlock {
  /** Its name in the original; `first .. last` of several. */
  name: string;
  kind: BlockKind;
  /** What it computes, as its shapes tell: `conv 3×3`. */
  what: string;
  /** How many alike. */
  repeat: number;
  input: Shape;
  output: Shape;
  /** Numbers that the optimiser moves, of all of them together. */
  count: number;
}

/** What went into a layer and came out of it. */
interface Heard {
  layer: object;
  input: Shape;
  output: Shape;
}

/** Shapes without the batch. */
const shapeOf = (x: unknown): Shape => (x instanceof tf.Tensor ? x.shape.slice(1) : []);

/** What the layers of some kinds tell during `run`. */
function hear(network: Parameters<typeof observe>[0], kinds: readonly Kind[], run: () => void, options?: { only(name: string): boolean }): Map<string, Heard> {
  const heard = new Map<string, Heard>();
  observe(network, kinds, (name, layer, [x], out) => heard.set(name, { layer, input: shapeOf(x), output: shapeOf(out) }), run, options);
  return heard;
}

/** The entries by the block they belong to, in the order of their creation. */
function grouped(entries: readonly ParameterEntry[], blockOf: (name: string) => string): Map<string, ParameterEntry[]> {
  const groups = new Map<string, ParameterEntry[]>();
  for (const entry of entries) groups.set(blockOf(entry.name), [...(groups.get(blockOf(entry.name)) ?? []), entry]);
  return groups;
}

const countOf = (entries: readonly ParameterEntry[]) => entries.reduce((sum, e) => sum + (e.trainable ? e.variable.size : 0), 0);

/** `3×3` of a block's (first) kernel; `1×1` of a matrix. */
function kernelOf(entries: readonly ParameterEntry[]): string {
  const kernel = entries.find((e) => e.variable.rank === 4);
  return kernel ? `${kernel.variable.shape[0]}×${kernel.variable.shape[1]}` : '1×1';
}

/** The style's place in the local branch. */
const STYLE = 'deconv5';

/** Side of the map that a generator is run on: every size of the pyramid has two pixels or more. */
const SMALL = 64;

/**
 * The blocks of a generator in the order of its parameters, from a forward pass on a map of 64x64; heights and widths are then scaled to the
 * generator's image size, to which they are proportional. The blocks' counts sum up to the network's.
 */
export function lgganBlocks(generator: LGGAN): NetworkBlock[] {
  const [height, width] = generator.config.imageSize;
  let output!: LGGANOutput;
  const run = () => {
    const pyramid = generator.prepare([smallMap()]);
    try {
      output = tf.tidy(() => generator.forward(pyramid));
    } finally {
      pyramid.dispose();
    }
  };
  const kinds = [Convolution, SpadeBlock, ResidualBlock, Sau, TransposedConvolution, NearestConvolution, ClassSpecificGenerator];
  const heard = hear(generator, kinds, run, { only: (name) => !/\.|^conv1$|^deconv(5_\d+|9)$/.test(name) });
  // Known scenes are no block.
  const entries = generator.parameters.entries().filter(({ name }) => name !== STYLES);
  const groups = grouped(entries, (name) => name.split('.')[0]);
  // The first convolution is computed from a table of label windows, classes one by one: their shapes are those around them.
  const features = heard.get('')?.input ?? [];
  const [perClass, local, scores] = [Object.values(output.perClass ?? {})[0], output.local, output.scores].map((t) => t?.shape.slice(1) ?? []);
  tf.dispose(output);
  const shapes = (name: string): Omit<Heard, 'layer'> => {
    if (name === 'conv1') return { input: [SMALL, SMALL, generator.config.classes], output: heard.get('conv2')!.input };
    if (/^deconv5_\d+$/.test(name)) return { input: features, output: perClass };
    if (name === STYLE) return { input: features, output: features };
    if (name === 'deconv9') return { input: [SMALL, SMALL, 3 * generator.config.classes], output: local };
    if (name === 'fc2') return { input: [scores[0], groups.get('fc2')![0].variable.shape[0]], output: scores };
    return heard.get(name)!;
  };
  const scaled = (shape: Shape): Shape => (shape.length === 3 ? [(shape[0] * height) / SMALL, (shape[1] * width) / SMALL, shape[2]] : shape);
  return collapsed(
    [...groups].map(([name, entries]) => {
      const { input, output: out } = shapes(name);
      return {
        name,
        ...describe(name, entries, heard.get(name)?.layer, input, out),
        repeat: 1,
        input: scaled(input),
        output: scaled(out),
        count: countOf(entries),
      };
    }),
  );
}

/** Sky over water. */
function smallMap(): LabelMap {
  return resizeLabels({ data: Uint8Array.from([1, 2]), height: 2, width: 1 }, [SMALL, SMALL]);
}

function describe(
  name: string,
  entries: readonly ParameterEntry[],
  layer: object | undefined,
  input: Shape,
  output: Shape,
): Pick<NetworkBlock, 'kind' | 'what'> {
  const kernel = kernelOf(entries);
  if (layer instanceof SpadeBlock) return { kind: 'SPADE block', what: `SPADE block ${kernel}` };
  if (layer instanceof ResidualBlock) return { kind: 'residual block', what: `residual block ${kernel}` };
  if (layer instanceof Sau) return { kind: 'upsampling', what: 'SAU ×2, 25 taps a pixel' };
  if (layer instanceof TransposedConvolution) return { kind: 'upsampling', what: `transposed conv ${kernel}` };
  if (layer instanceof NearestConvolution) return { kind: 'upsampling', what: `nearest ×2, conv ${kernel}` };
  if (name === STYLE) return { kind: 'dense', what: 'style added' };
  if (/^deconv5_\d+$/.test(name)) return { kind: 'per class', what: `conv ${kernel}, masked` };
  if (entries.some((e) => e.kind === 'dense')) return { kind: 'dense', what: 'fully connected' };
  return { kind: 'convolution', what: `conv ${kernel}${strideOf(input, output)}` };
}

const strideOf = (input: Shape, output: Shape) => (input[0] > 1.5 * output[0] ? ', stride 2' : '');

/** From how many alike on a run is one block. */
const RUN = 3;

/** Runs of blocks that differ by the number in their names alone become one. */
function collapsed(blocks: readonly NetworkBlock[]): NetworkBlock[] {
  const same = (a: NetworkBlock, b: NetworkBlock) =>
    a.what === b.what && a.count === b.count && `${a.input} ${a.output}` === `${b.input} ${b.output}` && stem(a.name) === stem(b.name);
  const result: NetworkBlock[] = [];
  for (let i = 0; i < blocks.length; ) {
    let end = i + 1;
    while (end < blocks.length && same(blocks[i], blocks[end])) end++;
    const run = blocks.slice(i, end);
    if (run.length < RUN) result.push(...run);
    else
      result.push({
        ...run[0],
        name: `${run[0].name} .. ${/\d+$/.exec(run.at(-1)!.name)![0]}`,
        repeat: run.length,
        count: run.reduce((s, b) => s + b.count, 0),
      });
    i = end;
  }
  return result;
}

const stem = (name: string) => name.replace(/\d+$/, '');

/** The blocks of each scale of a discriminator, fine to coarse, from a forward pass at its images' size (its padding is not proportional). */
export function discriminatorBlocks(discriminator: Discriminator, [height, width]: readonly number[]): NetworkBlock[][] {
  const { classes } = discriminator.config;
  const shapes = tf.tidy(() => {
    const scales = discriminator.forward(tf.zeros([1, height, width, classes]), tf.zeros([1, height, width, 3]));
    return scales.map((layers) => layers.map((x) => x.shape.slice(1)));
  });
  const groups = [...grouped(discriminator.parameters.entries(), (name) => /^(.*?\.model\.model\d+)\./.exec(name)![1])];
  const layers = groups.length / shapes.length;
  return shapes.map((outputs, s) =>
    outputs.map((output, i): NetworkBlock => {
      const [name, entries] = groups[s * layers + i];
      const channels = entries.find((e) => e.variable.rank === 4)!.variable.shape[2]!;
      // Each scale looks at half the size of the one before, odd sides rounded up.
      const halved = [height, width].map((n) => Math.ceil(n / 2 ** s));
      const input: Shape = i === 0 ? [...halved, channels] : outputs[i - 1];
      const norms = entries.some((e) => e.name.endsWith('weight_u')) ? ', spectral norm' : '';
      const what = `conv ${kernelOf(entries)}${strideOf(input, output)}${norms}`;
      return { name: name.split('.').slice(1).join('.'), kind: 'convolution', what, repeat: 1, input, output, count: countOf(entries) };
    }),
  );
}

export interface RcanBlocks {
  /** The network: head, groups, closing convolution, tail. */
  chain: NetworkBlock[];
  /** Inside the first group. */
  group: NetworkBlock[];
  /** Inside its first residual channel attention block. */
  block: NetworkBlock[];
}

/** Side of the image that RCAN is run on. */
const TINY = 16;

/** The blocks of an RCAN on an image of a size, from a forward pass on 16x16 pixels (its shapes are proportional). */
export function rcanBlocks(rcan: RCAN, [height, width]: readonly number[]): RcanBlocks {
  const heard = hear(rcan, [Convolution, ResidualGroup, Rcab], () => tf.tidy(() => void rcan.forward(tf.zeros([1, TINY, TINY, 3]))));
  const scaled = (shape: Shape): Shape => (shape[0] === 1 ? shape : [(shape[0] * height) / TINY, (shape[1] * width) / TINY, shape[2]]);
  const entries = rcan.parameters.entries();
  const blocks = (depth: RegExp): NetworkBlock[] =>
    collapsed(
      [
        ...grouped(
          entries.filter((e) => depth.test(e.name)),
          (name) => depth.exec(name)![1],
        ),
      ].map(([name, own]) => {
        // The parameters of a group and of a block have one more part of their names in common.
        const found = heard.get(name) ?? heard.get(`${name}.body`);
        const fixed = !found;
        const input = scaled(found?.input ?? [TINY, TINY, 3]);
        const output = scaled(found?.output ?? [TINY, TINY, 3]);
        const kind: BlockKind = fixed ? 'fixed' : found.layer instanceof Convolution ? 'convolution' : 'residual block';
        const what = fixed
          ? 'mean colour'
          : found.layer instanceof ResidualGroup
            ? 'residual group'
            : found.layer instanceof Rcab
              ? 'attention block'
              : `conv ${kernelOf(own)}`;
        return { name, kind, what, repeat: 1, input, output, count: countOf(own) };
      }),
    );
  const chain = blocks(/^((?:head|body)\.\d+|tail\.0\.\d+|tail\.\d+|\w+_mean)\./);
  // Mean off comes first and mean on last, whatever the order of the parameters.
  const last = chain.findIndex((b) => b.name === 'add_mean');
  return {
    chain:
      last < 0 ? chain : [...chain.slice(0, last), ...chain.slice(last + 1), { ...chain[last], input: chain.at(-1)!.output, output: chain.at(-1)!.output }],
    group: blocks(/^(body\.0\.body\.\d+)\./),
    block: blocks(/^(body\.0\.body\.0\.body\.(?:\d+\.conv_du\.)?\d+)\./),
  };
}
