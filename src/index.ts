/** All that a notebook imports: `import { ... } from './src'`. */
export * as tf from './engine/tf';
export { engineInfo } from './engine/tf';
export { UserError } from './common/errors';
export { first, keep, notebookSettings, prepareDataset, tensorsLeft, writeText } from './notebook/notebook';
export { CLASSES, CLASS_NAMES, NUM_CLASSES } from './classes';

export { IGNORE, type LabelMap, type Pair, type PairDataset, type RgbImage } from './data/types';
export { memoryPairs, subset } from './data/dataset';
export { folderPairs, imageFolder, labelFolder } from './data/pairs';
export { readMapping } from './data/mapping';
export { readImage, writeJpeg, writePng } from './data/image';
export { resizeImage, resizeLabels } from './data/resize';
export { splitDataset } from './data/split';
export { bicubicEnlarged, constructSrDataset, srFolder } from './data/sr_pairs';
export { embeddedDataset, splitFolder } from './data/embedded';
export { paintedLandscapes, photographs } from './data/carried';
export { CropBatches, centreCrops, heldOutCrops, srCrops } from './data/crops';
export { RARE_SYNONYMS, SYNONYMS } from './data/synonyms';
export { datasetStatistics } from './data/statistics';
export { type FloatMap, imageFromTensor, imagesFromTensor, mapsFromTensor } from './data/tensors';
export { TrainingBatches, transformPair } from './data/batches';
export { SrPatches } from './data/sr_batches';

export { LGGAN, type LGGANOutput } from './models/lggan/lggan';
export { type LGGANConfig } from './models/lggan/config';
export { type Generator, type GeneratorOutput } from './models/lggan/generator';
export { createGenerator } from './models/lggan/single_branch';
export { AVERAGE_STYLE, styleOf, styleOfImage } from './layers/style';
export { Discriminator } from './models/discriminator';
export { RCAN } from './models/rcan';
export { Vgg19 } from './judges/vgg19';
export { chooseCheckpoint, findCheckpoint, loadGenerator, loadLGGAN, loadRCAN, pretrained } from './models/pretrained';

export { inspect, sauAttention, untrained, SAU_NAMES, type Inspection, type InspectedPart, type SauName } from './inspection/inspect';
export { localRows, localShares, measureEach, mergeLocalShares, mergeSauMeasures, sauMeasures, sauRows, sauSpread, sauSpreadRows } from './inspection/measures';

export { LGGANTrainer, trainLGGAN, type TrainLGGANConfig } from './training/lggan';
export { PRETRAINED_RECIPE } from './training/recipe';
export { LOSS_WEIGHTS, Schedule } from './training/schedule';
export { RCANTrainer, trainRCAN } from './training/rcan';
export { History } from './training/history';

export { psnr, ssim } from './metrics/image_quality';
export { srQuality } from './metrics/sr_quality';
export { describeMetric } from './metrics/metric';

export { type LiveOptions, type LiveTraining, liveTraining } from './notebook/live';
export { markdownTable, show, showInteractive, showMarkdown, showTable, type Showable, type ShowOptions } from './notebook/show';
export { progress, reporter } from './common/progress';
export * from './figures';
