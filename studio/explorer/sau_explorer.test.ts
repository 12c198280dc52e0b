import assert from 'node:assert/strict';
import test from 'node:test';
import { JSDOM, VirtualConsole } from 'jsdom';
import { CLASSES } from '../../src/classes';
import { IGNORE, type LabelMap } from '../../src/data/types';
import { inspect, SAU_NAMES, sauAttention, type Inspection } from '../../src/inspection/inspect';
import { kernelEntropy, kernelsOf, labelsAt, sameClassShare, TAPS } from '../../src/inspection/kernels';
import { LGGAN } from '../../src/models/lggan/lggan';
import { assertNoLeak } from '../../proof/testing/close';
import { labelMap as map, scatter } from '../../proof/testing/toy';
import * as tf from '../../src/engine/tf';
import { showInteractive } from '../../src/notebook/show';
import { pretendNotebook } from '../../proof/testing/figures';
import { dequantise, quantise } from './planes';
import { SauExplorer, sauExplorer } from './sau_explorer';

/** Sky over mountains over water, with a spot of no class. */
const scene = map(32, 64, (y, x) => (x > 50 && y > 28 ? IGNORE : y < 12 + (x >> 4) ? 1 : x < 40 ? 0 : 2));

/** A small network whose kernels are far from uniform. */
function looked(): Inspection {
  const g = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, imageSize: [32, 64] });
  scatter(g.parameters.trainable, 5, 0.3);
  const seen = inspect(g, scene, { keep: ['attention'] });
  g.dispose();
  return seen;
}

interface PageKernel {
  weights: number[];
  classes: (number | undefined)[];
  ownClass: number;
  entropy: number;
}

/** The page in a document without a browser: no layout and no canvas, so that the picture is said to be 10 pixels for one of its own. */
async function open(page: string) {
  const dom = new JSDOM(page, {
    runScripts: 'dangerously',
    virtualConsole: new VirtualConsole(),
    beforeParse: (window) => Object.assign(window, { DecompressionStream, Response }),
  });
  const { window } = dom;
  const { document } = window;
  const loaded = (window as unknown as { sauExplorer: Promise<{ kernelAt(sau: number, x: number, y: number): PageKernel }> }).sauExplorer;
  const { kernelAt } = await loaded;
  const stage = document.getElementById('stage')!;
  stage.getBoundingClientRect = () => ({ left: 20, top: 30, width: 640, height: 320 }) as DOMRect;
  const pointer = (type: string, x: number, y: number) =>
    stage.dispatchEvent(new window.MouseEvent(type, { clientX: 20 + 10 * x + 5, clientY: 30 + 10 * y + 5, bubbles: true, detail: 1 }));
  const key = (name: string, shiftKey = false) =>
    stage.dispatchEvent(new window.KeyboardEvent('keydown', { key: name, shiftKey, bubbles: true, cancelable: true }));
  const texts = (selector: string) => [...document.querySelectorAll(selector)].map((e) => e.textContent!.replace(/\u00a0/g, ' '));
  const choose = (name: string, label: string) =>
    [...document.querySelectorAll<HTMLLabelElement>(`#${name} label`)].find((l) => l.textContent === label)!.click();
  return { document, kernelAt, pointer, key, texts, choose, close: () => window.close() };
}

test("the page's kernels are the network's within the stated error, its classes and numbers those of the measures", async () => {
  const seen = looked();
  const explorer = await sauExplorer(seen, scene);
  const page = await open(await explorer.html());
  let largest = 0;
  let most = 0;
  for (const [s, name] of SAU_NAMES.entries()) {
    const kernels = await kernelsOf(sauAttention(seen)[name]);
    const labels = labelsAt(scene, kernels);
    const [share, entropy] = [sameClassShare(kernels, labels).data, kernelEntropy(kernels).data];
    for (let i = 0; i < share.length; i++) {
      const [x, y] = [i % kernels.width, Math.floor(i / kernels.width)];
      const shown = page.kernelAt(s, x, y);
      shown.weights.forEach((w, k) => {
        const error = Math.abs(w - kernels.weights[i * TAPS + k]);
        largest = Math.max(largest, error);
        most = Math.max(most, w);
        if (kernels.weights[i * TAPS + k] < 0.1) assert.ok(error <= explorer.error.smallWeight + 1e-6, `${name} (${x}, ${y}) tap ${k}: ${error}`);
        const [tx, ty] = [x + (k % 5) - 2, y + Math.floor(k / 5) - 2];
        const inside = tx >= 0 && ty >= 0 && tx < kernels.width && ty < kernels.height;
        assert.equal(shown.classes[k], inside ? labels.data[ty * kernels.width + tx] : undefined);
      });
      if (labels.data[i] === IGNORE) assert.ok(Number.isNaN(shown.ownClass));
      else assert.ok(Math.abs(shown.ownClass - share[i]) <= explorer.error.share + 1e-6);
      assert.ok(Math.abs(shown.entropy - entropy[i]) < 0.05);
    }
  }
  assert.ok(largest <= explorer.error.weight + 1e-6 && largest > 0.9 * explorer.error.weight, `${largest} of ${explorer.error.weight}`);
  // 256 steps of the root: half a step at the largest weight, doubled for the sum that it is divided by.
  assert.ok(most > 0.3 && explorer.error.weight < 2 / 255, `${explorer.error.weight}`);
  const stated = /at most ([\d.]+) percentage points \(those below 10 % by ([\d.]+)\), shares of a class by at most ([\d.]+)\./.exec(
    page.document.body.textContent!,
  )!;
  const { weight, smallWeight, share } = explorer.error;
  [weight, smallWeight, share].forEach((e, i) => assert.ok(Number(stated[i + 1]) >= 100 * e && Number(stated[i + 1]) < 100 * e + 0.0101));
  page.close();
  tf.dispose(seen);
});

test('the pointer moves the kernel, clicks pin points, keys do the same', async () => {
  const seen = looked();
  const page = await open(await (await sauExplorer(seen, scene)).html());
  const weights = () => page.texts('.point:last-child .weight');
  const shownAt = async (sau: (typeof SAU_NAMES)[number], x: number, y: number) => {
    const { weights: all, width } = await kernelsOf(sauAttention(seen)[sau]);
    return [...all.subarray((y * width + x) * TAPS, (y * width + x + 1) * TAPS)].map((w) => 100 * w);
  };
  const assertShown = async (...where: Parameters<typeof shownAt>) => {
    const expected = await shownAt(...where);
    // Rounded to whole numbers from 10 % on.
    weights().forEach((text, k) =>
      assert.ok(Math.abs(Number(text) - expected[k]) < (expected[k] > 9.9 ? 0.9 : 0.3), `${where} tap ${k}: ${text}, ${expected[k]}`),
    );
  };
  page.pointer('pointermove', 30, 20);
  await assertShown('local 2', 30, 20);
  const before = weights();
  page.pointer('pointermove', 45, 7);
  assert.notDeepEqual(weights(), before);
  await assertShown('local 2', 45, 7);
  assert.deepEqual(page.texts('h2'), ['skycolumn 45, row 7']);
  // Beyond the edge the point stays on the picture.
  page.pointer('pointermove', 70, -3);
  assert.deepEqual(page.texts('h2'), ['skycolumn 63, row 0']);
  assert.ok(page.texts('.point tbody tr')[0].startsWith('outside') || page.texts('.point tbody tr')[1].startsWith('outside'));

  page.choose('saus', 'weights 1');
  page.pointer('pointermove', 31, 21);
  await assertShown('weights 1', 15, 10);
  // An arrow goes one pixel of this SAU: two of the picture.
  page.key('ArrowRight');
  await assertShown('weights 1', 16, 10);
  page.key('ArrowUp', true);
  assert.deepEqual(page.texts('h2'), ['skycolumn 33, row 5']);
  assert.match(page.texts('#status')[0], /^sky at column 33, row 5\. weights 1: own class [\d.]+ %, entropy [\d.]+ bits\.$/);

  page.pointer('click', 10, 25);
  page.pointer('pointermove', 60, 20);
  assert.deepEqual(page.texts('h2'), ['A mountaincolumn 10, row 25', 'watercolumn 60, row 20']);
  page.key('Enter');
  page.pointer('pointermove', 1, 1);
  assert.deepEqual(page.texts('h2'), ['A mountaincolumn 10, row 25', 'B watercolumn 60, row 20']);
  assert.deepEqual(page.texts('#marks text'), ['A', 'B']);
  page.key('Escape');
  assert.deepEqual(page.texts('h2'), ['skycolumn 1, row 1']);

  page.key('0');
  assert.deepEqual(page.texts('figcaption'), ['local 1 32×16', 'local 2 64×32', 'weights 1 32×16', 'weights 2 64×32']);
  page.key('2');
  assert.deepEqual(page.texts('figcaption'), ['local 2 64×32']);
  const checked = () => page.document.querySelector('#backgrounds input:checked')!.parentElement!.textContent;
  assert.equal(checked(), 'label map');
  page.key('b');
  assert.equal(checked(), 'final');
  page.key('B', true);
  page.key('B', true);
  assert.equal(checked(), 'entropy');
  assert.match(page.texts('#range')[0], /^entropy of local 2: [\d.]+ +[\d.]+ bits$/);
  page.choose('backgrounds', 'local weight');
  assert.match(page.texts('#range')[0], /^local weight: 0 +1$/);
  assert.deepEqual(page.texts('#backgrounds label'), ['label map', 'final', 'global', 'local', 'local weight', 'global weight', 'own-class share', 'entropy']);
  page.close();
  tf.dispose(seen);
});

test('the page is one file that asks for nothing, says what is what, and takes names as they are', async () => {
  const seen = looked();
  const classes = CLASSES.map((c, i) => (i === 1 ? { ...c, name: 'sky</script><b>&"' } : c));
  const explorer = await sauExplorer(seen, scene, { title: '<i>SAU</i> & "more"', classes });
  const html = await explorer.html();
  assert.doesNotMatch(html.replace('http://www.w3.org/2000/svg', ''), /https?:|\bsrc=|href=|@import|url\(|\bfetch\(/);
  const page = await open(html);
  assert.deepEqual(page.texts('h1'), ['<i>SAU</i> & "more"']);
  assert.match(page.texts('#legend li').join('; '), /^sky<\/script><b>&" [\d.]+ %; mountain [\d.]+ %; water [\d.]+ %; not labelled [\d.]+ %$/);
  assert.equal(page.document.documentElement.lang, 'en');
  for (const input of page.document.querySelectorAll('input, select')) assert.ok((input as HTMLInputElement).labels!.length === 1);
  assert.equal(page.document.getElementById('stage')!.tabIndex, 0);
  assert.match(page.document.querySelector('.window svg')!.getAttribute('aria-label')!, /^Kernel of SAU local 2 at column \d+, row \d+: own class/);
  page.close();
  tf.dispose(seen);
});

test('larger pages are rounded more coarsely, and say so; what fits in no way is refused', async () => {
  const seen = looked();
  const fine = await sauExplorer(seen, scene);
  const size = Buffer.byteLength(await fine.html());
  const coarse = await sauExplorer(seen, scene, { maxBytes: size - 1000 });
  assert.ok(Buffer.byteLength(await coarse.html()) < size - 1000);
  assert.match(await coarse.html(), /stored in (128|64|32) steps/);
  assert.ok(coarse.error.weight > fine.error.weight);
  const few = await sauExplorer(seen, scene, { saus: ['weights 1'] });
  const page = await open(await few.html());
  assert.deepEqual(page.texts('#saus label'), ['weights 1']);
  page.close();
  await assert.rejects(sauExplorer(seen, scene, { maxBytes: 10_000 }), /the explorer of a 32x64 image takes 0\.\d MB even with coarse kernels/);
  await assert.rejects(sauExplorer({ ...seen, attention: undefined }, scene), /SAU's weights are missing/);
  tf.dispose(seen);
});

test('rounding: uniform and one-hot kernels come back exactly, others within half a step of the root', () => {
  const uniform = { weights: new Float32Array(2 * 3 * TAPS).fill(1 / TAPS), height: 2, width: 3 };
  const oneHot = { weights: new Float32Array(2 * 3 * TAPS).map((_, i) => Number(i % TAPS === Math.floor(i / TAPS))), height: 2, width: 3 };
  for (const kernels of [uniform, oneHot])
    dequantise(quantise(kernels, 255), 255).weights.forEach((w, i) => assert.ok(Math.abs(w - kernels.weights[i]) < 1e-7));
  // Each kernel holds a weight p on one tap and the rest on another, so that roots reach from 0 to 1.
  const height = 101;
  const weights = new Float32Array(height * TAPS);
  for (let i = 0; i < height; i++) [weights[i * TAPS], weights[i * TAPS + 1]] = [i / 100, 1 - i / 100];
  const { weights: back } = dequantise(quantise({ weights, height, width: 1 }, 63), 63);
  for (let i = 0; i < height; i++) {
    const root = Math.max(Math.sqrt(i / 100), Math.sqrt(1 - i / 100));
    assert.ok(Math.abs(back[i * TAPS] - i / 100) <= 2 * (2 * root * (0.5 / 63) + (0.5 / 63) ** 2), `${i}`);
  }
});

test('as a figure: its picture is that of the kernels; in a notebook the page stands in a frame over it; no tensor is left', async () => {
  const seen = looked();
  await assertNoLeak(async () => void (await (await sauExplorer(seen, scene)).png()));
  const notebook = pretendNotebook();
  try {
    const explorer = await sauExplorer(seen, scene);
    assert.ok(explorer instanceof SauExplorer);
    assert.match(await explorer.svg(), /^<svg /);
    await showInteractive(explorer, { height: 700 });
    assert.deepEqual(
      notebook.outputs.map((o) => o.type),
      ['html', 'png'],
    );
    const frame = new JSDOM(notebook.outputs[0].content as string).window.document.querySelector('iframe')!;
    assert.equal(frame.srcdoc, await explorer.html());
    assert.deepEqual([frame.title, frame.style.height, frame.getAttribute('sandbox')], [explorer.title, '700px', 'allow-scripts']);
  } finally {
    notebook.close();
  }
  tf.dispose(seen);
});

test('the second image of a batch', async () => {
  const g = new LGGAN({ ngf: 4, spadeHidden: 4, residualBlocks: 1, imageSize: [32, 64] });
  scatter(g.parameters.trainable, 5, 0.3);
  const other: LabelMap = map(32, 64, () => 3);
  const both = inspect(g, [other, scene], { keep: ['attention'] });
  const page = await open(await (await sauExplorer(both, scene, { index: 1 })).html());
  const { weights } = await kernelsOf(both.attention!.local[1], 1);
  page.kernelAt(1, 5, 6).weights.forEach((w, k) => assert.ok(Math.abs(w - weights[(6 * 64 + 5) * TAPS + k]) < 0.01));
  page.close();
  tf.dispose(both);
  g.dispose();
  assert.equal(tf.memory().numTensors, 0);
});
