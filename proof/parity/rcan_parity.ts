import { guessNetwork } from '../../src/models/config_from_shapes';
import { RCAN, type RCANConfig } from '../../src/models/rcan';
import { withoutDrawing } from '../../src/layers/core/parameters';
import { UserError } from '../../src/common/errors';
import * as tf from '../../src/engine/tf';
import { compareArray, compareSummary, type Summary, type Values } from './compare';
import type { GoldenFolder } from './folder';
import { applyFormula, type GoldenIndex } from './formula';
import { original } from './generator';
import type { Section } from './row';

/**
 * RCAN: a small one (its size is read off the list of names in NAME.json) on the input of NAME.npz, with what lies between its groups; and
 * the full one, which is shown without a limit.
 */
export function rcanSections(folder: GoldenFolder, name: string): Section[] {
  const arrays = folder.arrays(name);
  const document = folder.document(name);
  const index = document.small_index as GoldenIndex | undefined;
  const input = arrays.get('in');
  if (!index || !input) return [];
  if (input.shape.length !== 4 || input.shape[1] !== 3)
    throw new UserError(`${folder.file(`${name}.npz`)}: in has the shape [${input.shape}]; it has to be [B,3,H,W].`);
  const x = tf.tidy(() => tf.transpose(tf.tensor(input.data, input.shape as [number], 'float32') as tf.Tensor, [0, 2, 3, 1]) as tf.Tensor4D);
  const section: Section = { title: `RCAN (${name})`, reference: folder.upstream, rows: [], notes: [] };
  try {
    const small = withoutDrawing(() => new RCAN(sizeOf(index, document)));
    applyFormula(small.parameters, index, folder.formula);
    const inside = runRcan(small, x);
    small.dispose();
    for (const [key, array] of arrays) {
      if (key === 'in') continue;
      section.rows.push(compareArray(key, inside.get(key), array));
    }
    const summary = document.full_out as Summary | undefined;
    if (summary) {
      const { row, note } = fullRow(folder, x, summary);
      section.rows.push(row);
      section.notes.push(note);
    }
  } finally {
    x.dispose();
  }
  return [section];
}

/** 10 groups of 20 blocks: with these weights every block adds to the features, and rounding grows with them. */
function fullRow(folder: GoldenFolder, x: tf.Tensor4D, summary: Summary) {
  const full = withoutDrawing(() => new RCAN());
  const run = (nudged: boolean) => {
    applyFormula(full.parameters, undefined, folder.formula, nudged);
    return runRcan(full, x).get('out')!;
  };
  const [ours, nudged] = [run(false), run(true)];
  full.dispose();
  const row = compareSummary('out of the full network', ours, summary);
  const own = compareArray('', nudged, ours);
  return {
    row: { ...row, limit: undefined, note: 'not judged, see below' },
    note:
      `The full network cannot be compared with these weights: its features grow to ${own.scale.toFixed(0)} through 200 blocks, and moving every weight by ` +
      `the last bit of float32 alone changes its output by ${(own.error / own.scale).toExponential(1)} of its scale. Tests hold it against PyTorch in float64 with smaller weights.`,
  };
}

/** By the golden files' names: `out` and what lies between the parts. */
function runRcan(rcan: RCAN, x: tf.Tensor4D): Map<string, Values> {
  const values = new Map<string, Values>();
  tf.tidy(() => {
    values.set('out', original(rcan.forward(x)));
    const shifted = rcan.subtractMean(x);
    const shallow = rcan.head.apply(shifted);
    values.set('after_sub_mean', original(shifted));
    values.set('after_head', original(shallow));
    let deep = shallow;
    rcan.groups.forEach((group, i) => values.set(`after_group${i}`, original((deep = group.apply(deep)))));
    values.set('after_body_before_skip', original(rcan.closing.apply(deep)));
  });
  return values;
}

/** The size of the small network, by its list of names and shapes. */
function sizeOf(index: GoldenIndex, document: Record<string, unknown>): Partial<RCANConfig> {
  const guess = guessNetwork('small_index', new Map(index.map(([, name, shape]) => [name, { shape }])));
  if (guess.network !== 'RCAN') throw new UserError('small_index names no RCAN.');
  const mean = (document.small_meanshift as Record<string, number[]> | undefined)?.['add_mean.bias'];
  return { ...guess.config, rgbMean: mean?.map((v) => v / 255) };
}
