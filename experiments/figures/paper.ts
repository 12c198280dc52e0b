/** The figures of the papers, each made from a checkpoint, label maps and what runs have left. */
import { resizeImage } from '../../src/data/resize';
import type { SrPair } from '../../src/data/sr_pairs';
import type { LabelMap, RgbImage } from '../../src/data/types';
import type { PaintOptions } from '../../src/models/lggan/generator';
import type { LGGAN, LGGANOutput } from '../../src/models/lggan/lggan';
import type { Discriminator } from '../../src/models/discriminator';
import type { RCAN } from '../../src/models/rcan';
import * as tf from '../../src/engine/tf';
import { summariseAblation, type Ablation } from '../ablation/statistics';
import { ablationFigure, ablationTable } from './ablation';
import { EVALUATION_MEASURES, evaluationCurves } from './evaluation_curves';
import { featureUpsampling } from './feature_upsampling';
import type { Figure } from '../../src/figures/figure';
import { imageGrid } from '../../src/figures/grid';
import { classLegend, colourLabels, countPixels } from '../../src/figures/labels';
import { lgganPanel } from '../../src/figures/lggan_panel';
import { type HistoryColumns, lossCurves } from '../../src/figures/loss_curves';
import { discriminatorDiagram } from './network/discriminator_diagram';
import { lgganDiagram } from './network/lggan_diagram';
import { rcanDiagram } from './network/rcan_diagram';
import { perClassLocal } from '../../src/figures/per_class_local';
import { COLUMN } from './print';
import { type EvaluationFile, measuresFigure, resultsFigure } from './results';
import { sauKernels } from '../../src/figures/sau_kernels';
import { sketchLandscape } from './sketch_landscape';
import { srComparison } from '../../src/figures/sr_comparison';

/** What figures are made from. What is not at hand is undefined; the figures that need it are left out. */
export interface PaperInputs {
  generator: LGGAN;
  discriminator: Discriminator;
  labels: readonly { name: string; labels: LabelMap }[];
  /** A generator trained with transposed convolutions. */
  transposed?: LGGAN;
  rcan?: RCAN;
  /** Photos beside their halves. */
  photos?: readonly SrPair[];
  /** History of the generator's training. */
  history?: HistoryColumns;
  /** History of RCAN's training. */
  rcanHistory?: HistoryColumns;
  /** What was measured during the generator's training. */
  evaluation?: HistoryColumns;
  /** What `npm run evaluate -- --json` printed. */
  results?: readonly EvaluationFile[];
  ablation?: Ablation;
}

/** A figure with what its caption says. */
export interface MadeFigure {
  figure: Figure;
  /** What it shows; Markdown. */
  shows: string;
  /** The inputs it was made from. */
  from: readonly (keyof PaperInputs)[];
}

/** Makes a figure, or says in a sentence why it is left out. */
export type FigureMaker = (inputs: PaperInputs) => Promise<MadeFigure | string> | MadeFigure | string;

/** All figures by their names, in the order of the index. */
export const PAPER_FIGURES: Readonly<Record<string, FigureMaker>> = {
  sketch_landscape: async ({ generator, labels, rcan }) => {
    const painted = [];
    for (const { labels: map } of labels) painted.push({ labels: map, image: await paintedLarge(generator, map, rcan) });
    return {
      figure: sketchLandscape(painted, { maxWidth: COLUMN }),
      shows: `Label maps and, at the right of each, the landscape painted for it, enlarged by ${rcan ? 'RCAN' : 'bicubic interpolation'} to twice the network's size.`,
      from: rcan ? ['generator', 'labels', 'rcan'] : ['generator', 'labels'],
    };
  },

  styles: async ({ generator, labels, rcan }) => {
    if (!generator.styles) return 'it needs a generator that is told the style of a photo (npm run train -- --style)';
    const some = labels.slice(0, 3).map((l) => l.labels);
    const scenes = [undefined, 1, 2, 3, 4];
    const rows = [];
    for (const map of some) {
      const row = [colourLabels(map)];
      for (const scene of scenes) row.push(await paintedLarge(generator, map, rcan, { scene }));
      rows.push(row);
    }
    const columnTitles = ['label map', ...scenes.map((scene) => (scene === undefined ? 'of the scene most like it' : `of scene ${scene}`))];
    return {
      figure: imageGrid(rows, { columnTitles, legend: classLegend(some), maxWidth: 2 * COLUMN, cellWidth: 256 }),
      shows:
        'The same label maps in several styles: light and colours of the scene of training that is laid out most like the map, and of others, by number. ' +
        'The network is told them in eight numbers.',
      from: rcan ? ['generator', 'labels', 'rcan'] : ['generator', 'labels'],
    };
  },

  lggan_panel: async ({ generator, labels }) => {
    const some = labels.slice(0, 4).map((l) => l.labels);
    const output = oneByOne(generator, some);
    try {
      return {
        figure: await lgganPanel(output, some, { maxWidth: COLUMN }),
        shows:
          'How an image is put together: the label map, what the global and the local branch paint, how much each counts at every pixel, and the final image, the sum of both by these weights.',
        from: ['generator', 'labels'],
      };
    } finally {
      tf.dispose(Object.values(output));
    }
  },

  class_local: async ({ generator, labels }) => {
    const { name, labels: map } = richest(labels);
    const output = generator.generate(map);
    try {
      return {
        figure: await perClassLocal(output, map, { columns: 4, maxWidth: COLUMN }),
        shows: `What the local branch paints for each class of the label map ${name} by the convolution of that class alone; the local image is put together from them.`,
        from: ['generator', 'labels'],
      };
    } finally {
      tf.dispose(output);
    }
  },

  sau_kernels: async ({ generator, labels }) => {
    const { name, labels: map } = richest(labels);
    const output = generator.generate(map, { attention: true });
    try {
      if (!output.attention) return `it needs a generator with SAU in its local branch; this one was trained with upsampling '${generator.config.upsampling}'`;
      return {
        figure: await sauKernels(output.attention.local[1], map, { title: 'Kernels of SAU at boundaries (left) and inside (right)', columns: 2 }),
        shows:
          `The 25 weights that the second SAU of the local branch gives the window around a pixel, for the label map ${name}: in the left column of kernels pixels at the boundary of two classes, ` +
          'in the right one pixels far from any other class. "own class" is the share of the weight on pixels of the class in the middle, beside it how many of the 25 pixels belong to that class: a uniform window gives the share that the count says.',
        from: ['generator', 'labels'],
      };
    } finally {
      tf.dispose(output);
    }
  },

  feature_upsampling: async ({ generator, labels, transposed }) => {
    if (generator.config.upsampling !== 'sau') return `it compares with SAU, and this generator was trained with upsampling '${generator.config.upsampling}'`;
    const { name, labels: map } = richest(labels);
    return {
      figure: await featureUpsampling(generator, map, { transposed }),
      shows:
        `The features before each SAU of the local branch for the label map ${name}, upsampled by repeating pixels, by bilinear interpolation and by SAU; the two interpolations are followed by SAU's own 1x1 convolution, so that only the upsampling differs. ` +
        'Colours are the first three principal components of what SAU gives, computed once and the same for these columns. ' +
        (transposed
          ? 'The transposed convolution comes from a network trained with it: its features are others, and its colours are its own principal components and do not compare.'
          : 'A column for the transposed convolution is left out: its weights are learned, and no checkpoint trained with it was given (--transposed).'),
      from: transposed ? ['generator', 'labels', 'transposed'] : ['generator', 'labels'],
    };
  },

  losses: ({ history }) => {
    if (!history) return 'it needs the history.csv of a training of the generator (--history)';
    const names = history.columns.filter((c) => Object.hasOwn(LOSS_LABELS, c));
    const marks = stageMarks(history);
    return {
      figure: lossCurves(history, { title: 'Losses, weighted as they are summed', names, labels: LOSS_LABELS, marks, width: COLUMN }),
      shows:
        'Every loss of the training by step, weighted as it enters the sum: the value of each step in pale blue, over it the mean of the steps around it. ' +
        (marks.length
          ? 'The dotted line is the start of stage 2, where the weights change; the curves jump there for that reason alone.'
          : 'The run has one stage.'),
      from: ['history'],
    };
  },

  losses_rcan: ({ rcanHistory }) => {
    if (!rcanHistory) return 'it needs the history.csv of a training of RCAN (--history)';
    return {
      figure: lossCurves(rcanHistory, {
        title: 'Training of RCAN',
        names: rcanHistory.columns.filter((c) => Object.hasOwn(RCAN_LABELS, c)),
        labels: RCAN_LABELS,
        width: COLUMN,
      }),
      shows: 'The mean absolute difference of the training patches by step, pale for each step and smoothed over it, and PSNR on the validation pairs.',
      from: ['rcanHistory'],
    };
  },

  evaluation: ({ evaluation, history }) => {
    if (!evaluation || !EVALUATION_MEASURES.some((m) => evaluation.series(m.column).values.length)) {
      return 'it needs the evaluation.csv that a training with --val_path leaves (--evaluation)';
    }
    return {
      figure: evaluationCurves(evaluation, { marks: history && stageMarks(history) }),
      shows: 'What was measured on the validation pairs during training; the circle is the best value, which says nothing of another set.',
      from: history ? ['evaluation', 'history'] : ['evaluation'],
    };
  },

  rcan_bicubic: async ({ rcan, photos }) => {
    if (!rcan) return 'it needs a trained RCAN (--rcan)';
    if (!photos?.length) return 'it needs photos (--photos)';
    const examples = [];
    for (const { name, low, high } of photos.slice(0, 4)) {
      const bicubic = resizeImage(low, [high.height, high.width], 'bicubic');
      examples.push({ name, low, high, results: { bicubic, RCAN: await rcan.upscale(low) } });
    }
    return {
      figure: srComparison(examples, { title: `Super-resolution ×${rcan.config.scale}: RCAN against bicubic interpolation`, maxWidth: COLUMN }),
      shows:
        'Photos halved by bicubic interpolation and enlarged again, by bicubic interpolation and by RCAN, beside the photo itself. PSNR is of the whole picture, the crop shows its busiest part.',
      from: ['rcan', 'photos'],
    };
  },

  results: ({ results }) => {
    if (!results?.length) return 'it needs what `npm run evaluate -- --json` prints, in a file (--results)';
    return {
      figure: resultsFigure(results),
      shows:
        "The results in the form of the original's table, its two published rows below. A dash stands for what was not measured; the score needs all three parts.",
      from: ['results'],
    };
  },

  measures: ({ results }) => {
    if (!results?.length) return 'it needs what `npm run evaluate -- --json` prints, in a file (--results)';
    return {
      figure: measuresFigure(results),
      shows:
        'Every measured figure with its interval, and beside it the same of real images (the ceiling) and of images that show each class in its mean colour (the floor).',
      from: ['results'],
    };
  },

  network_lggan: ({ generator }) => ({
    figure: lgganDiagram(generator),
    shows:
      "The generator, drawn from the built network: names of its blocks as in the original's checkpoints, shapes from a forward pass, counts from its parameters.",
    from: ['generator'],
  }),

  network_discriminator: ({ discriminator, generator }) => ({
    figure: discriminatorDiagram(discriminator, generator.config.imageSize),
    shows: 'The discriminator, drawn from the built network in the same way.',
    from: ['discriminator'],
  }),

  network_rcan: ({ rcan, generator }) => {
    if (!rcan) return 'it needs an RCAN (--rcan)';
    return {
      figure: rcanDiagram(rcan, generator.config.imageSize),
      shows: 'RCAN, drawn from the built network in the same way, with the inside of a group and of a block. + is a sum, × a product channel by channel.',
      from: ['rcan'],
    };
  },

  ablation: ({ ablation }) => {
    if (!ablation) return 'it needs what the ablation leaves (--ablation)';
    const compared = summariseAblation(ablation).filter((s) => s.verdict !== 'baseline');
    const beyond = compared.filter((s) => s.verdict === 'better' || s.verdict === 'worse').length;
    return {
      figure: ablationFigure(ablation),
      shows:
        `Each dot is a training with another seed; each variant differs from the baseline in one point. Of ${compared.length} comparisons ${beyond} go beyond the spread of the seeds: ` +
        'there the means differ by more than both standard deviations together. Of the others nothing is claimed.',
      from: ['ablation'],
    };
  },

  ablation_table: ({ ablation }) => {
    if (!ablation) return 'it needs what the ablation leaves (--ablation)';
    return {
      figure: ablationTable(ablation),
      shows: 'Means and standard deviations over the seeds, and whether a difference is larger than their spread.',
      from: ['ablation'],
    };
  },
};

const LOSS_LABELS: Readonly<Record<string, string>> = {
  generator: 'generator, sum',
  discriminatorFake: 'discriminator, painted',
  discriminatorReal: 'discriminator, photos',
  discriminatorMix: 'discriminator, LabelMix',
  gan: 'adversarial (hinge)',
  projected: 'adversarial, by VGG19',
  featureMatching: 'feature matching',
  vgg: 'perceptual (VGG19)',
  l1: 'L1',
  local: 'local L1',
  classScore: 'class score',
  totalVariation: 'total variation',
};

const RCAN_LABELS: Readonly<Record<string, string>> = {
  loss: 'L1 (of 255)',
  psnrRgb: 'PSNR, RGB (dB)',
  psnrY: 'PSNR, Y (dB)',
};

/** Where a run's second stage begins. */
function stageMarks(history: HistoryColumns): { x: number; label: string }[] {
  const { steps, values } = history.series('stage');
  const at = values.indexOf(2);
  return at > 0 ? [{ x: steps[at], label: 'stage 2' }] : [];
}

/** The label map with the most classes; of several the first. */
function richest(labels: PaperInputs['labels']): PaperInputs['labels'][number] {
  const classes = labels.map(({ labels: map }) => countPixels([map]).filter((n) => n > 0).length);
  return labels[classes.indexOf(Math.max(...classes))];
}

/** The images and weights of several maps in one batch, painted one after the other since a batch takes the memory of all at once. */
function oneByOne(generator: LGGAN, maps: readonly LabelMap[]): Pick<LGGANOutput, 'final' | 'global' | 'local' | 'weights'> {
  const outputs = maps.map((map) => {
    const { final, global, local, weights, ...rest } = generator.generate(map);
    tf.dispose(rest);
    return { final, global, local, weights };
  });
  const all = (key: keyof (typeof outputs)[number]) => tf.concat(outputs.map((o) => o[key]));
  try {
    return { final: all('final'), global: all('global'), local: all('local'), weights: all('weights') };
  } finally {
    tf.dispose(outputs);
  }
}

/** Twice the network's size. */
async function paintedLarge(generator: LGGAN, map: LabelMap, rcan?: RCAN, options?: PaintOptions): Promise<RgbImage> {
  const [image] = await generator.paint([map], options);
  return rcan ? rcan.upscale(image) : resizeImage(image, [2 * image.height, 2 * image.width]);
}
