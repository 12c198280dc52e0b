import { UserError } from '../../src/common/errors';
import type { LabelMap } from '../../src/data/types';
import { sizesOf, type Metric } from '../../src/metrics/metric';

/**
 * How often the features of a class are taken for that class: the share of the classes present in each label map whose row of scores is
 * largest at the class itself. `scores`, by image, [classes][classes] as `LGGANOutput.scores` has them.
 * @throws UserError where no class stands in any map
 */
export function classScoreAccuracy(scores: readonly (readonly (readonly number[])[])[], labels: readonly LabelMap[]): Metric {
  let [right, all] = [0, 0];
  labels.forEach(({ data }, b) => {
    const present = new Set(data);
    scores[b].forEach((row, c) => {
      if (!present.has(c)) return;
      all++;
      if (row.every((v, other) => other === c || v < row[c])) right++;
    });
  });
  if (!all) throw new UserError('class score accuracy: no class stands in the label maps.');
  return {
    name: 'class score accuracy',
    value: right / all,
    unit: 'share of the classes of the images',
    n: { generated: labels.length },
    sizes: { generated: sizesOf(labels) },
    notes: ["by the generator's own classifier of features, which never sees an image"],
  };
}
