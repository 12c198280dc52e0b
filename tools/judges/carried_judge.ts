import { CLASS_NAMES } from '../../src/classes';
import { UserError } from '../../src/common/errors';
import { IGNORE, type LabelMap, type RgbImage } from '../../src/data/types';
import { Segmenter } from './segmenter';
import type { FeatureNetwork } from './feature_network';
import type { MaskSegmenter } from './mask_accuracy';

/** The judge that comes with the project. */
export const JUDGE_FILE = 'checkpoints/pretrained/judge.safetensors';

/** Classes that no picture tells apart, or that one set names so and another otherwise. */
const ALIKE: readonly (readonly string[])[] = [
  ['mountain', 'hill'],
  ['water', 'sea', 'river', 'lake'],
  ['grass', 'field'],
  ['earth', 'land'],
  ['road', 'path'],
  ['building', 'house'],
  ['boat', 'ship'],
];

/**
 * A trained segmenter as a judge of mask accuracy on sets that it never saw. It counts in groups of classes that are alike, and only in those
 * of which it has learnt a class (`Segmenter.learnt`); pixels of other classes are left out, and counted. The last group is everything else
 * that it may say.
 */
export class CarriedJudge implements MaskSegmenter {
  readonly config;
  readonly groups;
  /** Group of each class, or IGNORE. */
  readonly groupOfClass: readonly number[];

  constructor(readonly segmenter: Segmenter) {
    const learnt = segmenter.learnt ?? CLASS_NAMES.map((_, c) => c);
    const all = CLASS_NAMES.slice(0, segmenter.config.classes).map((name) => ALIKE.find((group) => group.includes(name)) ?? [name]);
    const judged = [...new Set(learnt.map((c) => all[c]))];
    this.groupOfClass = all.map((group) => (judged.includes(group) ? judged.indexOf(group) : IGNORE));
    this.config = { classes: judged.length + 1, imageSize: segmenter.config.imageSize };
    this.groups = {
      names: [...judged.map((group) => group.join(', ')), 'something else'],
      truth: ({ data, height, width }: LabelMap): LabelMap => ({ data: data.map((c) => this.groupOfClass[c] ?? IGNORE), height, width }),
    };
  }

  /** @throws UserError that names the file where it holds no segmenter of the 29 classes */
  static async load(file = JUDGE_FILE): Promise<CarriedJudge> {
    const segmenter = await Segmenter.load(file);
    if (segmenter.config.classes === CLASS_NAMES.length) return new CarriedJudge(segmenter);
    const { classes } = segmenter.config;
    segmenter.dispose();
    throw new UserError(
      `${file}: this segmenter has ${classes} classes, the judge needs the ${CLASS_NAMES.length} of this project; train one with \`npm run train-judge\`.`,
    );
  }

  get name(): string {
    return `${this.segmenter.name}; in ${this.config.classes - 1} groups`;
  }

  /** Groups of the pixels, at the network's size. */
  segment(images: readonly RgbImage[]): LabelMap[] {
    const rest = this.config.classes - 1;
    return this.segmenter.segment(images).map((map) => ({ ...map, data: map.data.map((c) => Math.min(this.groupOfClass[c], rest)) }));
  }

  /** For Frechet and kernel distances where there is no Inception. */
  featureNetwork(): FeatureNetwork {
    return this.segmenter.featureNetwork();
  }

  dispose(): void {
    this.segmenter.dispose();
  }
}
