/** The studio in a real browser; what takes longer, `npm run test:browser` runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test, { after, before } from 'node:test';
import sharp from 'sharp';
import { noBrowser } from '../scripts/browser/chromium.mjs';
import { root } from '../scripts/setup/system.mjs';
import { openStudio, plainServer } from './browser.mjs';

const require = createRequire(import.meta.url);
const skip = noBrowser();
const long = skip || (process.env.LGGAN_LONG !== '1' && 'npm run test:browser runs it');

let studio;
before(async () => {
  if (!skip) studio = await openStudio();
});
after(() => studio?.close());

/** Opens the page anew; at its end nothing may have gone wrong, and nothing may have come from elsewhere. */
async function opened(t, search = '?engine=wasm', options) {
  const page = await studio.open(search, options);
  t.after(() => page.close());
  return page;
}

function assertClean({ errors, requests }) {
  assert.deepEqual(errors, []);
  const own = (url) => url.startsWith(studio.address) || url.startsWith(`blob:${studio.address}`) || /^(blob|data):/.test(url);
  assert.deepEqual(
    requests.filter((url) => !own(url)),
    [],
  );
}

/** Mean difference of two pictures, in levels of 255, over the pixels (x, y from 0 to 1) that a condition holds for. */
function difference(a, b, holds = () => true) {
  assert.deepEqual([a.height, a.width], [b.height, b.width]);
  let [sum, count] = [0, 0];
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      if (!holds((x + 0.5) / a.width, (y + 0.5) / a.height)) continue;
      const i = 4 * (y * a.width + x);
      for (let c = 0; c < 3; c++) sum += Math.abs(a.data[i + c] - b.data[i + c]);
      count += 3;
    }
  }
  return sum / count;
}

const largest = (a, b) => a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);
const rgb = ({ data }) => data.filter((_, i) => i % 4 !== 3);

test('water drawn over grass changes the painting there and hardly elsewhere; undo takes it back; a reload keeps it', { skip }, async (t) => {
  const page = await opened(t);
  await page.painted();
  await page.draw('Rectangle', 'grass', [0.002, 0.002], [0.998, 0.998]);
  await page.draw('Rectangle', 'sky', [0.002, 0.002], [0.998, 0.4]);
  const before = await page.painted();
  const sketch = await page.pixels('sketch');
  await page.draw('Rectangle', 'water', [0.1, 0.6], [0.4, 0.9]);
  const after = await page.painted();
  const inside = difference(before, after, (x, y) => x > 0.12 && x < 0.38 && y > 0.62 && y < 0.88);
  const elsewhere = difference(before, after, (x, y) => x > 0.55 || y < 0.4);
  t.diagnostic(`mean difference inside ${inside.toFixed(1)}, elsewhere ${elsewhere.toFixed(1)} levels of 255`);
  // Instance norm carries a little of it everywhere.
  assert.ok(inside > 8 && elsewhere < inside / 1.5, `${inside} and ${elsewhere}`);

  await page.page.keyboard.press('Control+z');
  assert.deepEqual((await page.pixels('sketch')).data, sketch.data);
  // The same sketch, the same painting.
  assert.deepEqual((await page.painted()).data, before.data);
  await page.page.keyboard.press('Control+Shift+Z');
  assert.deepEqual((await page.painted()).data, after.data);

  const drawn = await page.pixels('sketch');
  // It is kept a moment later.
  await page.page.waitForTimeout(700);
  const asked = studio.asked.length;
  await page.page.reload();
  assert.deepEqual((await page.painted()).data, after.data);
  const again = studio.asked.slice(asked);
  assert.ok(again.includes('/worker.js') && !again.some((name) => name.endsWith('.safetensors')), `the network is fetched again: ${again}`);
  assert.deepEqual((await page.pixels('sketch')).data, drawn.data);
  assertClean(page);
});

test('a saved label map opens as the same sketch, and `generate` paints the same picture of it, also twice as large', { skip }, async (t) => {
  const page = await opened(t);
  await page.painted();
  await page.page.getByRole('button', { name: 'Village' }).click();
  await page.page.locator('#seed').fill('42');
  await page.page.locator('#seed').blur();
  const painting = await page.painted();
  const sketch = await page.pixels('sketch');
  const labels = await page.download('save-labels');
  await page.page.locator('#enlarge').click();
  await page.page.waitForFunction((width) => document.getElementById('painting').width === 2 * width, painting.width);
  const enlarged = await page.download('save-painting');
  assert.deepEqual([labels.name, enlarged.name], ['labels.png', 'painting.png']);
  const both = await page.download('save-both');
  assert.equal((await sharp(both.content).metadata()).width, 2 * sketch.width);

  const sketchText = () => page.page.evaluate(() => document.getElementById('sketch').toDataURL());
  const text = await sketchText();
  await page.page.getByRole('button', { name: 'Desert' }).click();
  assert.notEqual(await sketchText(), text);
  await page.give('open-file', 'labels.png', labels.content);
  await page.page.waitForFunction((wanted) => document.getElementById('sketch').toDataURL() === wanted, text);
  // It begins with a scene like it, whatever was chosen before.
  await page.painted();
  assert.notEqual(await page.page.locator('#seed').inputValue(), '42');
  await page.page.locator('#seed').fill('42');
  await page.page.locator('#seed').blur();
  assert.deepEqual((await page.painted()).data, painting.data);
  assert.deepEqual((await page.pixels('sketch')).data, sketch.data);

  const [input, output] = ['labels', 'painted'].map((name) => path.join(studio.folder, name));
  fs.mkdirSync(input);
  fs.writeFileSync(path.join(input, 'mine.png'), labels.content);
  const args = [
    'scripts/cli.mjs',
    'generate',
    '--input_path',
    input,
    '--output_path',
    output,
    '--checkpoint',
    studio.generator,
    '--png',
    '--use_sr',
    '--size',
    'network',
  ];
  args.push('--sr_checkpoint', 'checkpoints/pretrained/rcan.safetensors', '--noise_seed', '42', '--scene', '42');
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const ours = await sharp(path.join(output, 'mine.png')).removeAlpha().raw().toBuffer();
  const theirs = await sharp(enlarged.content).removeAlpha().raw().toBuffer();
  const most = largest(ours, theirs);
  t.diagnostic(`page and generate differ by at most ${most} levels of 255`);
  assert.ok(most <= 2, `${most}`);
  assertClean(page);
});

/** Ten sketches painted by the page and by Node's engine: the largest difference of each. */
async function againstNode(page) {
  const tf = require('../src/engine/tf.ts');
  const { loadLGGAN } = require('../src/models/pretrained.ts');
  const { STARTERS, drawn } = require('./drawing/starters.ts');
  const generator = await loadLGGAN(path.join(root, studio.generator));
  const sketch = await page.pixels('sketch');
  const differences = [];
  for (const starter of STARTERS.slice(0, 10)) {
    await page.page.getByRole('button', { name: starter.title }).click();
    const painting = await page.painted();
    const size = { height: sketch.height, width: sketch.width };
    const seed = Number(await page.page.locator('#seed').inputValue());
    const map = { data: drawn(starter, size), ...size };
    // A new sketch has the light of the scene most like it.
    assert.equal(seed, generator.styles.near(map));
    const [image] = await generator.paint([map], { noiseSeed: seed, scene: seed });
    differences.push(largest(image.data, rgb(painting)));
  }
  generator.dispose();
  return { differences, engine: tf.engineInfo().description };
}

test('ten paintings equal those of the native engine within 2 levels of 255', { skip }, async (t) => {
  const page = await opened(t);
  await page.painted();
  const { differences, engine } = await againstNode(page);
  t.diagnostic(`WebAssembly against ${engine}: at most ${Math.max(...differences)} levels of 255 (${differences.join(', ')})`);
  assert.ok(Math.max(...differences) <= 2, differences.join(', '));
  assertClean(page);
});

test('a wrong file gets a sentence, and the sketch stays', { skip }, async (t) => {
  const page = await opened(t);
  const before = await page.painted();
  const { writeLabelFile } = require('./drawing/label_file.ts');
  const good = Buffer.from(writeLabelFile({ data: new Uint8Array(64), height: 8, width: 8 }));
  const huge = Buffer.from(good);
  huge.writeUInt32BE(20_000, 16);
  huge.writeUInt32BE(20_000, 20);
  for (const [name, content, sentence] of [
    ['text.png', Buffer.from('no picture at all, and long enough to have a header'), /^text\.png: this is no PNG\. [^\n]+\.$/],
    ['cut.png', good.subarray(0, good.length - 20), /^cut\.png: the file is damaged or not complete [^\n]+\.$/],
    ['huge.png', huge, /^huge\.png: 20000 x 20000 pixels are too many [^\n]+\.$/],
  ]) {
    await page.give('open-file', name, content);
    await page.page.waitForFunction((word) => document.getElementById('remark-text').textContent.startsWith(word), name);
    assert.match(await page.remark(), sentence);
  }
  await page.give('trace-file', 'photo.png', good.subarray(0, 40));
  await page.page.waitForFunction(() => document.getElementById('remark-text').textContent.startsWith('photo.png'));
  assert.match(await page.remark(), /^photo\.png: this is no photo that the browser can show\.$/);
  assert.deepEqual((await page.painted()).data, before.data);
  assertClean(page);
});

/** A photo of one colour. */
const photoOf = (background) =>
  sharp({ create: { width: 40, height: 30, channels: 3, background } })
    .jpeg()
    .toBuffer();

test('a photo lends its light and its colours, and gives them back', { skip }, async (t) => {
  const page = await opened(t);
  const before = await page.painted();
  await page.give('style-file', 'dusk.jpg', await photoOf('#c05020'));
  await page.page.locator('#own-style').waitFor();
  const lit = await page.painted();
  const warmth = ({ data }) => data.reduce((sum, v, i) => sum + (i % 4 === 0 ? v : i % 4 === 2 ? -v : 0), 0) / (data.length / 4);
  t.diagnostic(`red less blue ${warmth(before).toFixed(1)} before, ${warmth(lit).toFixed(1)} in the light of a dusk, levels of 255`);
  // The photo's is 160.
  assert.ok(warmth(lit) > warmth(before) + 20, `${warmth(lit)} and ${warmth(before)}`);
  await page.page.locator('#own-style').click();
  assert.deepEqual((await page.painted()).data, before.data);
  await page.give('style-file', 'text.jpg', Buffer.from('no picture'));
  await page.page.waitForFunction(() => document.getElementById('remark-text').textContent.startsWith('text.jpg'));
  assert.match(await page.remark(), /^text\.jpg: this is no photo that the browser can show\.$/);
  assertClean(page);
});

test('a photo lies over the sketch to trace it, as clear as one likes', { skip }, async (t) => {
  const page = await opened(t);
  const before = await page.painted();
  await page.give('trace-file', 'photo.jpg', await photoOf('#ff0000'));
  await page.page.locator('#photo').waitFor();
  const opacity = () => page.page.locator('#photo').evaluate((photo) => photo.style.opacity);
  assert.equal(await opacity(), '0.5');
  await page.page.locator('#opacity').fill('20');
  assert.equal(await opacity(), '0.2');
  // It is no part of the sketch, and one draws through it.
  assert.deepEqual((await page.painted()).data, before.data);
  const sketch = await page.pixels('sketch');
  await page.draw('Brush', 'boat', [0.5, 0.5], [0.6, 0.5]);
  assert.notDeepEqual((await page.pixels('sketch')).data, sketch.data);
  await page.page.getByRole('button', { name: 'Remove' }).click();
  assert.equal(await page.page.locator('#photo').isVisible(), false);
  assertClean(page);
});

test('one finger draws, two zoom and take back what the first began', { skip }, async (t) => {
  const page = await opened(t);
  await page.painted();
  await page.choose('boat');
  const client = await page.page.context().newCDPSession(page.page);
  await client.send('Emulation.setTouchEmulationEnabled', { enabled: true, maxTouchPoints: 2 });
  const box = await page.page.locator('#sketch').boundingBox();
  const touch = (type, ...places) =>
    client.send('Input.dispatchTouchEvent', { type, touchPoints: places.map(([x, y], id) => ({ id, x: box.x + x * box.width, y: box.y + y * box.height })) });
  const start = await page.pixels('sketch');
  await touch('touchStart', [0.2, 0.2]);
  await touch('touchMove', [0.3, 0.2]);
  await touch('touchEnd');
  const drawn = await page.pixels('sketch');
  assert.notDeepEqual(drawn.data, start.data);

  await touch('touchStart', [0.4, 0.5]);
  await touch('touchStart', [0.4, 0.5], [0.6, 0.5]);
  await touch('touchMove', [0.3, 0.5], [0.7, 0.5]);
  await touch('touchEnd');
  assert.equal(await page.page.locator('#zoom-fit').innerText(), '200 %');
  assert.deepEqual((await page.pixels('sketch')).data, drawn.data);
  // What lay in the middle of the fingers still does.
  const zoomed = await page.page.locator('#sketch').boundingBox();
  assert.ok(Math.abs(zoomed.x + zoomed.width / 2 - (box.x + box.width / 2)) < 2);
  await page.page.locator('#zoom-fit').click();
  assert.equal(await page.page.locator('#zoom-fit').innerText(), '100 %');
  assertClean(page);
});

test('drawing never stops the page for 50 ms, while it paints', { skip }, async (t) => {
  // Two processors that are shared with other work: a task that was only kept waiting counts too. A page that stops by its own work does so in every round.
  const rounds = [];
  const quiet = (tasks) => tasks.length <= 1 && tasks.every((ms) => ms < 150);
  do {
    const page = await opened(t);
    rounds.push(await longTasks(t, page));
    await page.close();
  } while (!quiet(rounds.at(-1)) && rounds.length < 5);
  assert.ok(quiet(rounds.at(-1)), rounds.join('; '));
});

/** Draws on a new page, which paints; returns how long its tasks above 50 ms took. */
async function longTasks(t, page) {
  await page.painted();
  await page.page.evaluate(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
  });
  await page.choose('lake');
  await page.tool('Brush');
  const count = () => page.page.evaluate(() => Number(document.body.dataset.paintings));
  const paintings = await count();
  const tensors = () => page.page.evaluate(() => document.body.dataset.tensors);
  const before = await tensors();
  for (let i = 0; i < 4; i++) await page.stroke([0.1, 0.2 + 0.1 * i], [0.9, 0.3 + 0.1 * i], [0.2, 0.5], [0.7, 0.9]);
  await page.painted();
  const tasks = await page.page.evaluate(() => window.tasks);
  t.diagnostic(
    `${(await count()) - paintings} paintings while drawing; tasks above 50 ms: ${tasks.length ? tasks.map((ms) => ms.toFixed(0)).join(', ') : 'none'}`,
  );
  assert.ok((await count()) > paintings);
  assert.equal(await tensors(), before);
  return tasks;
}

test('everything is reached by the keyboard: a class, a tool, a line drawn, undone', { skip }, async (t) => {
  const page = await opened(t);
  await page.painted();
  const start = await page.pixels('sketch');
  const { keyboard } = page.page;
  await page.page.locator('#stage').focus();
  await keyboard.press('5');
  assert.match(await page.page.locator('#current').innerText(), /rock/);
  await keyboard.press('l');
  await keyboard.press('Space');
  for (let i = 0; i < 10; i++) await keyboard.press('Shift+ArrowRight');
  await keyboard.press('Space');
  const line = await page.pixels('sketch');
  const at = ({ data, width }, x, y) => [...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3)];
  assert.deepEqual(at(line, line.width / 2 + 100, line.height / 2), [0x7d, 0x7d, 0x84]);
  assert.notDeepEqual(line.data, start.data);
  await keyboard.press('Control+z');
  assert.deepEqual((await page.pixels('sketch')).data, start.data);
  assertClean(page);
});

test('a click on the painting opens the explorer at that point', { skip }, async (t) => {
  const page = await opened(t);
  const { height, width } = await page.painted();
  const box = await page.page.locator('#painting').boundingBox();
  await page.page.locator('#painting').click({ position: { x: 0.25 * box.width + 1, y: 0.5 * box.height + 1 } });
  const points = page.page.frameLocator('#explorer-frame').locator('#points');
  await points.getByText('own class').first().waitFor();
  assert.match(await points.innerText(), new RegExp(`column ${0.25 * width}, row ${0.5 * height}`));
  await page.page.getByRole('button', { name: 'Close' }).click();
  assert.equal(await page.page.locator('#explorer').isVisible(), false);
  assertClean(page);
});

for (const [title, options] of Object.entries({ light: {}, dark: { colorScheme: 'dark' }, narrow: { viewport: { width: 360, height: 740 } } })) {
  test(`axe finds nothing serious: ${title}`, { skip }, async (t) => {
    const page = await opened(t, '?engine=wasm', options);
    await page.painted();
    for (const view of ['Painting', 'Local weight', 'Classes']) {
      await page.page.locator('#views label', { hasText: new RegExp(`^${view}$`) }).click();
      // From outside of the page's policy.
      await page.page.evaluate(fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
      const { violations } = await page.page.evaluate(() => window.axe.run({ exclude: ['#explorer-frame'] }));
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      assert.deepEqual(
        serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('; ')}`),
        [],
      );
    }
    const overflow = await page.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, 'the page is wider than the window');
  });
}

test('the page asks for nothing but itself, and its policy would not let it', { skip }, async (t) => {
  const page = await opened(t);
  await page.painted();
  const blocked = await page.page.evaluate(async (address) => {
    const seen = new Promise((resolve) => addEventListener('securitypolicyviolation', ({ violatedDirective }) => resolve(violatedDirective)));
    await fetch(address).catch(() => undefined);
    return seen;
  }, 'https://example.org/');
  assert.equal(blocked, 'connect-src');
  // The worker, which fetches, is under the same policy.
  const [worker] = page.page.workers();
  const inWorker = await worker.evaluate(async (address) => {
    const seen = new Promise((resolve) => self.addEventListener('securitypolicyviolation', ({ violatedDirective }) => resolve(violatedDirective)));
    await fetch(address).catch(() => undefined);
    return Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 2000, 'nothing was blocked'))]);
  }, 'https://example.org/');
  assert.equal(inWorker, 'connect-src');
});

test('without WebAssembly and a GPU the page says so, and one can still draw', { skip }, async (t) => {
  const site = path.join(studio.folder, 'poor');
  fs.cpSync(studio.site, site, { recursive: true });
  fs.writeFileSync(path.join(site, 'worker.js'), `delete self.WebAssembly;${fs.readFileSync(path.join(site, 'worker.js'), 'utf8')}`);
  const { address, close } = await plainServer(site);
  t.after(close);
  const page = await studio.context.newPage();
  t.after(() => page.close());
  await page.goto(address);
  await page.waitForFunction(() => !document.getElementById('failure').hidden);
  assert.match(
    await page.locator('#failure').innerText(),
    /^This browser cannot compute the painting: it has neither WebGPU, WebGL 2 nor WebAssembly that works;[^\n]+\.$/,
  );
  await page.getByRole('button', { name: 'Desert' }).click();
  assert.equal(await page.locator('#undo').isEnabled(), true);
});

test('how far WebGL is from the native engine, by software', { skip: long }, async (t) => {
  const page = await opened(t, '?engine=webgl');
  await page.painted();
  const { differences, engine } = await againstNode(page);
  t.diagnostic(`WebGL against ${engine}: at most ${Math.max(...differences)} levels of 255 (${differences.join(', ')})`);
  assert.ok(Math.max(...differences) <= 8, differences.join(', '));
});

test('how long the first painting and another one take', { skip }, async (t) => {
  const began = Date.now();
  const page = await opened(t);
  await page.painted();
  const first = (Date.now() - began) / 1000;
  const times = [];
  for (let i = 0; i < 5; i++) {
    await page.page.locator('#another').click();
    await page.painted();
    times.push(parseFloat(await page.page.locator('#time').innerText()));
  }
  times.sort((a, b) => a - b);
  t.diagnostic(
    `first painting ${first.toFixed(2)} s after the address, another one ${times[2].toFixed(2)} s (median of 5); ${studio.said
      .trim()
      .split('\n')
      .find((line) => line.startsWith('Page'))}`,
  );
  assert.ok(times[2] < 3);
  assertClean(page);
});
