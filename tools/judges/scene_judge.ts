import { ADE20K_NAMES, GROUP_OF_ADE20K, GROUP_OF_CLASS, JUDGED_GROUPS } from './ade20k';
import { IGNORE, type LabelMap, type RgbImage } from '../../src/data/types';
import type { SceneSegmenter } from './scene_segmenter';
import type { MaskSegmenter } from './mask_accuracy';

/**
 * The scene segmenter as a judge of mask accuracy, in the groups of `JUDGED_GROUPS`: nobody trained it here, and it never saw the set.
 * Each image is looked at once, as a whole. The last of its classes stands for everything that is in no group.
 */
export class SceneJudge implements MaskSegmenter {
  readonly config = { classes: JUDGED_GROUPS.length + 1, imageSize: [512, 512] as const };
  readonly groups = {
    names: [...JUDGED_GROUPS.map((g) => g.name), 'something else'],
    truth: ({ data, height, width }: LabelMap): LabelMap => ({ data: data.map((c) => GROUP_OF_CLASS[c] ?? IGNORE), height, width }),
  };

  constructor(private readonly segmenter: Pick<SceneSegmenter, 'name' | 'look' | 'dispose'>) {}

  get name(): string {
    return `${this.segmenter.name}; ${ADE20K_NAMES.length - 1} classes in ${JUDGED_GROUPS.length} groups`;
  }

  /** Groups of the pixels, [512, 512]. */
  async segment(images: readonly RgbImage[]): Promise<LabelMap[]> {
    const maps: LabelMap[] = [];
    for (const image of images) {
      const seen = await this.segmenter.look(image);
      maps.push({ ...seen, data: seen.data.map((c) => GROUP_OF_ADE20K[c]) });
    }
    return maps;
  }

  async dispose(): Promise<void> {
    await this.segmenter.dispose();
  }
}

/** Share of the pixels with a class whose class is in one of the groups, 0..1: how much of a set the scene segmenter can judge. */
export function judgedShare(maps: Iterable<LabelMap>): number {
  let [judged, all] = [0, 0];
  for (const { data } of maps) {
    for (const c of data) {
      if (c === IGNORE) continue;
      all++;
      if (GROUP_OF_CLASS[c] !== IGNORE) judged++;
    }
  }
  return all ? judged / all : 0;
}
