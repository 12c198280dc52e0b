import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLASS_NAMES } from '../classes';
import { UserError } from '../common/errors';
import { ROOT, withMaterial } from '../../proof/testing/material';
import { labelTiles, photo, temporaryFolder } from '../../proof/testing/fixtures';
import { writeJpeg, writePng } from './image';
import { readLabelMap } from './label_map';
import { mapColours, mapValues, parseMapping, readMapping } from './mapping';
import { folderPairs } from './pairs';
import { datasetStatistics } from './statistics';
import { IGNORE } from './types';

const index = (name: string) => CLASS_NAMES.indexOf(name);

test('values, colours in every notation, names, indices, ignore, rest', () => {
  const values = parseMapping({ name: 'V', classes: { '0': 'sky', '300': 5, '7': 'ignore' }, rest: 'other' }, 'v.json');
  assert.equal(values.kind, 'values');
  const raw = { data: Uint16Array.of(0, 300, 7, 9), height: 1, width: 4 };
  assert.deepEqual([...mapValues(raw, values, 'f').data], [index('sky'), 5, IGNORE, index('other')]);

  const colours = parseMapping(
    {
      classes: [
        { from: '#0a0B0c', to: 'river' },
        { from: [1, 2, 3], to: 'sand', note: 'x' },
        { from: '7, 8, 9', to: 28 },
      ],
    },
    'dir/c.json',
  );
  assert.equal(colours.name, 'c');
  assert.equal(colours.kind, 'colours');
  const image = { data: Uint8Array.of(10, 11, 12, 1, 2, 3, 1, 2, 3, 7, 8, 9), height: 1, width: 4 };
  assert.deepEqual([...mapColours(image, colours, 'f').data], [index('river'), index('sand'), index('sand'), 28]);
});

test('a value or colour that is not listed names the file, the value and its place', () => {
  const values = parseMapping({ name: 'V', classes: { '0': 'sky' } }, 'v.json');
  assert.throws(
    () => mapValues({ data: Uint8Array.of(0, 0, 0, 0, 0, 9), height: 2, width: 3 }, values, 'a.png'),
    (e) => e instanceof UserError && /^a\.png: the value 9 \(column 2, row 1\) is not listed in the mapping "V"/.test(e.message),
  );
  const colours = parseMapping({ classes: { '#000000': 'sky' } }, 'c.json');
  assert.throws(() => mapColours({ data: Uint8Array.of(0, 0, 0, 0, 0, 255), height: 1, width: 2 }, colours, 'a.png'), /the colour #0000ff \(column 1/);
});

test('a faulty mapping file says what is wrong', () => {
  const wrong: [unknown, RegExp][] = [
    [[], /m\.json: a mapping is an object/],
    [{}, /"classes" has to be a list or an object/],
    [{ classes: {} }, /lists nothing/],
    [{ classes: { '0': 'sky' }, colours: {} }, /no field "colours"/],
    [{ classes: { '0': 'montain' } }, /m\.json, "0": there is no class "montain"; did you mean "mountain"\?/],
    [{ classes: { '0': 'zebra crossing' } }, /the classes are mountain, sky/],
    [{ classes: { '0': 29 } }, /there is no class 29/],
    [{ classes: { '-1': 'sky' } }, /neither a value/],
    [{ classes: [{ from: [1, 2, 256], to: 'sky' }] }, /neither a value .* nor a colour/],
    [{ classes: [{ from: '#12345', to: 'sky' }] }, /neither a value .* nor a colour/],
    [{ classes: ['sky'] }, /an entry of "classes" is/],
    [{ classes: { '0': 'sky', '#000000': 'sea' } }, /side by side/],
    [
      {
        classes: [
          { from: 3, to: 'sky' },
          { from: '3', to: 'sea' },
        ],
      },
      /"3" is listed twice/,
    ],
    [{ classes: { '0': 'sky' }, rest: 'skye' }, /"rest": there is no class "skye"; did you mean "sky"/],
  ];
  for (const [json, reason] of wrong) {
    assert.throws(
      () => parseMapping(json, 'm.json'),
      (e) => e instanceof UserError && reason.test(e.message),
      JSON.stringify(json),
    );
  }
});

test('label maps: checked without a mapping, translated with one', async (t) => {
  const dir = temporaryFolder(t);
  const file = join(dir, 'labels.png');
  const labels = labelTiles(12, 8);
  await writePng(file, labels);
  assert.deepEqual(await readLabelMap(file), labels);
  // The original's reading of a map of 8 bits, found by running it: every class becomes 0.
  assert.deepEqual([...(await readLabelMap(file, { reading: 'original' })).data], Array(96).fill(0));
  await assert.rejects(readLabelMap(file, { reading: 'jittor' as 'paper' }), /reading: expected 'paper' or 'original'/);

  labels.data[25] = 29;
  await writePng(file, labels);
  await assert.rejects(
    readLabelMap(file),
    (e) => e instanceof UserError && e.message.startsWith(`${file}: the value 29 (column 1, row 2) is no class, the last is 28; `) && /mapping/.test(e.message),
  );
  labels.data[25] = IGNORE;
  await writePng(file, labels);
  assert.deepEqual(await readLabelMap(file), labels);
  await assert.rejects(readLabelMap(file, { allowIgnore: false }), /the value 255/);

  const mappingFile = join(dir, 'mapping.json');
  writeFileSync(mappingFile, JSON.stringify({ classes: { '255': 'ignore', '1': 'sea' }, rest: 'sky' }));
  const mapped = await readLabelMap(file, { mapping: mappingFile });
  assert.deepEqual(
    [...mapped.data],
    [...labels.data].map((v) => (v === 255 ? IGNORE : index(v === 1 ? 'sea' : 'sky'))),
  );

  writeFileSync(mappingFile, '{ "classes": ');
  await assert.rejects(readLabelMap(file, { mapping: mappingFile }), /mapping\.json: this is not valid JSON/);
  await assert.rejects(readLabelMap(file, { mapping: join(dir, 'none.json') }), /none\.json: there is no such file/);
});

test('the example of a colour mapping reads label images of its colours', async (t) => {
  const dir = temporaryFolder(t);
  const mapping = readMapping(join(ROOT, 'datasets', 'camvid_colours.mapping.json'));
  assert.equal(mapping.classes.size, 32);
  const data = Uint8Array.of(128, 128, 128, 128, 64, 128, 0, 0, 0, 128, 128, 0);
  await writePng(join(dir, 'labels', 'a.png'), { data, height: 2, width: 2 });
  await writeJpeg(join(dir, 'imgs', 'a.jpg'), photo(2, 2));
  const { labels } = await folderPairs(dir, { mapping }).at(0);
  assert.deepEqual([...labels.data], [index('sky'), index('road'), IGNORE, index('tree')]);
});

test('CamVid reads through its mapping file', async (t) => {
  const dir = withMaterial(t, 'data/camvid_mini/val');
  if (!dir) return;
  const mapping = join(ROOT, 'datasets', 'camvid.mapping.json');
  const data = folderPairs(dir, { mapping });
  assert.equal(data.length, 40);
  const { image, labels } = await data.at(0);
  assert.deepEqual([image.height, image.width, labels.height, labels.width], [192, 256, 192, 256]);
  const { classes, ignored, pixels } = await datasetStatistics(data);
  assert.equal(pixels + ignored, 40 * 192 * 256);
  const present = classes.filter((c) => c.images).map((c) => c.name);
  assert.deepEqual(present, ['sky', 'tree', 'building', 'person', 'path', 'road', 'fence', 'other']);
  // A street: road and buildings before all else.
  assert.ok(classes[index('road')].share > 0.15 && classes[index('building')].share > 0.15);
  await assert.doesNotReject(folderPairs(dir).at(0), 'its values 0..11 are also indices of classes, of others');
});

test('a mapping with a byte-order mark, in UTF-8 and both kinds of UTF-16', (t) => {
  const dir = temporaryFolder(t);
  const json = JSON.stringify({ name: 'Straße', classes: { '0': 'sky' } });
  const little = Buffer.from(`\ufeff${json}`, 'utf16le');
  for (const [name, bytes] of Object.entries({ utf8: Buffer.from(`\ufeff${json}`), little, big: Buffer.from(little).swap16() })) {
    writeFileSync(join(dir, name), bytes);
    const mapping = readMapping(join(dir, name));
    assert.deepEqual([mapping.name, [...mapping.classes]], ['Straße', [[0, index('sky')]]], name);
  }
});
