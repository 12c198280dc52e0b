/** What happens with the odd files that people have. `npm run robustness` writes docs/robustness.md from what is found here. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { saveParameters } from '../../src/checkpoints/parameters';
import { checkData } from '../../tools/check/check';
import { TYPESCRIPT } from './command';
import { labelTiles, photo, writePairs } from './fixtures';
import { readImage, writeJpeg, writePng } from '../../src/data/image';
import { readLabelMap } from '../../src/data/label_map';
import { folderPairs, labelFolder } from '../../src/data/pairs';
import { splitDataset, undoSplit } from '../../src/data/split';
import { constructSrDataset, srFolder } from '../../src/data/sr_pairs';
import { UserError } from '../../src/common/errors';
import { IGNORE } from '../../src/data/types';
import { LGGAN } from '../../src/models/lggan/lggan';
import { ROOT } from './material';

const root = mkdtempSync(join(tmpdir(), 'robust-'));
after(() => rmSync(root, { recursive: true, force: true }));
chmodSync(root, 0o755);
let folders = 0;
const folder = () => {
  const dir = join(root, `f${folders++}`);
  mkdirSync(dir);
  return dir;
};

const rows: [string, string, string][] = [];
/** A line of the table. The paths of this machine are left out. */
const row = (what: string, tried: string, happened: string) => rows.push([what, tried, happened.replaceAll(new RegExp(`${root}/f\\d+`, 'g'), 'DIR')]);
async function sentence(work: Promise<unknown>): Promise<string> {
  const e = await work.then(
    () => assert.fail('it was taken'),
    (x: unknown) => x,
  );
  assert.ok(e instanceof UserError, String((e as Error).stack));
  assert.ok(!e.message.includes('\n'));
  return `refused: "${e.message}"`;
}
function command(name: string, args: string[], options: { uid?: number } = {}) {
  const run = spawnSync(process.execPath, [...TYPESCRIPT, join(ROOT, 'cli', `${name}.ts`), ...args], {
    encoding: 'utf8',
    cwd: ROOT,
    ...(options.uid && { uid: options.uid, gid: options.uid }),
    env: { ...process.env, HOME: root },
  });
  return { status: run.status, out: run.stdout, err: run.stderr };
}

const NAMES: Record<string, string> = {
  spaces: 'a photo  of mine',
  quotes: `it's "quoted" \`so\``,
  'Chinese characters': '山水 风景画',
  'accents, decomposed as on macOS in the photo, composed in the label map': 'e\u0301te\u0301',
  'a leading dash': '-rf',
  '200 characters': 'n'.repeat(200),
  'what shells and pages read': '$(x); <b>&amp;%20#1',
  'control characters': 'bell\u0007 red\u001b[31m',
};

test('names', async () => {
  const dir = folder();
  const set = join(dir, `set's "风景" $1`);
  const stems = Object.values(NAMES).map((n) => n.normalize('NFC'));
  await writePairs(join(set, 'train'), [...stems, 'plain', 'other']);
  const accents = NAMES['accents, decomposed as on macOS in the photo, composed in the label map'];
  copyFileSync(join(set, 'train/imgs', `${accents.normalize('NFC')}.jpg`), join(dir, 'x.jpg'));
  rmSync(join(set, 'train/imgs', `${accents.normalize('NFC')}.jpg`));
  copyFileSync(join(dir, 'x.jpg'), join(set, 'train/imgs', `${accents}.jpg`));

  const pairs = folderPairs(join(set, 'train'));
  assert.deepEqual([...pairs.names].sort(), [...stems, 'plain', 'other'].sort());
  for (let i = 0; i < pairs.length; i++) await pairs.at(i);
  assert.deepEqual((await checkData(set)).faults, []);
  await splitDataset(set, { count: 6 });
  await undoSplit(set);
  await constructSrDataset(set);
  assert.equal(srFolder(join(set, 'train')).length, stems.length + 2);

  const generator = new LGGAN({ imageSize: [32, 32], ngf: 2, spadeHidden: 1, residualBlocks: 1, sauCompressed: 1 });
  const checkpoint = join(dir, 'G "1".safetensors');
  await saveParameters(checkpoint, generator.parameters, { network: 'LGGAN', config: JSON.stringify(generator.config) });
  generator.dispose();
  const results = join(dir, '-results 画');
  const run = command('generate', ['--checkpoint', checkpoint, '--input_path', join(set, 'train'), '--output_path', results]);
  assert.equal(run.status, 0, run.err);
  // The shown lines carry no control characters that would reach the terminal.
  assert.doesNotMatch(run.err + run.out, /[\u0007\u001b]/);
  for (const [what, stem] of Object.entries(NAMES)) {
    assert.ok(existsSync(join(results, `${stem.normalize('NFC')}.jpg`)), what);
    row('file name', what, 'read, checked, split and put back, resized, painted under the same name');
  }
  // Beside the images the record of what the command wrote, which is hidden.
  assert.equal(readdirSync(results).filter((name) => !name.startsWith('.')).length, stems.length + 2);
  row('folder name', 'quotes, Chinese characters, $, a leading dash, as arguments of commands', 'as any other');

  const twice = folder();
  await writePairs(twice, ['a']);
  await writePng(join(twice, 'imgs', 'a.png'), photo(16, 12));
  row('file name', 'a.jpg and a.png beside each other', await sentence((async () => folderPairs(twice))()));
  const upper = folder();
  await writePairs(upper, ['a', 'b']);
  for (const [from, to] of [
    ['imgs/a.jpg', 'imgs/a.JPG'],
    ['imgs/b.jpg', 'imgs/b.JPEG'],
    ['labels/a.png', 'labels/a.PNG'],
  ]) {
    copyFileSync(join(upper, from), join(upper, 'x'));
    rmSync(join(upper, from));
    copyFileSync(join(upper, 'x'), join(upper, to));
  }
  rmSync(join(upper, 'x'));
  for (const hidden of ['imgs/.DS_Store', 'labels/._a.png', 'imgs/.a.jpg']) writeFileSync(join(upper, hidden), 'x');
  assert.deepEqual(folderPairs(upper).names, ['a', 'b']);
  assert.deepEqual((await checkData(upper)).faults, []);
  row('file name', 'upper-case extensions .JPG, .JPEG, .PNG', 'read');
  row('file name', 'hidden files: .DS_Store, ._a.png', 'passed over');
});

test('links and folders', async () => {
  const dir = folder();
  await writePairs(join(dir, 'real'), ['a', 'b', 'c']);
  mkdirSync(join(dir, 'set'));
  symlinkSync('../real', join(dir, 'set', 'train'));
  assert.equal(folderPairs(join(dir, 'set', 'train')).length, 3);
  row('symbolic link', 'to a folder of the data set', 'followed');
  const linked = folder();
  for (const [kind, extension] of [
    ['imgs', 'jpg'],
    ['labels', 'png'],
  ]) {
    mkdirSync(join(linked, 'train', kind), { recursive: true });
    for (const n of ['a', 'b', 'c'])
      symlinkSync(join('../../../', dir.slice(root.length + 1), 'real', kind, `${n}.${extension}`), join(linked, 'train', kind, `${n}.${extension}`));
  }
  await splitDataset(linked, { count: 1 });
  for (const split of ['train', 'val']) {
    const pairs = folderPairs(join(linked, split));
    for (let i = 0; i < pairs.length; i++) await pairs.at(i);
  }
  assert.equal(readdirSync(join(dir, 'real', 'imgs')).length, 3);
  row('symbolic link', 'to photos and label maps kept elsewhere, then a split', 'read; the links move, the files stay');
  symlinkSync('nowhere.jpg', join(dir, 'real', 'imgs', 'd.jpg'));
  writeFileSync(join(dir, 'real', 'labels', 'd.png'), readFileSync(join(dir, 'real', 'labels', 'a.png')));
  row('symbolic link', 'to a file that is gone', await sentence(folderPairs(join(dir, 'real')).at(3)));
  rmSync(join(dir, 'real', 'imgs', 'd.jpg'));
  symlinkSync('d.jpg', join(dir, 'real', 'imgs', 'd.jpg'));
  row('symbolic link', 'to itself', await sentence(folderPairs(join(dir, 'real')).at(3)));
  writeFileSync(join(dir, 'kept.jpg'), 'mine');
  symlinkSync(join(dir, 'kept.jpg'), join(dir, 'out.jpg'));
  await writeJpeg(join(dir, 'out.jpg'), photo(8, 8));
  assert.equal(readFileSync(join(dir, 'kept.jpg'), 'utf8'), 'mine');
  assert.ok(!lstatSync(join(dir, 'out.jpg')).isSymbolicLink());
  row('symbolic link', 'where an image is to be written', 'replaced by the image; what it pointed to stays');

  const empty = folder();
  row('empty folder', 'as a data set', await sentence((async () => folderPairs(empty))()));
  for (const kind of ['imgs', 'labels']) mkdirSync(join(empty, kind));
  row('empty folder', 'imgs and labels without files', await sentence((async () => folderPairs(empty))()));
  row('empty folder', 'as sketches to paint', await sentence((async () => labelFolder(join(empty, 'labels')))()));
  row('empty folder', 'to check', await sentence(checkData(empty)));
  writeFileSync(join(empty, 'file'), '');
  row('empty folder', 'a file in its place', await sentence((async () => folderPairs(join(empty, 'file')))()));
});

test('folders that may not be written', async (t) => {
  const dir = folder();
  await writePairs(join(dir, 'train'), ['a', 'b', 'c']);
  for (const f of [dir, join(dir, 'train'), join(dir, 'train/imgs'), join(dir, 'train/labels')]) chmodSync(f, 0o555);
  // The superuser may write everywhere: the command runs as nobody.
  const uid = process.getuid?.() === 0 ? 65534 : undefined;
  try {
    if (uid && spawnSync(process.execPath, ['-e', `require('fs').readdirSync(${JSON.stringify(ROOT)})`], { uid, gid: uid }).status !== 0)
      return t.skip('another user cannot read this project');
    const check = command('check_data', [dir], { uid });
    assert.equal(check.status, 0, check.err);
    row('read-only folder', 'check-data', 'read: nothing is written there');
    for (const [name, args] of [
      ['split', ['--input_path', dir, '--count', '1']],
      ['construct_sr', ['--input_path', dir]],
      [
        'train',
        [
          '--input_path',
          join(dir, 'train'),
          '--output_path',
          join(dir, 'run'),
          '--image_size',
          '32x32',
          '--ngf',
          '2',
          '--ndf',
          '2',
          '--vgg',
          'none',
          '--epochs',
          '1',
        ],
      ],
    ] as const) {
      const run = command(name, [...args], { uid });
      assert.equal(run.status, 2, run.err);
      const said = run.err
        .trim()
        .split('\n')
        .filter((l) => !/^resizing|^training/.test(l));
      assert.equal(said.length, 1, run.err);
      row('read-only folder', name.replace('_', '-'), `refused: "${said[0]}"`);
    }
    assert.deepEqual(readdirSync(dir), ['train']);
  } finally {
    for (const f of [dir, join(dir, 'train'), join(dir, 'train/imgs'), join(dir, 'train/labels')]) chmodSync(f, 0o755);
  }
});

test('pictures', async () => {
  const dir = folder();
  for (const kind of ['imgs', 'labels']) mkdirSync(join(dir, kind));
  const raw = (data: Uint8Array | Uint16Array, channels: 1 | 2 | 3 | 4) => sharp(data, { raw: { width: 24, height: 16, channels } });
  const classes = labelTiles(24, 16);
  const file = join(dir, 'labels', 'a.png');
  const put = (bytes: Buffer, target = file) => writeFileSync(target, bytes);
  const same = async (what: string) => {
    assert.deepEqual((await readLabelMap(file)).data, classes.data, what);
    row('label map', what, 'its values are the classes');
  };
  put(await raw(classes.data, 1).toColourspace('b-w').png().toBuffer());
  await same('8-bit grey');
  put(await raw(classes.data, 1).toColourspace('b-w').png({ progressive: true }).toBuffer());
  await same('8-bit grey, interlaced');
  put(await raw(Uint16Array.from(classes.data), 1).toColourspace('grey16').png().toBuffer());
  await same('16-bit grey');
  put(
    await raw(
      Uint8Array.from({ length: 768 }, (_, i) => (i % 2 ? 255 - (i % 100) : classes.data[i >> 1])),
      2,
    )
      .toColourspace('b-w')
      .png()
      .toBuffer(),
  );
  await same('grey with transparency, whatever the transparency is');
  put(Buffer.from(PALETTE, 'base64'));
  assert.deepEqual([...(await readLabelMap(file)).data], [0, 1, 2, 3]);
  row('label map', 'palette', 'the indices are the classes, whatever the colours are');
  const wide = Uint16Array.from(classes.data);
  wide[30] = 700;
  put(await raw(wide, 1).toColourspace('grey16').png().toBuffer());
  row('label map', '16-bit grey with the value 700', await sentence(readLabelMap(file)));
  put(
    await raw(
      Uint8Array.from(classes.data, (v) => (v % 2 ? 255 : 0)),
      1,
    )
      .toColourspace('b-w')
      .png({ compressionLevel: 9 })
      .toBuffer(),
  );
  assert.ok((await readLabelMap(file)).data.every((v, i) => v === (classes.data[i] % 2 ? IGNORE : 0)));
  row('label map', 'with 255', 'read as pixels of no class');
  const odd = Uint8Array.from(classes.data, (v) => (v % 2 ? 254 : 0));
  put(await raw(odd, 1).toColourspace('b-w').png().toBuffer());
  row('label map', 'with 254', await sentence(readLabelMap(file)));
  const repeated = (channels: 3 | 4) =>
    Uint8Array.from({ length: 24 * 16 * channels }, (_, i) => (i % channels === 3 ? 128 : classes.data[Math.floor(i / channels)]));
  put(await raw(repeated(3), 3).png().toBuffer());
  await same('RGB with three equal channels');
  put(await raw(repeated(4), 4).png().toBuffer());
  await same('RGB with transparency and three equal channels');
  put(await raw(photo(24, 16).data, 3).png().toBuffer());
  row('label map', 'RGB, no mapping given', await sentence(readLabelMap(file)));
  put(
    await raw(
      Uint8Array.from({ length: 24 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 128 : 64 + (i % 2))),
      4,
    )
      .png()
      .toBuffer(),
  );
  row('label map', 'RGB with transparency, no mapping given', await sentence(readLabelMap(file)));
  put(
    await raw(
      Uint8Array.from({ length: 24 * 16 * 4 }, (_, i) => (i % 4 === 3 ? 128 : 64)),
      4,
    )
      .png()
      .toBuffer(),
  );
  const grey = { name: 'm', kind: 'colours' as const, classes: new Map([[0x404040, 3]]) };
  assert.ok((await readLabelMap(file, { mapping: grey })).data.every((v) => v === 3));
  row('label map', 'RGB with transparency, and a mapping of colours', 'read; the transparency is ignored');
  put(await raw(photo(24, 16).data, 3).jpeg().toBuffer());
  row('label map', 'a JPEG named .png', await sentence(readLabelMap(file)));

  const image = join(dir, 'imgs', 'a.jpg');
  const picture = photo(24, 16);
  const upright = async (orientation: number) => raw(picture.data, 3).jpeg({ quality: 100 }).withMetadata({ orientation }).toBuffer();
  put(await upright(6), image);
  await writePng(file, labelTiles(16, 24));
  assert.deepEqual([(await folderPairs(dir).at(0)).image.width, (await readImage(image)).height], [16, 24]);
  row('photo', 'turned by EXIF, label map as seen', 'turned upright, as in construct-sr; check-data tells how many are');
  await writePng(file, labelTiles(24, 16));
  assert.equal((await folderPairs(dir).at(0)).image.width, 24);
  row('photo', 'turned by EXIF, label map as the pixels are stored', 'left as stored, as in construct-sr; check-data tells how many are');
  await writePng(file, labelTiles(24, 24));
  row('photo', 'turned by EXIF, label map of neither size', await sentence(folderPairs(dir).at(0)));
  for (const [what, bytes] of [
    ['grey JPEG', raw(picture.data.subarray(0, 384), 1).toColourspace('b-w').jpeg().toBuffer()],
    ['progressive JPEG', raw(picture.data, 3).jpeg({ progressive: true }).toBuffer()],
    ['CMYK JPEG', raw(picture.data, 3).toColourspace('cmyk').jpeg().toBuffer()],
    [
      '16-bit PNG',
      raw(
        Uint16Array.from(picture.data, (v) => v * 257),
        3,
      )
        .toColourspace('rgb16')
        .png()
        .toBuffer(),
    ],
    [
      'PNG with transparency',
      raw(new Uint8Array(24 * 16 * 4).fill(90), 4)
        .png()
        .toBuffer(),
    ],
    ['WebP', raw(picture.data, 3).webp().toBuffer()],
    ['TIFF', raw(picture.data, 3).tiff().toBuffer()],
  ] as const) {
    put(await bytes, image);
    const read = await readImage(image);
    assert.deepEqual([read.data.length, read.width, read.height], [24 * 16 * 3, 24, 16], what);
    row('photo', what, 'read as 8-bit RGB');
  }
  for (const [what, bytes] of [
    ['GIF', await raw(picture.data, 3).gif().toBuffer()],
    ['drawing (SVG)', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
    ['text', Buffer.from('not a picture')],
    ['0 bytes', Buffer.alloc(0)],
    ['cut in half', (await upright(1)).subarray(0, 400)],
  ] as const) {
    put(bytes, image);
    row('photo', what, await sentence(readImage(image)));
  }
});

test('nothing of this project listens on a network address but JupyterLab, on the loopback, with its token, and workers', () => {
  const sources = ['src', 'scripts'].flatMap((top) =>
    (readdirSync(join(ROOT, top), { recursive: true }) as string[])
      // scripts/browser drives tests alone; it asks for a free port.
      .filter((f) => /\.(ts|mjs|cjs|py)$/.test(f) && !/\.test\./.test(f) && !/^browser[/\\]/.test(f))
      // Asks whether its port is free; what TensorFlow then listens to is tested in cluster.test.ts.
      .filter((f) => f !== join('engine', 'cluster.ts'))
      .map((f) => join(ROOT, top, f)),
  );
  assert.ok(sources.length > 150);
  for (const file of sources.filter((f) => statSync(f).isFile()))
    assert.doesNotMatch(readFileSync(file, 'utf8'), /\.listen\(|createServer\(|http\.server|socketserver/, file);
  const lab = readFileSync(join(ROOT, 'scripts/lab.mjs'), 'utf8');
  assert.match(lab, /'--ip=127\.0\.0\.1'/);
  assert.doesNotMatch(lab, /token=|password=|disable_check|allow_origin/);
  row('network', 'ports that are opened', "none but JupyterLab's (npm run lab), on 127.0.0.1, with its token, and those of several workers, see below");
});

test('docs/robustness.md says what happened here', (t) => {
  const cell = (text: string) =>
    text
      .replaceAll('|', '\\|')
      .replaceAll('<', '&lt;')
      .replace(/n{200}/g, 'nnn...');
  const text = [
    '# Odd files, and what happens',
    '',
    'Written by `npm run robustness` from what its tests (`proof/testing/robustness.test.ts`) found; `npm test` compares.',
    '',
    '| what | tried | happens |',
    '| --- | --- | --- |',
    ...rows.map((r) => `| ${r.map(cell).join(' | ')} |`),
    '',
    ...WORKERS,
  ].join('\n');
  const file = join(ROOT, 'docs', 'robustness.md');
  if (process.env.LGGAN_WRITE_DOCS === '1') writeFileSync(file, text);
  if (!rows.some(([what]) => what === 'read-only folder')) return t.skip('this machine cannot try all of it');
  assert.equal(readFileSync(file, 'utf8'), text, 'npm run robustness writes it anew');
});

/** What the tests of `src/engine/cluster.ts`, proof/testing/workers.test.ts and cli/workers.test.ts hold. */
const WORKERS = [
  '## Several processes',
  '',
  '`npm run train` and `npm run train-rcan` can run as several processes, on one machine (`--workers`) or more (`--cluster`, TF_CONFIG, Slurm). Each opens',
  "TensorFlow's own server, which speaks gRPC without encryption and does not ask who calls: whoever reaches its port can run what TensorFlow can run.",
  '',
  '- With addresses of 127.0.0.1, which `--workers` takes, only this machine is heard. Whoever has an account on it can call: on a machine of many users take',
  '  care.',
  '- With other addresses it hears what is sent to those, no others: give those of a private network, never public ones, and let a firewall pass its ports',
  '  among the machines alone.',
  "- TensorFlow's server binds to all addresses whatever it is told. On Linux its sockets get a filter for the named ones, a few milliseconds after they open.",
  '  Where that cannot be done (macOS; a name that leads to the loopback, as a machine often calls itself) a sentence says that all addresses listen.',
  '- Each asks the others every 2 seconds whether they live. Where a process is gone, or three questions of 10 seconds find no answer, all end with a sentence',
  '  that names it. The first alone writes, so the last checkpoint is whole, and the same command goes on from there, with as many workers as you like.',
  '',
];

/** 2x2 pixels, indices 0..3 of a palette of four colours, 2 bits each. */
const PALETTE = 'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACAgMAAAAP2OW3AAAADFBMVEX/AAAA/wAAAP8JCQlccX6GAAAADElEQVR4nGMQYNgAAADkAMEnqOhXAAAAAElFTkSuQmCC';
