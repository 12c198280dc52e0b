import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { splitDataset } from '../../src/data/split';
import { UserError } from '../../src/common/errors';
import { crashAt } from '../../proof/testing/crash';
import { zip, type ZipContent } from '../../proof/testing/zip';
import { LANDSCAPE, downloadLandscape, type LandscapeArchive } from './landscape';
import { unpack } from './unpack';

const root = mkdtempSync(join(tmpdir(), 'landscape-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;
const folder = () => join(root, String(count++));
const says = (pattern: RegExp) => (e: unknown) => {
  assert.ok(e instanceof UserError, String((e as Error).stack));
  assert.match(e.message, pattern);
  assert.ok(!e.message.includes('\n'));
  return true;
};
const tree = (dir: string): string[] =>
  existsSync(dir) ? (readdirSync(dir, { recursive: true }) as string[]).filter((f) => statSync(join(dir, f)).isFile()).sort() : [];

const file = (name: string, deflate = true): ZipContent => ({ name, data: Buffer.from(`content of ${name} `.repeat(50)), deflate });
const stems = ['a', 'b', 'c', 'd', 'e'];
/** As the contest's archives are laid out, with what some systems add. */
const ZIPS: Record<string, Buffer> = {
  train: zip([
    { name: 'train/', data: Buffer.alloc(0), mode: 0o040755 },
    ...stems.flatMap((s) => [file(`train/imgs/${s}.jpg`, false), file(`train/labels/${s}.png`)]),
    file('train/imgs/.DS_Store'),
    file('__MACOSX/train/imgs/._a.jpg'),
    file('train/readme.txt'),
  ]),
  testA: zip(['x', 'y'].map((s) => file(`val_A_labels_cleaned/${s}.png`))),
  testB: zip(['x', 'z'].map((s) => file(`val_B-labels-clean/${s}.png`))),
};
const EXPECTED = [
  'download.json',
  ...['x', 'y'].map((s) => `testA/labels/${s}.png`),
  ...['x', 'z'].map((s) => `testB/labels/${s}.png`),
  ...stems.map((s) => `train/imgs/${s}.jpg`),
  ...stems.map((s) => `train/labels/${s}.png`),
];
const archives = (base: string): LandscapeArchive[] => LANDSCAPE.map((a) => ({ ...a, url: `${base}/f/${a.name}/?dl=1`, count: a.name === 'train' ? 5 : 2 }));
const fast = { retryDelayMs: 1, stallMs: 300 };

/** A server for one test; `answer` may take a request and return true, else the archive is sent as a file server does. */
async function served(
  use: (base: string, requests: string[]) => Promise<void>,
  answer: (request: IncomingMessage, response: ServerResponse, n: number) => boolean = () => false,
  content = ZIPS,
) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const n = requests.push(`${request.url} ${request.headers.range ?? ''}`.trim()) - 1;
    if (answer(request, response, n)) return;
    const bytes = content[/(train|testA|testB)/.exec(request.url!)![1]];
    const begin = request.headers['if-range'] === '"1"' ? Number(/\d+/.exec(request.headers.range!)![0]) : 0;
    response.writeHead(begin ? 206 : 200, { 'content-length': bytes.length - begin, etag: '"1"' }).end(bytes.subarray(begin));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test('the addresses and folders are those of the original', () => {
  assert.deepEqual(
    LANDSCAPE.map(({ name, count }) => [name, count]),
    [
      ['train', 10_000],
      ['testA', 1000],
      ['testB', 1000],
    ],
  );
  assert.ok(LANDSCAPE.every(({ url }) => /^https:\/\/cloud\.tsinghua\.edu\.cn\/f\/\w{20}\/\?dl=1$/.test(url)));
});

test('three archives arrive, are unpacked where the project wants them, and are not fetched again', async () => {
  const dir = folder();
  await served(
    async (base, requests) => {
      const parts = new Set<string>();
      const options = { root: dir, archives: archives(base), fetch: fast, onProgress: (part: string) => parts.add(part) };
      const outcomes = await downloadLandscape(options);
      assert.deepEqual(outcomes, [
        { name: 'train', changed: true, count: 5 },
        { name: 'testA', changed: true, count: 2 },
        { name: 'testB', changed: true, count: 2 },
      ]);
      assert.deepEqual(tree(dir), EXPECTED);
      assert.equal(readFileSync(join(dir, 'testB/labels/z.png'), 'utf8'), 'content of val_B-labels-clean/z.png '.repeat(50));
      assert.equal(parts.size, 6);
      const before = requests.length;
      assert.ok((await downloadLandscape(options)).every((o) => !o.changed));
      assert.equal(requests.length, before);
      // After the split the pairs count where they are, and stay there.
      await splitDataset(dir, { count: 2 });
      assert.ok((await downloadLandscape(options)).every((o) => !o.changed));
      rmSync(join(dir, 'train', 'imgs', readdirSync(join(dir, 'train', 'imgs'))[0]));
      assert.equal((await downloadLandscape({ ...options, only: ['train'] }))[0].changed, true);
      assert.equal(readdirSync(join(dir, 'train', 'imgs')).length, 3);
      assert.equal(readdirSync(join(dir, 'val', 'imgs')).length, 2);
      await assert.rejects(downloadLandscape({ ...options, only: ['tset'] }), says(/no archive 'tset'; there are train, testA, testB/));
    },
    // As the real server does.
    (request, response) => request.url!.startsWith('/f/') && !!response.writeHead(302, { location: `/seafhttp/${request.url!.split('/')[2]}.zip` }).end(),
  );
});

test('a server that cuts, stalls, and says a wrong length is got the better of', async () => {
  const dir = folder();
  const half = ZIPS.train.length >> 1;
  await served(
    async (base, requests) => {
      await downloadLandscape({ root: dir, archives: archives(base), fetch: fast });
      assert.deepEqual(tree(dir), EXPECTED);
      assert.match(requests[1], new RegExp(`bytes=${half}-`));
      assert.ok(requests.length >= 6, requests.join('\n'));
    },
    (request, response, n) => {
      if (n === 0) {
        response.writeHead(200, { 'content-length': ZIPS.train.length, etag: '"1"' });
        response.write(ZIPS.train.subarray(0, half), () => setTimeout(() => response.destroy(), 50));
      } else if (n === 1) response.writeHead(206, { 'content-length': ZIPS.train.length - half, etag: '"1"' }).write(ZIPS.train.subarray(half, half + 10));
      else if (n === 3) {
        // More is announced than there is, and the connection ends.
        response.writeHead(200, { 'content-length': ZIPS.testA.length + 100, etag: '"1"' });
        response.write(ZIPS.testA, () => setTimeout(() => response.destroy(), 50));
      } else if (n === 4) response.writeHead(416).end();
      else return false;
      return true;
    },
  );
});

test('damaged archives and pages in their place are refused, and fetched anew by the next call', async () => {
  const dir = folder();
  const flipped = Buffer.from(ZIPS.train);
  flipped[flipped.indexOf('content of train/imgs/c.jpg') + 5] ^= 1;
  for (const [bad, pattern] of [
    [Buffer.from('<html>The link has expired</html>'), /what came is not a whole zip archive \(a page of the server, perhaps\)/],
    [ZIPS.train.subarray(0, -30), /not a whole zip archive/],
    [flipped, /train\.zip has a damaged entry 'train\/imgs\/c\.jpg'/],
    [zip([file('train/imgs/a.jpg'), file('train/labels/a.png')]), /held 2 files, and .*train has 2 pairs of a photo and a label map instead of 5/],
  ] as const) {
    await served((base) => assert.rejects(downloadLandscape({ root: dir, archives: archives(base), fetch: fast, only: ['train'] }), says(pattern)), undefined, {
      ...ZIPS,
      train: bad,
    });
    assert.ok(!existsSync(join(dir, 'train.zip')) && !existsSync(join(dir, 'download.json')), String(pattern));
  }
  await served((base) => downloadLandscape({ root: dir, archives: archives(base), fetch: fast }).then(() => undefined));
  assert.deepEqual(tree(dir), EXPECTED);
});

test('archives at hand are unpacked where they lie, and stay; killed at any change of the disk, the next call completes it', async () => {
  const from = folder();
  mkdirSync(from);
  for (const [name, bytes] of Object.entries(ZIPS)) writeFileSync(join(from, `${name}.zip`), bytes);
  let n = 0;
  for (; ; n++) {
    const dir = folder();
    const run = () => downloadLandscape({ root: dir, from, archives: archives('http://127.0.0.1:9') });
    const killed = await crashAt(n, run);
    // The lock of this very process, which lives on; a killed one's would be taken over.
    rmSync(join(dir, 'run.lock'), { force: true });
    if (killed) await run();
    const hidden = /(^|\/)\.[^/]*\.part$|run\.lock|\.part$/;
    assert.deepEqual(
      tree(dir).filter((f) => !hidden.test(f)),
      EXPECTED,
      `killed at change ${n}`,
    );
    for (const f of EXPECTED.slice(1)) assert.match(readFileSync(join(dir, f), 'utf8'), /^content of/);
    if (!killed) break;
  }
  assert.ok(n > 40, `${n} kills`);
  assert.deepEqual(readdirSync(from).length, 3);
  await assert.rejects(
    downloadLandscape({ root: folder(), from: join(root, 'none') }),
    says(/none\/train\.zip: there is no such file; --from wants a folder with/),
  );
});

test('nothing leaves the folder, no links, no bombs', async () => {
  const dir = folder();
  mkdirSync(dir);
  const archive = join(dir, 'bad.zip');
  const out = join(dir, 'out');
  const refused = async (files: ZipContent[], pattern: RegExp, limits = {}) => {
    writeFileSync(archive, zip([file('first.txt'), ...files]));
    await assert.rejects(unpack(archive, out, { limits }), says(pattern));
    assert.deepEqual(readdirSync(dir), ['bad.zip'], String(pattern));
  };
  for (const name of [
    '../x.txt',
    'a/../../x.txt',
    '/etc/x.txt',
    'a//x.txt',
    './x.txt',
    'a\\..\\x.txt',
    'C:/x.txt',
    'x\0.txt',
    'new\nline',
    '..',
    `${'d/'.repeat(20)}x`,
  ]) {
    await refused([file(name)], /is no path inside a folder; nothing of it was unpacked/);
  }
  await refused([{ name: 'link', data: Buffer.from('/etc/passwd'), mode: 0o120777 }], /'link' is a link or a device/);
  await refused([{ name: 'pipe', data: Buffer.alloc(0), mode: 0o010644 }], /'pipe' is a link or a device/);
  await refused([file('FIRST.txt')], /'FIRST\.txt' and 'first\.txt' would be one file/);
  await refused([file('first.txt')], /holds 'first\.txt' twice/);
  await refused([{ name: 'big', data: Buffer.alloc(2e6), deflate: true }], /'big' would have 2000000 bytes, above the limit of 1000000 for one file/, {
    fileBytes: 1e6,
  });
  await refused(
    [1, 2, 3].map((i) => ({ name: `${i}`, data: Buffer.alloc(5e5), deflate: true })),
    /would unpack to 150\d+ bytes, above the limit of 1000000/,
    { bytes: 1e6 },
  );
  await refused([file('a'), file('b')], /holds 3 entries, above the limit of 2/, { files: 2 });
  await refused([{ ...file('locked'), over: { flags: 1 } }], /an encrypted entry 'locked'/);

  // A size in the directory that is smaller than what comes out; and entries that share their bytes.
  writeFileSync(archive, zip([{ name: 'liar', data: Buffer.alloc(1e6), deflate: true, over: { size: 10 } }]));
  await assert.rejects(unpack(archive, out), says(/damaged entry 'liar'/));
  const honest = zip([
    { name: 'a', data: Buffer.alloc(3000, 1) },
    { name: 'b', data: Buffer.alloc(3000, 1) },
  ]);
  const second = honest.lastIndexOf('PK\x01\x02');
  honest.writeUInt32LE(0, second + 42);
  writeFileSync(archive, Buffer.concat([honest.subarray(0, 3031), honest.subarray(6062)]));
  // The directory moved with the bytes that were cut out.
  const cut = readFileSync(archive);
  cut.writeUInt32LE(3031, cut.length - 6);
  writeFileSync(archive, cut);
  await assert.rejects(unpack(archive, out), says(/its entries share their bytes/));
  assert.ok(!existsSync(out));

  // A folder that the user has put elsewhere by a link of their own is used.
  mkdirSync(join(dir, 'elsewhere'));
  symlinkSync(join(dir, 'elsewhere'), out);
  writeFileSync(archive, zip([file('a/b.txt')]));
  assert.deepEqual(await unpack(archive, out), { written: 1, present: 0, skipped: 0 });
  assert.deepEqual(tree(join(dir, 'elsewhere')), ['a/b.txt']);
  assert.equal((await unpack(archive, out)).present, 1);
});
