import { CLASSES } from '../../src/classes';
import type { LabelMap, RgbImage } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { Sau } from '../../src/layers/sau';
import { TransposedConvolution } from '../../src/layers/upsampler';
import type { LGGAN } from '../../src/models/lggan/lggan';
import { observe } from '../../src/inspection/observe';
import * as tf from '../../src/engine/tf';
import { type Cell, type GridSheet, imageGrid } from '../../src/figures/grid';
import { resizeNearest } from '../../src/figures/images';
import { type ClassStyles, classLegend, colourLabels } from '../../src/figures/labels';
import { COLUMN } from './print';
import { componentsImage, principalComponents, project, rangesOf } from './principal_components';
import { mostDetailed } from '../../src/figures/sr_comparison';
import { type Box, crop } from '../../src/data/picture';

/** The upsamplers of the local branch, by their names in the original. */
export const LOCAL_UPSAMPLERS = ['deconv3_local', 'deconv4_local'] as const;

/** What one upsampler is given and what each way makes of it. Tensors: dispose of them. */
export interface Upsampled {
  name: string;
  /** [1,H,W,C] */
  input: tf.Tensor4D;
  /** By name of the way: [1,2H,2W,C/2]. */
  results: Record<string, tf.Tensor4D>;
}

/**
 * The features before each upsampler of the local branch, and what comes of them: by nearest and bilinear interpolation, each followed by
 * SAU's own 1x1 convolution, and by SAU itself. @throws UserError where the generator was trained without SAU
 */
export function upsampleFeatures(generator: LGGAN, labels: LabelMap): Upsampled[] {
  if (generator.config.upsampling !== 'sau') {
    throw new UserError(`features are compared with SAU's, and this generator was trained with upsampling '${generator.config.upsampling}'.`);
  }
  return hear(generator, labels, Sau).map(({ name, input, output }) => {
    const halve = halving(generator, name);
    const [, height, width] = output.shape;
    const interpolated = tf.tidy(() => ({
      nearest: halve(tf.image.resizeNearestNeighbor(input, [height, width])),
      bilinear: halve(tf.image.resizeBilinear(input, [height, width], false, true)),
    }));
    return { name, input, results: { ...interpolated, SAU: output } };
  });
}

/** The same of a generator with transposed convolutions: its own features, and what its own weights make of them. */
export function transposedFeatures(generator: LGGAN, labels: LabelMap): Upsampled[] {
  if (generator.config.upsampling !== 'transposed') {
    throw new UserError(`expected a generator trained with upsampling 'transposed', this one was trained with '${generator.config.upsampling}'.`);
  }
  return hear(generator, labels, TransposedConvolution).map(({ name, input, output }) => ({ name, input, results: { 'transposed convolution': output } }));
}

/** Input and output of the upsamplers of the local branch while a label map is painted. */
function hear(generator: LGGAN, labels: LabelMap, kind: typeof Sau | typeof TransposedConvolution) {
  const heard = new Map<string, { input: tf.Tensor4D; output: tf.Tensor4D }>();
  const keep = (x: unknown) => tf.keep(tf.clone(x as tf.Tensor4D));
  observe(
    generator,
    [kind],
    (name, _layer, [x], out) => heard.set(name, { input: keep(x), output: keep(out) }),
    () => tf.dispose(generator.generate(labels, { compiled: false })),
    { only: (name) => (LOCAL_UPSAMPLERS as readonly string[]).includes(name) },
  );
  return LOCAL_UPSAMPLERS.map((name) => ({ name, ...heard.get(name)! }));
}

/** The 1x1 convolution that ends a SAU, by its name. */
function halving(generator: LGGAN, name: string): (x: tf.Tensor4D) => tf.Tensor4D {
  const named = (end: string) => generator.parameters.entries().find((e) => e.name === `${name}.downsample.${end}`)!.variable;
  return (x) => tf.add(tf.conv2d(x, named('weight') as tf.Tensor as tf.Tensor4D, 1, 'valid'), named('bias')) as tf.Tensor4D;
}

export interface FeatureUpsamplingOptions {
  title?: string;
  /** A generator trained with transposed convolutions, for a column of its own. */
  transposed?: LGGAN;
  /** Side of the enlarged part as a share of the map's; it lies where most classes meet. */
  zoom?: number;
  classes?: ClassStyles;
  maxWidth?: number;
}

/**
 * Upsampling compared on the network's own features: for both SAUs of the local branch the whole map, and below it enlarged the part where
 * most classes meet. Colours are the first three principal components of SAU's output, the same for all columns but that of the transposed
 * convolution, which belongs to another network and has components of its own.
 */
export async function featureUpsampling(generator: LGGAN, labels: LabelMap, options: FeatureUpsamplingOptions = {}): Promise<GridSheet> {
  const { title = 'Upsampling of features', transposed, zoom = 0.25, classes = CLASSES, maxWidth = COLUMN } = options;
  const stages = upsampleFeatures(generator, labels);
  const others = transposed && transposedFeatures(transposed, labels);
  const ways = ['nearest', 'bilinear', ...(others ? ['transposed convolution'] : []), 'SAU'];
  const rows: Cell[][] = [];
  const boxes: Box[] = [];
  const rowTitles: string[] = [];
  try {
    for (const [s, stage] of stages.entries()) {
      const [, height, width, channels] = stage.results.SAU.shape;
      const pictures = { ...(await inColours(stage)), ...(others && (await inColours(others[s]))) };
      const sketch = resizeNearest(colourLabels(labels, classes), width, height);
      const box = mostDetailed(sketch, zoom, 2);
      boxes.push(box);
      const all = [sketch, ...ways.map((way) => pictures[way])];
      const [, h, w, c] = stage.input.shape;
      rowTitles.push(`${h}×${w}×${c} → ${height}×${width}×${channels}`, 'enlarged');
      rows.push(
        all.map((image) => ({ image, exact: true })),
        all.map((image) => ({ image: crop(image, box), exact: true })),
      );
    }
  } finally {
    tf.dispose([...stages, ...(others ?? [])].map(({ input, results }) => ({ input, ...results })));
  }
  const cellWidth = Math.floor((maxWidth - 24 - 110 - 8 * (ways.length + 1)) / (ways.length + 1));
  const fitted = rows.map((row) => row.map((cell) => ({ ...cell, scale: cellWidth / cell.image.width })));
  const note =
    'Colours: the first three principal components of what SAU gives (lightness, yellow to blue, green to red), the same for every column' +
    `${others ? ' but the transposed convolution, which is from another network and has its own' : ''}. The frame is what is enlarged.`;
  const sheet = imageGrid(fitted, {
    title,
    columnTitles: ['label map', ...ways],
    rowTitles,
    legend: classLegend([labels], classes),
    note,
    maxWidth,
    cellWidth,
  });
  boxes.forEach((box, s) => {
    for (let c = 0; c <= ways.length; c++) {
      const place = sheet.box(2 * s, c);
      const f = place.width / rows[2 * s][c].image.width;
      const frame = { x: place.x + box.x * f, y: place.y + box.y * f, width: box.width * f, height: box.height * f };
      sheet.rect(frame, { stroke: '#000000', strokeWidth: 2.4 }).rect(frame, { stroke: '#ffffff', strokeWidth: 1.2 });
    }
  });
  return sheet;
}

/** Each way's result in the colours of the last one's principal components. */
async function inColours({ results }: Upsampled): Promise<Record<string, RgbImage>> {
  const reference = Object.values(results).at(-1)!;
  const projection = await principalComponents(reference);
  const ranges = rangesOf(await project(reference, projection));
  const pictures: Record<string, RgbImage> = {};
  for (const [way, tensor] of Object.entries(results)) {
    pictures[way] = componentsImage(await project(tensor, projection), ranges, tensor.shape[1], tensor.shape[2]);
  }
  return pictures;
}
