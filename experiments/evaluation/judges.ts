/** Which networks judge a set: those of others where their files are at hand, the judge that comes with the project where they are not. */
import { existsSync } from 'node:fs';
import type { LabelMap } from '../../src/data/types';
import { UserError } from '../../src/common/errors';
import { Inception } from '../../tools/judges/inception';
import { findInception } from '../../tools/judges/inception_weights';
import { Nima } from '../../tools/judges/nima';
import { hasOnnxRuntime } from '../../tools/judges/onnx';
import { SceneSegmenter } from '../../tools/judges/scene_segmenter';
import type { Segmenter } from '../../tools/judges/segmenter';
import { findWeights } from '../../tools/judges/weights';
import { AestheticJudge } from '../../tools/judges/aesthetic';
import { CarriedJudge, JUDGE_FILE } from '../../tools/judges/carried_judge';
import type { Judges } from './evaluator';
import { SceneJudge, judgedShare } from '../../tools/judges/scene_judge';

export interface FindJudgesOptions {
  /** Where the networks lie. Default 'checkpoints'. */
  folder?: string;
  /**
   * `independent`: the scene segmenter, or none. `own`: the judge that comes with the project. `auto` (default): the scene segmenter where its
   * file is at hand and it has learnt the classes of at least `LEAST_JUDGED` of the pixels, else the project's judge.
   */
  segmenter?: 'auto' | 'independent' | 'own';
  /** The project's judge, or one trained anew (`npm run train-judge`). Default `JUDGE_FILE`. */
  judge?: string;
  /** A segmenter that stands in for that judge, such as one trained on this very set. It is disposed of with the judges. */
  own?: Segmenter;
}

export interface FoundJudges extends Judges {
  missing: string[];
  /** Which segmenter judges, and why; a sentence. */
  choice: string;
  dispose(): Promise<void>;
}

/** Share of the pixels that the scene segmenter must be able to judge to be chosen by `auto`. */
export const LEAST_JUDGED = 0.75;

const HOW = '`npm run download -- weights` says how to get it';

/**
 * The judges for images of these label maps. What is not at hand is left out, and `missing` says so. Without the canonical Inception Frechet
 * and kernel distances are of the features of the project's judge, under another name, unless only `independent` judges are wanted.
 * @throws UserError for files with another checksum, or a judge that is none
 */
export async function findJudges(maps: readonly LabelMap[], options: FindJudgesOptions = {}): Promise<FoundJudges> {
  const { folder = 'checkpoints', segmenter: wanted = 'auto', judge = JUDGE_FILE } = options;
  const missing: string[] = [];
  const runs = await hasOnnxRuntime();
  const onnx = (name: 'segmenter' | 'aesthetic') => (runs ? findWeights(name, folder) : undefined);
  const why = (file: string) => (runs ? `${folder}/${file} is not there; ${HOW}` : 'onnxruntime-node is not installed');
  const share = judgedShare(maps);
  const learnt = `it has learnt the classes of ${(100 * share).toFixed(0)} % of the pixels`;

  const sceneFile = onnx('segmenter');
  const inception = findInception(folder);
  const mayOwn = wanted !== 'independent' && (options.own !== undefined || options.judge !== undefined || existsSync(judge));
  const byOthers = wanted !== 'own' && sceneFile && (share >= LEAST_JUDGED || !mayOwn);
  if (wanted === 'own' && !mayOwn) {
    throw new UserError(
      `${judge}, the judge that comes with the project, is missing; \`git checkout ${judge}\` brings it back, or train one with \`npm run train-judge\`.`,
    );
  }
  const own = options.own ?? (mayOwn && !(byOthers && inception) ? await CarriedJudge.load(judge) : undefined);

  let scene: SceneJudge | undefined;
  let choice: string;
  if (byOthers) {
    scene = new SceneJudge(await SceneSegmenter.load(sceneFile));
    choice = `Mask accuracy by the scene segmenter of others: ${learnt}.`;
  } else if (own) {
    const reason = wanted === 'own' ? 'as asked' : sceneFile ? `since of the scene segmenter, ${learnt}` : `since ${why('mosaic_ade20k.onnx')}`;
    const which = options.own ? 'a segmenter that was trained on this set and compares within it only' : `the project's own judge (${judge})`;
    choice = `Mask accuracy by ${which}, ${reason}.`;
  } else {
    choice = `Mask accuracy and mIoU are left out: ${why('mosaic_ade20k.onnx')}.`;
    missing.push(choice);
  }

  const features = inception ? await Inception.load(inception) : own?.featureNetwork();
  if (!inception) {
    missing.push(
      `FID and KID of the canonical Inception are left out: ${folder}/inception_2015_12_05.pt is not there; ${HOW}.` +
        (features ? " The distances shown are of the own judge's features: they compare among themselves, not with published figures." : ''),
    );
  }
  const nimaFile = onnx('aesthetic');
  const aesthetic = nimaFile ? new AestheticJudge(await Nima.load(nimaFile)) : undefined;
  if (!aesthetic) missing.push(`The aesthetic score, and with it the total, is left out: ${why('nima_mobilenet.onnx')}.`);

  return {
    segmenter: scene ?? own,
    features,
    others: aesthetic ? [aesthetic] : [],
    missing,
    choice,
    async dispose() {
      await scene?.dispose();
      await aesthetic?.dispose();
      features?.dispose();
      own?.dispose();
    },
  };
}
