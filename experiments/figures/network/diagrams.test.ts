import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { withoutDrawing } from '../../../src/layers/core/parameters';
import { Discriminator } from '../../../src/models/discriminator';
import { LGGAN } from '../../../src/models/lggan/lggan';
import { RCAN } from '../../../src/models/rcan';
import { assertNoLeak } from '../../../proof/testing/close';
import { withMaterial } from '../../../proof/testing/material';
import { assertNothingCut, assertTextsApart, drawnTexts } from '../../../proof/testing/figures';
import { discriminatorBlocks, lgganBlocks, rcanBlocks, type NetworkBlock } from './blocks';
import { discriminatorDiagram } from './discriminator_diagram';
import { countText } from './drawing';
import { lgganDiagram } from './lggan_diagram';
import { rcanDiagram } from './rcan_diagram';

const sum = (blocks: readonly NetworkBlock[]) => blocks.reduce((s, b) => s + b.count, 0);
const named = (blocks: readonly NetworkBlock[], name: string) => blocks.find((b) => b.name === name)!;
const textsOf = async (sheet: { svg(): Promise<string> }) => drawnTexts(await sheet.svg()).map((t) => t.text);

test('the full-size generator: published count, shapes of the papers, every number in one block', async (t) => {
  const generator = withoutDrawing(() => new LGGAN());
  const blocks = lgganBlocks(generator);
  assert.equal(sum(blocks), generator.parameters.count);
  assert.equal(countText(sum(blocks)), '110.0 M');
  // conv3 of 128 -> 256 with bias, by hand; 29 convolutions 7x7 of 64 -> 3.
  assert.equal(named(blocks, 'conv3').count, 3 * 3 * 128 * 256 + 256);
  assert.equal(named(blocks, 'deconv5_0 .. 28').count, 29 * (7 * 7 * 64 * 3 + 3));
  assert.equal(named(blocks, 'resnet_blocks1 .. 9').repeat, 9);
  const shapes = Object.fromEntries(blocks.map((b) => [b.name, b.output.join('x')]));
  const expected = {
    conv1: '192x256x64',
    conv3: '48x64x256',
    conv5: '12x16x1024',
    head_0: '6x8x1024',
    G_middle_0: '12x16x1024',
    up_0: '24x32x512',
    up_3: '192x256x64',
    conv_img: '192x256x3',
    deconv3_local: '96x128x128',
    deconv4_local: '192x256x64',
    'deconv5_0 .. 28': '192x256x3',
    deconv9: '192x256x3',
    fc2: '29x29',
    deconv5_attention: '192x256x2',
  };
  for (const [name, shape] of Object.entries(expected)) assert.equal(shapes[name], shape, name);
  const diagram = lgganDiagram(generator);
  await assertNothingCut(diagram);
  await assertTextsApart(diagram);
  const texts = await textsOf(diagram);
  assert.ok(texts.includes('LGGAN, ngf 64, 192×256: 110.0 M parameters'));
  assert.ok(!texts.some((text) => text.includes('…')), 'a text was shortened');
  generator.dispose();

  const file = withMaterial(t, 'golden/golden_small.json');
  if (!file) return;
  // The original's state dict: its sizes by block, without buffers and the convolution that it never uses.
  const { G_state_dict_all: state } = JSON.parse(readFileSync(file, 'utf8')) as { G_state_dict_all: [string, number[]][] };
  const sizes = new Map<string, number>();
  for (const [name, shape] of state) {
    if (/^fc\.|weight_[uv]$|running_/.test(name)) continue;
    const block = blocks.find((b) => names(b).includes(name.split('.')[0]))!.name;
    sizes.set(block, (sizes.get(block) ?? 0) + shape.reduce((x, y) => x * y, 1));
  }
  assert.deepEqual(Object.fromEntries(sizes), Object.fromEntries(blocks.map((b) => [b.name, b.count])));
});

/** `a1 .. 3` is a1, a2, a3. */
function names({ name }: NetworkBlock): string[] {
  const run = /^(.*?)(\d+) \.\. (\d+)$/.exec(name);
  if (!run) return [name];
  return Array.from({ length: Number(run[3]) - Number(run[2]) + 1 }, (_, i) => `${run[1]}${Number(run[2]) + i}`);
}

test('small generators of every upsampling have a diagram', async () => {
  for (const upsampling of ['transposed', 'nearest'] as const) {
    const generator = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, imageSize: [32, 64], upsampling });
    const blocks = lgganBlocks(generator);
    assert.equal(sum(blocks), generator.parameters.count);
    const up = named(blocks, 'deconv3_local');
    assert.deepEqual([up.kind, up.output], ['upsampling', [16, 32, 8]]);
    await assertTextsApart(lgganDiagram(generator));
    await assertNoLeak(() => void lgganBlocks(generator));
    generator.dispose();
  }
});

test('the discriminator: shapes of 4x4 kernels padded by 2, and its size read off a checkpoint', async () => {
  const discriminator = withoutDrawing(() => new Discriminator());
  const scales = discriminatorBlocks(discriminator, [192, 256]);
  assert.equal(sum(scales.flat()), discriminator.parameters.count);
  // floor((n + 4 - 4) / stride) + 1
  assert.deepEqual(
    scales[0].map((b) => b.output),
    [
      [97, 129, 64],
      [49, 65, 128],
      [25, 33, 256],
      [26, 34, 512],
      [27, 35, 1],
    ],
  );
  assert.deepEqual(scales[1][0].input, [96, 128, 32]);
  assert.equal(scales[0][1].count, 4 * 4 * 64 * 128 + 128);
  const diagram = discriminatorDiagram(discriminator);
  await assertNothingCut(diagram);
  await assertTextsApart(diagram);
  assert.ok((await textsOf(diagram)).includes('conv 4×4, stride 2, spectral norm'));
  discriminator.dispose();
});

test("RCAN: the paper's count, and the parts add up", async () => {
  const rcan = withoutDrawing(() => new RCAN());
  const { chain, group, block } = rcanBlocks(rcan, [192, 256]);
  assert.equal(sum(chain), rcan.parameters.count);
  assert.equal(countText(rcan.parameters.count), '15.44 M');
  assert.deepEqual(
    chain.map((b) => b.name),
    ['sub_mean', 'head.0', 'body.0 .. 9', 'body.10', 'tail.0.0', 'tail.1', 'add_mean'],
  );
  assert.equal(10 * sum(group), named(chain, 'body.0 .. 9').count);
  assert.equal(20 * sum(block), group[0].count);
  assert.deepEqual(named(chain, 'tail.1').output, [384, 512, 3]);
  assert.deepEqual(
    block.map((b) => b.output),
    [
      [192, 256, 64],
      [192, 256, 64],
      [1, 1, 4],
      [1, 1, 64],
    ],
  );
  const diagram = rcanDiagram(rcan);
  await assertNothingCut(diagram);
  await assertTextsApart(diagram);
  assert.ok(!(await textsOf(diagram)).some((text) => text.includes('…')));
  rcan.dispose();
  const small = new RCAN({ groups: 1, blocks: 1, features: 4, reduction: 2 });
  await assertNoLeak(() => void rcanBlocks(small, [16, 16]));
  small.dispose();
});
