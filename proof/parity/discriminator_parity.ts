import { LabelPyramid } from '../../src/layers/neighbourhoods/label_pyramid';
import { averageHalf } from '../../src/models/discriminator';
import * as tf from '../../src/engine/tf';
import { compareArray, type Values } from './compare';
import { imageBatch, labelMaps } from './folder';
import { original } from './generator';
import type { GoldenNetworks } from './networks';
import type { Section } from './row';
import { UserError } from '../../src/common/errors';

/** The discriminator's layers on the folder's label map beside its image, as far as NAME.npz holds them. */
export function discriminatorSections(networks: GoldenNetworks, name: string): Section[] {
  const { folder } = networks;
  const arrays = folder.arrays(name);
  const expected = [...arrays].filter(([key]) => key.startsWith('D/'));
  if (!expected.length) return [];
  const [label, image] = [arrays.get('in/label'), arrays.get('in/image')];
  const where = folder.file(`${name}.npz`);
  if (!label || !image)
    throw new UserError(`${where}: there is no in/${label ? 'image' : 'label'} in it; the discriminator's layers cannot be compared without.`);
  const { discriminator } = networks;
  const maps = labelMaps(label, where, discriminator.config.classes);
  const actual = new Map<string, Values>();
  const labels = new LabelPyramid(maps, discriminator.config.classes);
  tf.tidy(() => {
    const batch = imageBatch(image, where, maps);
    const images = tf.transpose(tf.tensor(batch.data, batch.shape as [number]) as tf.Tensor, [0, 2, 3, 1]) as tf.Tensor4D;
    discriminator
      .forward(labels.at(labels.height, labels.width).oneHot, images)
      .forEach((layers, s) => layers.forEach((x, l) => actual.set(`D/scale${s}_feat${l}`, original(x))));
    actual.set('D/downsampled_input_last3ch', original(averageHalf(images, discriminator.behaviour.averagePool === 'original')));
  });
  labels.dispose();
  const tolerances = folder.tolerances(name);
  const rows = expected.map(([key, array]) =>
    compareArray(key, actual.get(key), array, { tolerance: 4 * (tolerances.arrays[key]?.[0] ?? 0), group: 'layers of the discriminator' }),
  );
  return [{ title: `discriminator (${name})`, reference: folder.upstream, rows, notes: [] }];
}
