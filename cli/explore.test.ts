import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after } from 'node:test';
import { command } from '../proof/testing/command';
import { saveParameters } from '../src/checkpoints/parameters';
import { copyPainted } from '../src/data/embedded';
import type { LGGANConfig } from '../src/models/lggan/config';
import { LGGAN } from '../src/models/lggan/lggan';

const dir = mkdtempSync(join(tmpdir(), 'explore-'));
after(() => rmSync(dir, { recursive: true, force: true }));

const explore = (...args: string[]) => command('explore', ...args);

async function checkpoint(name: string, config: Partial<LGGANConfig>): Promise<string> {
  const g = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, imageSize: [32, 64], ...config });
  const file = join(dir, name);
  await saveParameters(file, g.parameters, { network: 'LGGAN', config: JSON.stringify(g.config) });
  g.dispose();
  return file;
}

test("explore: the page of a folder's first map, the tables of all; a generator without SAU is refused", async () => {
  await copyPainted(join(dir, 'set'), { count: 2, size: [48, 64] });
  const labels = join(dir, 'set', 'labels');
  const file = await checkpoint('G.safetensors', {});
  const run = explore('--checkpoint', file, '--labels', labels, '--output_path', join(dir, 'out', 'explorer'));
  assert.equal(run.status, 0, run.err);
  assert.deepEqual(
    readdirSync(join(dir, 'out'))
      .filter((name) => !name.startsWith('.'))
      .sort(),
    ['explorer.html', 'explorer.png', 'explorer.svg'],
  );
  assert.match(readFileSync(join(dir, 'out', 'explorer.html'), 'utf8'), /<title>Explorer of semantic-aware upsampling<\/title>/);
  // Two maps of 32x64, or of 16x32 at half the size; an untrained network is as it was at its start.
  assert.match(run.out, /\| local 1 \| everywhere \| 1024 \| (0\.\d{4}) \| \1 \|/);
  assert.match(run.out, /\| weights 2 \| everywhere \| 4096 \|/);
  assert.match(run.out, /\| class \| share of the pixels \| local branch \| global branch \|/);

  const plain = explore('--checkpoint', await checkpoint('nearest.safetensors', { upsampling: 'nearest' }), '--labels', labels);
  assert.equal(plain.status, 2);
  assert.match(plain.err, /nearest\.safetensors: this generator upsamples by 'nearest'/);
});
