/** The README's picture of the studio, taken anew by `npm run studio-picture`. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { noBrowser } from '../scripts/browser/chromium.mjs';
import { root } from '../scripts/setup/system.mjs';
import { openStudio } from './browser.mjs';

/** The README's pictures are small. */
const LARGEST = 400_000;

test('the picture of the README', { skip: noBrowser() || (process.env.LGGAN_WRITE_DOCS !== '1' && 'npm run studio-picture takes it') }, async (t) => {
  const studio = await openStudio({ viewport: { width: 1280, height: 1130 } });
  t.after(() => studio.close());
  const page = await studio.open('?engine=wasm');
  await page.painted();
  await page.page.getByRole('button', { name: 'River valley' }).click();
  await page.painted();
  await page.page.locator('#enlarge').click();
  await page.page.waitForFunction(() => /×2/.test(document.getElementById('time').textContent));
  await page.page.mouse.move(0, 0);
  const picture = await page.page.screenshot({ fullPage: true });
  assert.ok(picture.length < LARGEST, `${picture.length} bytes`);
  fs.writeFileSync(path.join(root, 'docs/pictures/studio.png'), picture);
});
