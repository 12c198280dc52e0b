import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CLASS_NAMES, NUM_CLASSES } from '../classes';
import { paintedLandscapes, photographs } from './carried';

test('four photographs, credited, each with a label map of classes that are really there', async () => {
  const data = photographs();
  assert.deepEqual(data.names, ['aitzgorri', 'life', 'picosdeeuropa', 'sunset']);
  const expected: Record<string, string[]> = {
    aitzgorri: ['mountain', 'sky', 'tree', 'grass'],
    life: ['rock', 'tree', 'river', 'waterfall', 'plant', 'earth'],
    picosdeeuropa: ['mountain', 'sky', 'grass', 'path', 'rock', 'earth'],
    sunset: ['mountain', 'sky', 'hill', 'grass', 'other', 'rock'],
  };
  for (let i = 0; i < data.length; i++) {
    const { name, image, labels } = await data.at(i);
    assert.equal(`${image.width}x${image.height}`, '1024x768');
    const found = new Set([...labels.data].map((c) => CLASS_NAMES[c]));
    assert.deepEqual([...found].sort(), [...expected[name]].sort());
  }
  const root = join(__dirname, '..', '..', 'datasets', 'photos');
  assert.match(readFileSync(join(root, 'CREDITS.md'), 'utf8'), /Aitzol Berasategi[\s\S]*CC BY 4\.0/);
  const bytes = data.names.reduce((sum, n) => sum + statSync(join(root, 'imgs', `${n}.jpg`)).size + statSync(join(root, 'labels', `${n}.png`)).size, 0);
  assert.ok(bytes < 2e6, `${bytes} bytes`);
});

test('the label maps fit the photographs: what a colour gives away is where the map says', async () => {
  const data = photographs();
  const share = async (name: string, kind: string, test: (r: number, g: number, b: number) => boolean): Promise<number> => {
    const { image, labels } = await data.at(data.names.indexOf(name));
    const c = CLASS_NAMES.indexOf(kind);
    let all = 0;
    let right = 0;
    for (let p = 0; p < labels.data.length; p++) {
      if (labels.data[p] !== c) continue;
      all++;
      if (test(image.data[p * 3], image.data[p * 3 + 1], image.data[p * 3 + 2])) right++;
    }
    return right / all;
  };
  assert.ok((await share('aitzgorri', 'grass', (r, g, b) => g > r && g > b)) > 0.95);
  assert.ok((await share('aitzgorri', 'sky', (r, g, b) => r > 150 && b > 180)) > 0.99);
  assert.ok((await share('aitzgorri', 'mountain', (r, g, b) => r < 190 && g < 190 && b < 200)) > 0.9);
  assert.ok((await share('picosdeeuropa', 'sky', (r, g, b) => b >= r)) > 0.97);
  assert.ok((await share('picosdeeuropa', 'path', (r, g, b) => r > g && g > b)) > 0.9);
  assert.ok((await share('sunset', 'grass', (r, g, b) => r + g + b < 600)) > 0.95);
});

test('160 painted landscapes, every class in at least four label maps, below 12 MB', async () => {
  const data = paintedLandscapes();
  assert.equal(data.length, 160);
  const maps = new Array(NUM_CLASSES).fill(0);
  for (let i = 0; i < data.length; i++) {
    const { image, labels } = await data.at(i);
    assert.equal(`${image.width}x${image.height}`, '512x384');
    for (const c of new Set(labels.data)) maps[c]++;
  }
  assert.ok(Math.min(...maps) >= 4, maps.join(' '));
  const root = join(__dirname, '..', '..', 'datasets', 'painted');
  const bytes = data.names.reduce((sum, n) => sum + statSync(join(root, 'imgs', `${n}.jpg`)).size + statSync(join(root, 'labels', `${n}.png`)).size, 0);
  assert.ok(bytes < 12e6, `${bytes} bytes`);
});
