import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import sharp from 'sharp';
import { FONT, escapeXml, fitText, textWidth, wrapText } from './text';

/** Width in pixels from the first to the last column with ink. */
async function inkWidth(text: string, bold: boolean): Promise<number> {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="3000" height="160"><rect width="3000" height="160" fill="#fff"/>` +
    `<text x="20" y="110" font-family="${FONT}" font-size="100" font-weight="${bold ? 'bold' : 'normal'}">${escapeXml(text)}</text></svg>`;
  const { info } = await sharp(Buffer.from(svg))
    .flatten({ background: '#ffffff' })
    .trim({ background: '#ffffff', threshold: 60 })
    .toBuffer({ resolveWithObject: true });
  return info.width;
}

test('the width of a text is that of the drawn text', async () => {
  for (const bold of [false, true]) {
    for (const text of ['waterfall', 'G loss 0.0123456789', 'Mountain & sky', '5 × 5 – ±2 → é']) {
      // Between two H the ink begins and ends at the same place, so that the difference is the advance of what is
      // between.
      const drawn = (await inkWidth(`H${text}H`, bold)) - (await inkWidth('HH', bold));
      const told = textWidth(text, 100, bold);
      // Kerning, which textWidth leaves out, and rounding to pixels at both ends.
      assert.ok(Math.abs(drawn - told) <= 0.02 * told + 2, `${text}: drawn ${drawn}, told ${told}`);
    }
  }
});

test('on a machine without fonts text is drawn in letters, not in boxes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fonts-'));
  try {
    // The project's configuration without the system's fonts behind it.
    const conf = readFileSync(join(__dirname, 'fonts.conf'), 'utf8')
      .replace('prefix="relative">', `>${__dirname}/`)
      .replace(/<include.*\n/, '')
      .replace(/<cachedir.*\n/, `<cachedir>${folder}</cachedir>\n`);
    writeFileSync(join(folder, 'fonts.conf'), conf);
    const script = `
      const sharp = require('sharp');
      const draw = (c) => sharp(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><text x="5" y="50" font-family="${FONT.replace(/'/g, '')}" font-size="50">' + c + '</text></svg>')).raw().toBuffer();
      Promise.all(['A', 'B'].map(draw)).then(([a, b]) => process.stdout.write(a.equals(b) ? 'boxes' : 'letters'));`;
    const env = { ...process.env, FONTCONFIG_FILE: join(folder, 'fonts.conf') };
    assert.equal(execFileSync(process.execPath, ['-e', script], { cwd: resolve(__dirname, '..', '..'), env, encoding: 'utf8' }), 'letters');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('texts are shortened and broken to a width', () => {
  assert.equal(fitText('sky', 100, 12), 'sky');
  const short = fitText('a caption that is far too long', 80, 12);
  assert.match(short, /…$/);
  assert.ok(textWidth(short, 12) <= 80);
  const lines = wrapText('share of all pixels in per cent\nsecond', 90, 12);
  assert.equal(lines.slice(0, -1).join(' '), 'share of all pixels in per cent');
  assert.equal(lines.at(-1), 'second');
  for (const line of lines) assert.ok(textWidth(line, 12) <= 90, line);
  assert.ok(wrapText('x'.repeat(200), 90, 12).every((line) => textWidth(line, 12) <= 90));
});

test('text becomes valid XML', () => {
  assert.equal(escapeXml(`<a href="x">'&'</a>\u0001`), '&lt;a href=&quot;x&quot;&gt;&apos;&amp;&apos;&lt;/a&gt; ');
});
