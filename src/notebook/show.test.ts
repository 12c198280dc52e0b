import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { imageGrid } from '../figures/grid';
import { Slot, markdownTable, show, showHtml, showMarkdown, showTable } from './show';
import { pretendNotebook } from '../../proof/testing/figures';

// As hard to compress as a photograph.
const noise = {
  width: 300,
  height: 300,
  data: Uint8Array.from({ length: 270000 }, (_, i) => 100 + ((Math.sin(i * 12.9898) * 43758.5453) % 1) * 90),
};
const plain = { width: 30, height: 20, data: new Uint8Array(1800).fill(90) };

test('outside a notebook nothing is shown, but figures are saved', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'show-'));
  try {
    await show(imageGrid([[plain]]), { save: join(folder, 'a') });
    await show('text');
    showMarkdown('text');
    new Slot().text('text');
    // And in a hidden file, that they are ours.
    assert.deepEqual((await readdir(folder)).sort(), ['.lggan-written', 'a.png', 'a.svg']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('in a notebook each call makes one output of one type', async () => {
  const notebook = pretendNotebook();
  try {
    await show(Promise.resolve(imageGrid([[plain]])));
    await show(plain);
    await show(noise);
    await show('**text**');
    showHtml('<b>x</b>');
    showTable([{ a: 1, b: 'x' }]);
    await show(Buffer.from([0xff, 0xd8, 0xff, 0]));
    assert.deepEqual(
      notebook.outputs.map((o) => o.type),
      ['png', 'png', 'jpeg', 'markdown', 'html', 'markdown', 'jpeg'],
    );
    assert.deepEqual([...(notebook.outputs[2].content as Uint8Array).slice(0, 2)], [0xff, 0xd8]);
  } finally {
    notebook.close();
  }
});

test('a slot rewrites its own output', async () => {
  const notebook = pretendNotebook();
  try {
    const slot = new Slot();
    slot.text('one');
    await new Slot().show('another');
    await slot.show('two');
    assert.deepEqual(notebook.outputs, [
      { type: 'markdown', content: 'two' },
      { type: 'markdown', content: 'another' },
    ]);
  } finally {
    notebook.close();
  }
});

test('tables in Markdown', () => {
  const rows = [
    { scaling: 'a|b', FID: 44.61534, n: 3 },
    { scaling: 'RCAN', score: undefined, FID: NaN },
  ];
  assert.equal(
    markdownTable(rows),
    ['| scaling | FID | n | score |', '| :--- | ---: | ---: | ---: |', '| a\\|b | 44.6153 | 3 | – |', '| RCAN | – | – | – |'].join('\n'),
  );
});
