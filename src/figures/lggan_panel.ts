import { CLASSES } from '../classes';
import type { LabelMap, RgbImage } from '../data/types';
import type { GeneratorOutput } from '../models/lggan/generator';
import { heatMap } from './colours';
import { type Cell, type GridSheet, imageGrid } from './grid';
import { resizeForDisplay, resizeNearest } from './images';
import { type ClassStyles, classLegend, colourLabels } from './labels';
import { imagesFromTensor, mapsFromTensor } from '../data/tensors';

export interface PanelOptions {
  title?: string;
  /** The photos that belong to the label maps. */
  photos?: readonly RgbImage[];
  classes?: ClassStyles;
  maxWidth?: number;
}

/**
 * How LGGAN puts an image together: label map, global and local image, the two weight maps, the final image, and the
 * photo if there is one. One label map fills two rows, several take a row each. Of a generator with one branch alone there is its image
 * only. The output is not disposed.
 */
export async function lgganPanel(
  output: Pick<GeneratorOutput, 'final' | 'global' | 'local' | 'weights'>,
  labels: LabelMap | readonly LabelMap[],
  options: PanelOptions = {},
): Promise<GridSheet> {
  const { title = 'How the image is put together', photos, classes = CLASSES, maxWidth } = options;
  const maps = 'data' in labels ? [labels] : labels;
  const finals = await imagesFromTensor(output.final);
  const { global, local, weights } = output;
  const parts = global &&
    local &&
    weights && {
      globals: await imagesFromTensor(global),
      locals: await imagesFromTensor(local),
      weights: await mapsFromTensor(weights),
    };
  const rows = await Promise.all(
    maps.map(async (map, b): Promise<Record<string, Cell>> => {
      const { width, height } = finals[b];
      return {
        'label map': { image: resizeNearest(colourLabels(map, classes), width, height), exact: true },
        ...(parts && {
          'global image': { image: parts.globals[b] },
          'local image': { image: parts.locals[b] },
          'weight of the global image': { image: heatMap(parts.weights[b][1]) },
          'weight of the local image': { image: heatMap(parts.weights[b][0]) },
        }),
        'final image': { image: finals[b] },
        ...(photos?.[b] ? { photo: { image: await resizeForDisplay(photos[b], width, height) } } : {}),
      };
    }),
  );
  const common = {
    title,
    legend: classLegend(maps, classes),
    ...(parts && { colourBar: { min: 0, max: 1, label: 'weight' } }),
    maxWidth,
  };
  if (rows.length > 1) {
    const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    return imageGrid(
      rows.map((row) => names.map((name) => row[name])),
      { ...common, columnTitles: names },
    );
  }
  // Each branch stands over its weight, the label map over what becomes of it.
  const cells = (names: string[]) => names.filter((name) => rows[0][name]).map((name) => ({ ...rows[0][name], caption: name }));
  const above = cells(['label map', 'global image', 'local image', 'photo']);
  return imageGrid([above, cells(['final image', 'weight of the global image', 'weight of the local image'])], common);
}
