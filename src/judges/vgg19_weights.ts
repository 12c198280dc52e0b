import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as tf from '../engine/tf';
import { readTensors } from '../checkpoints/safetensors';
import { UserError } from '../common/errors';
import { refuseStandIn } from '../common/stand_in';

/** torchvision's statistics of ImageNet, RGB in [0, 1]. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
export const IMAGENET_DEVIATION = [0.229, 0.224, 0.225] as const;

/** The 13 convolutions up to relu5_1. */
export interface Vgg19Layer {
  /** 1..5, the blocks between the poolings. */
  block: number;
  cin: number;
  cout: number;
  /** Name in torchvision's state dict, without `.weight`. */
  torchvision: string;
  /** Name in Keras, without `/kernel`. */
  keras: string;
}

export const VGG19_LAYERS: readonly Vgg19Layer[] = (() => {
  const layers: Vgg19Layer[] = [];
  let cin = 3;
  let index = 0;
  [[64, 64], [128, 128], [256, 256, 256, 256], [512, 512, 512, 512], [512]].forEach((block, b) => {
    block.forEach((cout, k) => {
      layers.push({ block: b + 1, cin, cout, torchvision: `features.${index}`, keras: `block${b + 1}_conv${k + 1}` });
      cin = cout;
      index += 2; // convolution and rectifier
    });
    index += 1; // pooling
  });
  return layers;
})();

/**
 * Weights in torchvision's convention (RGB, input in deviations of ImageNet), whatever the file's. Kernels
 * [3,3,in,out].
 */
export interface Vgg19Weights {
  /** File, convention and checksum, for tables. */
  source: string;
  layers: { kernel: Stored; bias: Stored }[];
}

interface Stored {
  shape: number[];
  data: Float32Array;
}

/**
 * Reads VGG19's convolutions from one of
 * - a TensorFlow.js folder with `weights_manifest.json` (or `model.json`), plain or quantised, under Keras' names
 *   `block1_conv1/kernel`;
 * - a `.safetensors` file under torchvision's names `features.0.weight`.
 *
 * Keras' weights are Caffe's: they expect BGR from 0 to 255 minus the mean colour, torchvision's expect RGB in
 * deviations. They are converted when read (see `caffeToTorchvision`), so that one input serves both; `convention`
 * overrides what the names tell. Throws a UserError that names the file if it is missing, damaged, or not this network.
 */
export async function readVgg19Weights(path: string, convention?: 'torchvision' | 'caffe'): Promise<Vgg19Weights> {
  if (!existsSync(path)) {
    throw new UserError(`${path} does not exist; put VGG19 there as a TensorFlow.js folder or as .safetensors with torchvision's names.`);
  }
  const manifest = manifestOf(path);
  const read = manifest ? readManifest(manifest) : await readSafetensors(path);
  const kind = convention ?? read.convention;
  const layers = kind === 'caffe' ? caffeToTorchvision(read.layers) : read.layers;
  return {
    source: `${basename(manifest ? dirname(manifest) : path)}, ${kind} convention, sha256 ${read.sha256.slice(0, 8)}`,
    layers,
  };
}

/**
 * The first of the usual places in `folder` that holds VGG19's weights: `vgg19.safetensors`, then `vgg19*` folders with
 * a manifest; or undefined.
 */
export function findVgg19(folder = 'checkpoints'): string | undefined {
  return ['vgg19.safetensors', 'vgg19', 'vgg19_imagenet', 'vgg19_imagenet_uint8']
    .map((name) => join(folder, name))
    .find((path) => (path.endsWith('.safetensors') ? existsSync(path) : existsSync(path) && manifestOf(path) !== undefined));
}

/**
 * Caffe's convention to torchvision's. With g = 255 * deviation grey levels in one unit of torchvision's input (58.4,
 * 57.1, 57.4 for R, G, B) and s their mean, the network of the first kernel K[.., 2-c, ..] * g_c / s and of the biases
 * b / s gives the features of the stored one divided by s: a rectifier is homogeneous, so only the biases carry the
 * scale. The mean colours of the two differ by less than half a grey level, which is left out.
 */
export function caffeToTorchvision(layers: Vgg19Weights['layers']): Vgg19Weights['layers'] {
  const grey = IMAGENET_DEVIATION.map((d) => 255 * d);
  const s = grey.reduce((a, b) => a + b, 0) / 3;
  return layers.map(({ kernel, bias }, i) => {
    const data = kernel.data.slice();
    if (i === 0) {
      const [kh, kw, cin, cout] = kernel.shape;
      for (let tap = 0; tap < kh * kw; tap++) {
        for (let c = 0; c < cin; c++) {
          for (let o = 0; o < cout; o++) {
            data[(tap * cin + c) * cout + o] = (kernel.data[(tap * cin + (2 - c)) * cout + o] * grey[c]) / s;
          }
        }
      }
    }
    return { kernel: { shape: kernel.shape, data }, bias: { shape: bias.shape, data: bias.data.map((b) => b / s) } };
  });
}

interface Read {
  convention: 'torchvision' | 'caffe';
  layers: Vgg19Weights['layers'];
  sha256: string;
}

function manifestOf(path: string): string | undefined {
  if (path.endsWith('.json')) return path;
  if (!statSync(path).isDirectory()) return undefined;
  return ['weights_manifest.json', 'model.json'].map((n) => join(path, n)).find((f) => existsSync(f));
}

function readManifest(file: string): Read {
  const groups = parseManifest(file);
  const hash = createHash('sha256');
  const stored = new Map<string, Stored>();
  for (const { paths, weights } of groups) {
    const parts = paths.map((p) => {
      const part = join(dirname(file), basename(p));
      if (!existsSync(part)) throw new UserError(`${part} is missing, which ${file} names.`);
      const bytes = readFileSync(part);
      refuseStandIn(bytes, part);
      return bytes;
    });
    const bytes = Buffer.concat(parts);
    hash.update(bytes);
    const expected = weights.reduce((sum, w) => sum + bytesOf(w), 0);
    if (bytes.length !== expected) {
      throw new UserError(`${join(dirname(file), paths.join(', '))} holds ${bytes.length} bytes where ${file} describes ${expected}; ` + 'load it again.');
    }
    const tensors = tf.io.decodeWeights(new Uint8Array(bytes).buffer, weights);
    for (const [name, t] of Object.entries(tensors)) {
      stored.set(name, { shape: t.shape, data: t.dataSync() as Float32Array });
      t.dispose();
    }
  }
  const layers = VGG19_LAYERS.map(({ keras, cin, cout }) => ({
    kernel: pick(stored, `${keras}/kernel`, [3, 3, cin, cout], file),
    bias: pick(stored, `${keras}/bias`, [cout], file),
  }));
  return { convention: 'caffe', layers, sha256: hash.digest('hex') };
}

interface Group {
  paths: string[];
  weights: tf.io.WeightsManifestEntry[];
}

function parseManifest(file: string): Group[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new UserError(`${file} is not readable JSON; load it again.`);
  }
  const groups = Array.isArray(parsed) ? parsed : (parsed as { weightsManifest?: unknown } | null)?.weightsManifest;
  const valid =
    Array.isArray(groups) &&
    groups.every(
      (g) =>
        Array.isArray(g?.paths) &&
        Array.isArray(g?.weights) &&
        g.weights.every((w: Partial<tf.io.WeightsManifestEntry>) => typeof w?.name === 'string' && Array.isArray(w.shape) && typeof w.dtype === 'string'),
    );
  if (!valid) throw new UserError(`${file} is not a TensorFlow.js weights manifest.`);
  return groups as Group[];
}

function bytesOf(w: tf.io.WeightsManifestEntry): number {
  const width = { uint8: 1, uint16: 2, float16: 2, float32: 4, int32: 4, bool: 1 }[(w.quantization?.dtype ?? w.dtype) as string];
  if (!width) throw new UserError(`the weights manifest stores ${w.name} as ${w.quantization?.dtype ?? w.dtype}, which is not read.`);
  return w.shape.reduce((a, b) => a * b, width);
}

async function readSafetensors(file: string): Promise<Read> {
  const { tensors } = await readTensors(file);
  const stored = new Map<string, Stored>();
  for (const [name, t] of tensors) stored.set(name, { shape: t.shape, data: Float32Array.from(t.data as ArrayLike<number>) });
  const layers = VGG19_LAYERS.map(({ torchvision, cin, cout }) => ({
    kernel: toHwio(pick(stored, `${torchvision}.weight`, [cout, cin, 3, 3], file)),
    bias: pick(stored, `${torchvision}.bias`, [cout], file),
  }));
  return { convention: 'torchvision', layers, sha256: createHash('sha256').update(readFileSync(file)).digest('hex') };
}

function pick(stored: Map<string, Stored>, name: string, shape: number[], file: string): Stored {
  const found = stored.get(name);
  if (!found) throw new UserError(`${file} holds no '${name}': it is not VGG19 under the names of Keras (manifest) or torchvision (.safetensors).`);
  if (`${found.shape}` !== `${shape}`) throw new UserError(`${file}: '${name}' has shape [${found.shape}], VGG19 needs [${shape}].`);
  const bad = found.data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw new UserError(`${file}: '${name}' holds ${found.data[bad]}.`);
  return found;
}

/** Kernel [out, in, h, w] -> [h, w, in, out]. */
function toHwio({ shape: [o, i, h, w], data }: Stored): Stored {
  const out = new Float32Array(data.length);
  for (let a = 0; a < o; a++) {
    for (let b = 0; b < i; b++) {
      for (let t = 0; t < h * w; t++) out[(t * i + b) * o + a] = data[(a * i + b) * h * w + t];
    }
  }
  return { shape: [h, w, i, o], data: out };
}
