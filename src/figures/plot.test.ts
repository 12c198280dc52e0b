import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { decodeImage } from '../data/image';
import { saveFigure } from './figure';
import { Plot } from './plot';
import { assertNothingCut } from '../../proof/testing/figures';
import { textWidth } from './text';

const x = [0, 1, 2, 3];
const figure = () =>
  new Plot(
    {
      data: [
        {
          type: 'scatter',
          x,
          y: [1, 4, 2, 3],
          name: 'a name of a trace that is rather long',
          line: { color: '#0072b2' },
        },
        { type: 'bar', x, y: [1, 2, 3, 1], name: 'bars', marker: { color: '#d55e00' } },
      ],
      layout: {
        title: { text: 'A title & <b>more</b>' },
        xaxis: { title: { text: 'step' } },
        yaxis: { title: { text: 'loss (nats)' }, tickformat: '.6f' },
      },
    },
    { width: 640, height: 360 },
  );

test('a plot becomes a PNG of the size asked for, nothing cut off', async () => {
  const plot = figure();
  assert.equal(plot.title, 'A title & more');
  await assertNothingCut(plot, 2);
  const twice = await decodeImage(await plot.png(2), 'figure');
  assert.deepEqual([twice.width, twice.height], [1280, 720]);
});

test('the legend leaves room for its longest name', async () => {
  const svg = await figure().svg();
  const name = 'a name of a trace that is rather long';
  const legend = /class="legend"[^>]*transform="translate\(([\d.]+),/.exec(svg);
  const background = /class="bg"[^>]*width="([\d.]+)"/.exec(svg.slice(svg.indexOf('class="legend"')));
  assert.ok(legend && background);
  assert.ok(Number(background[1]) >= 40 + textWidth(name, 13), 'the box holds the name');
  assert.ok(Number(legend[1]) + Number(background[1]) <= 640, 'the box lies on the page');
  assert.ok(svg.includes(name));
});

test('long tick labels and axis titles push the plot aside', async () => {
  const names = ['waterfall', 'a category with a name of many letters', 'sky'];
  await assertNothingCut(
    new Plot(
      {
        data: [{ type: 'bar', orientation: 'h', y: names, x: [1, 2, 3] }],
        layout: { yaxis: { title: { text: 'class' } }, xaxis: { title: { text: 'share (%)' } } },
      },
      { width: 500, height: 260 },
    ),
    2,
  );
});

test('traces are drawn in their colours', async () => {
  const page = await decodeImage(await figure().png(), 'figure');
  const counts = new Map<string, number>();
  for (let i = 0; i < page.data.length; i += 3) {
    const key = [...page.data.slice(i, i + 3)].join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  // Bars cover areas, the line some hundred pixels.
  assert.ok((counts.get('213,94,0') ?? 0) > 5000);
  assert.ok((counts.get('0,114,178') ?? 0) > 100);
});

test('the page is self-contained, and data cannot break out of it', async () => {
  const plot = new Plot({
    data: [{ type: 'scatter', x: [1], y: [1], name: '</script><script>alert(1)</script>' }],
    layout: { title: { text: '<i>t</i>' } },
  });
  const html = await plot.html();
  assert.doesNotMatch(html.replace(/<script>\/\*\*[^]*?<\/script>/, ''), /src=|href=/);
  assert.equal(html.match(/<\/script>/g)?.length, 2);
  assert.ok(html.includes('\\u003c/script>'));
  assert.ok(html.length < 2e6);
});

test('plots are saved as PNG, SVG and page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'plots-'));
  try {
    await saveFigure(join(folder, 'p'), new Plot({ data: [{ type: 'scatter', x, y: x }] }));
    assert.deepEqual((await readdir(folder)).sort(), ['p.html', 'p.png', 'p.svg']);
    assert.equal((await new Plot({ data: [] }, { width: 200, height: 100 }).png()).subarray(1, 4).toString(), 'PNG');
  } finally {
    await rm(folder, { recursive: true });
  }
});
