/** Which networks judge a set: those of others where their files are at hand, the project's own segmenter where it has to. */
import type { LabelMap, PairDataset } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { Inception } from '../../src/judges/inception';
import { findInception } from '../../src/judges/inception_weights';
import { Nima } from '../../tools/judges/nima';
import { hasOnnxRuntime } from '../../tools/judges/onnx';
import { SceneSegmenter } from '../../tools/judges/scene_segmenter';
import type { Segmenter } from '../../src/judges/segmenter';
import { findWeights } from '../../tools/judges/weights';
import { AestheticJudge } from '../../tools/judges/aesthetic';
import type { Judges, OnProgress } from '../../src/metrics/evaluation';
import { SceneJudge, judgedShare } from '../../tools/judges/scene_judge';
import { trainSegmenter } from '../../src/training/segmenter';

export interface FindJudgesOptions {
  /** Where the networks lie. Default 'checkpoints'. */
  folder?: string;
  /**
   * `independent`: the scene segmenter, or none. `own`: the project's own, trained on `train`. `auto` (default): the scene segmenter where its file is at
   * hand and it has learnt the classes of at least `LEAST_JUDGED` of the pixels, else the own one.
   */
  segmenter?: 'auto' | 'independent' | 'own';
  /** Real pairs for the own segmenter; without them it is not trained. */
  train?: PairDataset;
  /** Training steps of the own segmenter. Default 300. */
  steps?: number;
  /**
   * The own segmenter, already trained: it judges where it would have been trained, and its features serve where there is no Inception. It is
   * disposed of with the judges.
   */
  own?: Segmenter;
  onProgress?: OnProgress;
}

export interface FoundJudges extends Judges {
  missing: string[];
  /** Which segmenter judges, and why; a sentence. */
  choice: string;
  /** The own segmenter, where it was trained. */
  own?: Segmenter;
  dispose(): Promise<void>;
}

/** Share of the pixels that the scene segmenter must be able to judge to be chosen by `auto`. */
export const LEAST_JUDGED = 0.75;

const HOW = '`npm run download -- weights` says how to get it';

/**
 * The judges for images of these label maps. What is not at hand is left out, and `missing` says so. FID and KID fall back to the own
 * segmenter's features, under another name, only where that segmenter judges anyway, or is given.
 * @throws UserError for files with another checksum
 */
export async function findJudges(maps: readonly LabelMap[], options: FindJudgesOptions = {}): Promise<FoundJudges> {
  const { folder = 'checkpoints', segmenter: wanted = 'auto', train, steps = 300, onProgress } = options;
  const missing: string[] = [];
  const runs = await hasOnnxRuntime();
  const onnx = (name: 'segmenter' | 'aesthetic') => (runs ? findWeights(name, folder) : undefined);
  const why = (file: string) => (runs ? `${folder}/${file} is not there; ${HOW}` : 'onnxruntime-node is not installed');
  const share = judgedShare(maps);
  const learnt = `it has learnt the classes of ${(100 * share).toFixed(0)} % of the pixels`;

  let scene: SceneJudge | undefined;
  let choice: string;
  const sceneFile = onnx('segmenter');
  let own = options.own;
  const mayOwn = wanted !== 'independent' && (train !== undefined || own !== undefined);
  if (wanted !== 'own' && sceneFile && (wanted === 'independent' || share >= LEAST_JUDGED || !mayOwn)) {
    scene = new SceneJudge(await SceneSegmenter.load(sceneFile));
    choice = `Mask accuracy by the scene segmenter of others: ${learnt}.`;
  } else if (mayOwn) {
    own ??= await trainSegmenter(train!, { steps }, onProgress);
    const reason = wanted === 'own' ? 'as asked' : sceneFile ? `since of the scene segmenter, ${learnt}` : `since ${why('mosaic_ade20k.onnx')}`;
    choice = `Mask accuracy by the project's own segmenter, trained on real pairs of the set, ${reason}; it compares within this set only.`;
  } else {
    if (wanted === 'own') throw new UserError('the own segmenter needs real pairs to learn from; give a training set.');
    choice = `Mask accuracy and mIoU are left out: ${why('mosaic_ade20k.onnx')}.`;
    missing.push(choice);
  }

  const inception = findInception(folder);
  const features = inception ? await Inception.load(inception) : own?.featureNetwork();
  if (!inception) {
    missing.push(
      `FID and KID of the canonical Inception are left out: ${folder}/inception_2015_12_05.pt is not there; ${HOW}.` +
        (features ? " The distances shown are of the own segmenter's features and compare within this set only." : ''),
    );
  }
  const nimaFile = onnx('aesthetic');
  const aesthetic = nimaFile ? new AestheticJudge(await Nima.load(nimaFile)) : undefined;
  if (!aesthetic) missing.push(`The aesthetic score, and with it the total, is left out: ${why('nima_mobilenet.onnx')}.`);

  return {
    segmenter: scene ?? (mayOwn ? own : undefined),
    features,
    others: aesthetic ? [aesthetic] : [],
    missing,
    choice,
    own,
    async dispose() {
      await scene?.dispose();
      await aesthetic?.dispose();
      features?.dispose();
      own?.dispose();
    },
  };
}
