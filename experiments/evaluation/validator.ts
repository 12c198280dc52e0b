import type { Choice } from '../../src/common/config';
import { transformPair } from '../../src/data/batches';
import { itemsOf } from '../../src/data/dataset';
import type { PairDataset, RgbImage, Size } from '../../src/data/types';
import { Inception } from '../../tools/judges/inception';
import { findInception } from '../../tools/judges/inception_weights';
import { extractFeatures } from '../../tools/judges/features';
import { fid } from '../../tools/judges/fid';
import { maskAccuracy, type Judged } from '../../tools/judges/mask_accuracy';
import type { Generator } from '../../src/models/lggan/generator';
import { hasOnnxRuntime } from '../../tools/judges/onnx';
import { SceneJudge } from '../../tools/judges/scene_judge';
import { SceneSegmenter } from '../../tools/judges/scene_segmenter';
import { findWeights } from '../../tools/judges/weights';

/**
 * What chooses the best checkpoint, less being better: FID by the canonical Inception where its weights are in `checkpoints/`, else the
 * mean absolute difference from the photos. Where the scene segmenter is there too, it measures mask accuracy beside it.
 */
export async function validator(pairs: PairDataset, imageSize: Size, crop: Choice) {
  const weights = findInception();
  const inception = weights ? await Inception.load(weights) : undefined;
  const sceneFile = (await hasOnnxRuntime()) ? findWeights('segmenter') : undefined;
  const judge = sceneFile ? new SceneJudge(await SceneSegmenter.load(sceneFile)) : undefined;
  const all = async function* () {
    for await (const pair of itemsOf(pairs)) yield transformPair(pair, { imageSize, crop });
  };
  const measure = async (generator: Generator): Promise<{ chooses: Record<string, number>; masks: Record<string, number> }> => {
    const photos: RgbImage[] = [];
    const painted: Judged[] = [];
    for await (const { image, labels } of all()) {
      photos.push(image);
      painted.push({ image: (await generator.paint([labels]))[0], labels });
    }
    const images = painted.map((p) => p.image);
    const accuracy = judge && (await maskAccuracy(judge, painted)).accuracy.value;
    const masks: Record<string, number> = accuracy !== undefined && Number.isFinite(accuracy) ? { maskAccuracy: accuracy } : {};
    if (inception) return { chooses: { FID: fid(await extractFeatures(photos, inception), await extractFeatures(images, inception)).value }, masks };
    const difference = (a: RgbImage, b: RgbImage) => a.data.reduce((sum, v, i) => sum + Math.abs(v - b.data[i]), 0) / a.data.length;
    return { chooses: { meanDifference: photos.reduce((sum, photo, i) => sum + difference(photo, images[i]), 0) / photos.length }, masks };
  };
  const by = inception ? `FID (${inception.name})` : 'mean absolute difference from the photos (for FID put Inception into checkpoints/)';
  return { measure, by: `${by} on ${pairs.length} pairs of ${pairs.source}`, dispose: async () => judge?.dispose() };
}
