/** What the fuzzer feeds to what: valid files, made here, and the readers that a user's files meet. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { loadCheckpoint } from '../../../src/checkpoints/checkpoint';
import { openForeign } from '../../../tools/convert/foreign';
import { importCheckpoint } from '../../../tools/convert/import';
import { parameterEntries, saveParameters } from '../../../src/checkpoints/parameters';
import { savePickle } from '../../../tools/convert/pickle_writer';
import { readTensors, saveTensors } from '../../../src/checkpoints/safetensors';
import { ZipFile } from '../../../tools/download/zip';
import { readImage, readLabelValues } from '../../../src/data/image';
import { readLabelMap } from '../../../src/data/label_map';
import { readMapping } from '../../../src/data/mapping';
import type { Random } from '../../../src/common/random';
import { splitDataset } from '../../../src/data/split';
import { UserError } from '../../../src/common/errors';
import { LGGAN } from '../../../src/models/lggan/lggan';
import { loadLGGAN, loadRCAN } from '../../../src/models/pretrained';
import { RCAN } from '../../../src/models/rcan';
import * as tf from '../../../src/engine/tf';
import { History } from '../../../src/training/history';
import { zip } from '../zip';
import { mutate, mutateJson, repairPng } from './mutate';

/** One kind of file: what a case puts on the disk, and who reads it. */
export interface Target {
  name: string;
  /** Of all cases, the share of this kind is its weight by the sum of all. */
  weight: number;
  /** A changed file's bytes. */
  make(random: Random): Buffer;
  /** Reads the file as a user's command would. A UserError is a good answer. */
  read(file: string): Promise<unknown>;
}

/** Where files are made; nothing may appear beside it. */
export async function makeTargets(folder: string): Promise<Target[]> {
  tf.enableProdMode();
  const fixtures = JSON.parse(readFileSync(join(__dirname, '../../../tools/convert/pickle.fixtures.json'), 'utf8')) as Record<string, string>;
  const zipped = ['torch', 'batchNorm', 'wholeModule'].filter((key) => fixtures[key]).map((key) => inflateSync(Buffer.from(fixtures[key], 'base64')));
  const plain = Object.keys(fixtures)
    .filter((k) => /^protocol|objectArray|bigEndian|records|oldTorch|legacyTorch|params|deep/.test(k))
    .map((k) => Buffer.from(fixtures[k], 'base64'));
  const pick = <T>(list: readonly T[], random: Random) => list[random.randrange(list.length)];
  const bytes =
    (seeds: readonly Buffer[], repair: (b: Buffer, random: Random) => Buffer = (b) => b) =>
    (random: Random) =>
      repair(mutate(pick(seeds, random), pick(seeds, random), random), random);
  const seed = async (name: string, write: (file: string) => Promise<unknown>) => {
    const file = join(folder, name);
    await write(file);
    const content = readFileSync(file);
    rmSync(file);
    return content;
  };

  const rcan = new RCAN({ groups: 1, blocks: 1, features: 4, reduction: 2 });
  const small = { classes: 3, imageSize: [32, 32] as const, ngf: 2, spadeHidden: 1, residualBlocks: 1, sauCompressed: 1 };
  const generator = new LGGAN(small);
  const entries = parameterEntries(rcan.parameters);
  const jittor = await seed('a.pkl', (f) => savePickle(f, entries, { under: 'model' }));
  // As another program writes them, without our checksum, which would catch every change.
  const unsigned = (b: Buffer) => tensorsWith(b, (header) => ({ ...(header as object), __metadata__: { a: 'b' } }));
  const own = await seed('a.safetensors', (f) => saveTensors(f, entries, { network: 'RCAN', config: JSON.stringify(rcan.config) }));
  const foreign = unsigned(own);
  const painter = unsigned(await seed('g.safetensors', (f) => saveParameters(f, generator.parameters, {})));
  const slots = await seed('s.safetensors', (f) => saveTensors(f, entries.slice(0, 2)));
  const slotsSum = /"sha256":"(\w{64})"/.exec(slots.toString('latin1'))![1];
  generator.parameters.dispose();
  rcan.parameters.dispose();

  const noise = Buffer.from(Array.from({ length: 24 * 16 * 4 }, (_, i) => (i * 37 + (i >> 5) * 11) % 251));
  const raw = (channels: 1 | 2 | 3 | 4) => sharp(noise.subarray(0, 24 * 16 * channels), { raw: { width: 24, height: 16, channels } });
  const labels = sharp(
    Buffer.from(noise.subarray(0, 24 * 16)).map((v) => v % 29),
    { raw: { width: 24, height: 16, channels: 1 } },
  );
  const pngs = await Promise.all([
    labels.clone().toColourspace('b-w').png().toBuffer(),
    labels.clone().toColourspace('b-w').png({ progressive: true }).toBuffer(),
    raw(3).png().toBuffer(),
    raw(4).png().toBuffer(),
    raw(2).png().toBuffer(),
    raw(3).png({ palette: true, colours: 16 }).toBuffer(),
    raw(3).png({ palette: true, colours: 4 }).toBuffer(),
    sharp(
      new Uint16Array(24 * 16).map((_, i) => i % 29),
      { raw: { width: 24, height: 16, channels: 1 } },
    )
      .toColourspace('grey16')
      .png()
      .toBuffer(),
  ]);
  const jpegs = await Promise.all([
    raw(3).jpeg().toBuffer(),
    raw(3).jpeg({ progressive: true }).toBuffer(),
    raw(1).toColourspace('b-w').jpeg().toBuffer(),
    raw(3).jpeg({ chromaSubsampling: '4:4:4' }).withMetadata({ orientation: 6 }).toBuffer(),
    raw(3).toColourspace('cmyk').jpeg().toBuffer(),
  ]);
  const others = await Promise.all([
    raw(3).webp().toBuffer(),
    raw(3).webp({ lossless: true }).toBuffer(),
    raw(3).tiff().toBuffer(),
    raw(3).tiff({ compression: 'lzw' }).toBuffer(),
  ]);

  const archives = [
    zip([
      { name: 'a/data.pkl', data: plain[0] },
      { name: 'a/data/0', data: Buffer.alloc(40) },
    ]),
    zip([{ name: 'imgs/x.txt', data: Buffer.alloc(900), deflate: true }]),
    ...zipped,
  ];
  const mapping = {
    name: 'CamVid',
    classes: [
      { from: 0, to: 'sky', note: 'Sky' },
      { from: 3, to: 1 },
      { from: 7, to: 'ignore' },
    ],
    rest: 'ignore',
  };
  const colours = { classes: { '#804080': 'road', '64,0,128': 'ignore' } };
  const journal = { seed: 628, count: 1, moves: [{ image: 'a.jpg', labels: 'a.png' }], complete: false };
  const sha = (text: string) => createHash('sha256').update(text).digest('hex');
  const json =
    (seeds: readonly unknown[], wrap: (x: unknown, random: Random) => Buffer = (x) => Buffer.from(JSON.stringify(x))) =>
    (random: Random) => {
      const start = pick(seeds, random);
      if (random.randrange(3) === 0) return mutate(wrap(start, random), Buffer.from('{}[],:"\\u0000nullfalse1e999'), random);
      return wrap(mutateJson(start, random), random);
    };
  const readAll = async (file: string) => {
    const found = await openForeign(file);
    try {
      for (const tensor of found.tensors.values()) {
        try {
          tensor.read();
        } catch (e) {
          // Whole numbers among the weights (counters of batch norm) are refused one by one.
          if (!(e instanceof UserError && /as whole numbers/.test(e.message))) throw e;
        }
      }
    } finally {
      found.close();
    }
  };

  return [
    { name: 'pickle', weight: 4, make: bytes([...plain, jittor]), read: readAll },
    {
      name: 'pickle of Jittor, its checksum set right',
      weight: 3,
      make: bytes([jittor.subarray(0, -28)], (b) => Buffer.concat([b, createHash('sha1').update(b).digest(), Buffer.from('HCAJSLHD')])),
      read: readAll,
    },
    {
      name: 'import of a checkpoint',
      weight: 1,
      make: bytes([jittor.subarray(0, -28)], (b) => Buffer.concat([b, createHash('sha1').update(b).digest(), Buffer.from('HCAJSLHD')])),
      read: (file) => importCheckpoint(file, join(folder, 'out', 'x.safetensors')),
    },
    { name: 'pth', weight: 3, make: bytes(zipped), read: readAll },
    {
      name: 'pth whose pickle is changed and whose archive is whole',
      weight: 3,
      make: bytes(
        zipped.slice(0, 2).map((z) => repack(folder, z).pickle),
        (b, random) => repack(folder, pick(zipped.slice(0, 2), random)).with(b),
      ),
      read: readAll,
    },
    { name: 'safetensors', weight: 4, make: bytes([own, foreign]), read: (file) => readTensors(file) },
    { name: 'safetensors, names and shapes', weight: 3, make: (random) => tensorsWith(foreign, (header) => mutateJson(header, random)), read: readAll },
    { name: 'safetensors of RCAN', weight: 1, make: bytes([own, foreign]), read: (file) => loadRCAN(file) },
    {
      name: 'configuration in a checkpoint',
      weight: 2,
      make: json([small, { ...small, behaviour: { spectralNorm: 'original' } }]),
      read: (file) => withConfig(folder, painter, readFileSync(file, 'utf8')),
    },
    { name: 'zip', weight: 4, make: bytes(archives), read: async (file) => readZip(file) },
    {
      name: 'PNG as label map',
      weight: 5,
      make: bytes(pngs, (b, random) => (random.randrange(2) ? repairPng(b) : b)),
      read: async (file) => [await readLabelMap(file), await readLabelValues(file)],
    },
    {
      name: 'PNG, its header',
      weight: 3,
      make: (random) => headerOf(pick(pngs, random), random),
      read: async (file) => [await readImage(file), await readLabelValues(file)],
    },
    { name: 'PNG as photo', weight: 3, make: bytes(pngs, (b, random) => (random.randrange(2) ? repairPng(b) : b)), read: (file) => readImage(file) },
    { name: 'JPEG', weight: 5, make: bytes(jpegs), read: (file) => readImage(file) },
    { name: 'WebP and TIFF', weight: 2, make: bytes(others), read: (file) => readImage(file) },
    { name: 'JSON of a class mapping', weight: 4, make: json([mapping, colours]), read: async (file) => readMapping(file) },
    { name: 'JSON of a split', weight: 2, make: json([journal]), read: (file) => split(folder, readFileSync(file)) },
    {
      name: 'JSON of a checkpoint',
      weight: 2,
      make: json([{ format: 1, files: { 'optimiser.safetensors': slotsSum }, state: { step: 3 } }], (x) =>
        Buffer.from(JSON.stringify({ sha256: sha(JSON.stringify(x)), ...(x as object) })),
      ),
      read: (file) => state(folder, readFileSync(file), slots),
    },
    { name: 'CSV of a history', weight: 1, make: bytes([Buffer.from('step,loss,x\n1,0.5,NaN\n2,0.25,3\n3,1e-9,\n')]), read: (file) => History.load(file) },
  ];
}

function readZip(file: string): void {
  const archive = new ZipFile(file);
  try {
    for (const name of archive.entries.keys()) archive.read(name, 1 << 20);
  } finally {
    archive.close();
  }
}

/** The pickle of a PyTorch archive, and the archive with another one in its place. */
function repack(folder: string, bytes: Buffer) {
  const file = join(folder, 'repack.zip');
  writeFileSync(file, bytes);
  const archive = new ZipFile(file);
  const files = [...archive.entries.keys()].map((name) => ({ name, data: archive.read(name) }));
  archive.close();
  const isPickle = ({ name }: { name: string }) => name.endsWith('data.pkl');
  return { pickle: files.find(isPickle)!.data, with: (pickle: Buffer) => zip(files.map((f) => (isPickle(f) ? { ...f, data: pickle } : f))) };
}

/** Sizes, depths and kinds that the content is not of, under a checksum that is right. */
function headerOf(png: Buffer, random: Random): Buffer {
  const b = Buffer.from(png);
  const field = random.randrange(6);
  if (field < 2) b.writeUInt32BE([0, 1, 23, 5000, 50000, 0x7fffffff, 0xffffffff][random.randrange(7)], 16 + 4 * random.randrange(2));
  else b[24 + random.randrange(5)] = [0, 1, 2, 3, 4, 6, 8, 16, 255][random.randrange(9)];
  return repairPng(b);
}

function tensorsWith(file: Buffer, change: (header: unknown) => unknown): Buffer {
  const length = Number(file.readBigUInt64LE());
  const header = Buffer.from(JSON.stringify(change(JSON.parse(file.toString('utf8', 8, 8 + length)))));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, file.subarray(8 + length)]);
}

/** A checkpoint whose configuration says what a stranger wrote. */
async function withConfig(folder: string, painter: Buffer, config: string): Promise<void> {
  const file = join(folder, 'config.safetensors');
  writeFileSync(
    file,
    tensorsWith(painter, (header) => ({ ...(header as object), __metadata__: { network: 'LGGAN', config } })),
  );
  await loadLGGAN(file);
}

async function split(folder: string, journal: Buffer): Promise<void> {
  const root = join(folder, 'set');
  rmSync(root, { recursive: true, force: true });
  for (const kind of ['imgs', 'labels']) mkdirSync(join(root, 'train', kind), { recursive: true });
  for (const stem of ['a', 'b', 'c']) {
    writeFileSync(join(root, 'train', 'imgs', `${stem}.jpg`), stem);
    writeFileSync(join(root, 'train', 'labels', `${stem}.png`), stem);
  }
  writeFileSync(join(root, 'split.json'), journal);
  await splitDataset(root, { count: 1 });
}

async function state(folder: string, text: Buffer, slots: Buffer): Promise<void> {
  const generation = join(folder, 'run', 'latest-000001');
  mkdirSync(generation, { recursive: true });
  writeFileSync(join(generation, 'optimiser.safetensors'), slots);
  writeFileSync(join(generation, 'state.json'), text);
  await loadCheckpoint(join(folder, 'run'), 'latest', { extra: ['optimiser'] });
}
