/**
 * The studio as a user has it: exported by the command, on a plain static server, in a browser. What tests drive.
 *
 *     const studio = await openStudio();
 *     const page = await studio.open();
 *     await page.draw('Rectangle', 'water', [0.2, 0.6], [0.5, 0.9]);
 *     await studio.close();
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { openBrowser } from '../scripts/browser/chromium.mjs';
import { root } from '../scripts/setup/system.mjs';

/** As little as a server can do: files by their name, with a type for each ending. */
export function plainServer(folder, asked = []) {
  const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', json: 'application/json', wasm: 'application/wasm' };
  const server = http.createServer((request, response) => {
    const name = new URL(request.url, 'http://localhost').pathname.replace(/^\/$/, '/index.html');
    asked.push(name);
    const file = path.join(folder, path.normalize(name));
    if (!fs.existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[name.split('.').pop()] ?? 'application/octet-stream' });
    fs.createReadStream(file).pipe(response);
  });
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ close, address: `http://127.0.0.1:${server.address().port}/` })));
}

/** The page with what tests do on it. */
class StudioPage {
  constructor(page, errors, requests) {
    Object.assign(this, { page, errors, requests });
  }

  /** Waits until the newest sketch is painted; resolves to the painting's pixels, [height, width, RGBA]. */
  async painted() {
    await this.page.waitForFunction(() => document.body.dataset.paintings && !document.querySelector('#status.busy'), undefined, { timeout: 60_000 });
    // The next frame would ask for another painting, if there were something to paint.
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await this.page.waitForFunction(() => !document.querySelector('#status.busy'), undefined, { timeout: 60_000 });
    return this.pixels('painting');
  }

  /** What is on a canvas, as {data, height, width} of four bytes a pixel. */
  async pixels(id) {
    const { text, height, width } = await this.page.evaluate((name) => {
      const canvas = document.getElementById(name);
      const { data, height, width } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let text = '';
      for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
      return { text: btoa(text), height, width };
    }, id);
    return { data: Buffer.from(text, 'base64'), height, width };
  }

  async choose(name) {
    await this.page.locator('#groups label', { has: this.page.getByText(name, { exact: true }) }).click();
  }

  async tool(title) {
    await this.page.locator('#tools label', { has: this.page.getByText(title, { exact: true }) }).click();
  }

  /** Moves the mouse over the sketch, pressed, along places from 0 to 1. */
  async stroke(...places) {
    const { x, y, width, height } = await this.page.locator('#sketch').boundingBox();
    const { mouse } = this.page;
    const at = ([px, py]) => [x + px * width, y + py * height];
    await mouse.move(...at(places[0]));
    await mouse.down();
    for (const place of places.slice(1)) await mouse.move(...at(place), { steps: 12 });
    await mouse.up();
  }

  async draw(tool, name, ...places) {
    await this.tool(tool);
    await this.choose(name);
    await this.stroke(...places);
  }

  /** Chooses a file that one of the two buttons asks for. */
  async give(id, name, content) {
    await this.page.locator(`#${id}`).setInputFiles({ name, mimeType: 'image/png', buffer: content });
  }

  /** What a button offers to keep. */
  async download(id) {
    const [file] = await Promise.all([this.page.waitForEvent('download'), this.page.locator(`#${id}`).click()]);
    return { name: file.suggestedFilename(), content: fs.readFileSync(await file.path()) };
  }

  remark() {
    return this.page.locator('#remark-text').innerText();
  }

  close() {
    return this.page.close();
  }
}

/** Exports the studio, serves it and starts a browser. `viewport` of every page. The caller closes it. */
export async function openStudio({ viewport = { width: 1280, height: 1000 } } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'studio-'));
  const site = path.join(folder, 'site');
  const generator = 'checkpoints/pretrained/lggan.safetensors';
  const args = ['scripts/cli.mjs', 'studio', '--export', site, '--checkpoint', generator, '--sr_checkpoint', 'checkpoints/pretrained/rcan.safetensors'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the export failed: ${stderr}`);
  const asked = [];
  const { close, address } = await plainServer(site, asked);
  const context = await openBrowser(folder, viewport);
  return {
    folder,
    site,
    address,
    said: stdout,
    /** Every name that the server was asked for. */
    asked,
    generator,
    context,
    /** A page without a memory of the one before. */
    async open(search = '', { colorScheme = 'light', viewport: size } = {}) {
      const page = await context.newPage();
      if (size) await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      await page.goto(`${address}studio.json`);
      await page.evaluate(() => new Promise((done) => (indexedDB.deleteDatabase('sketch-studio').onsuccess = done)));
      const errors = [];
      const requests = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      page.on('console', (message) => message.type() === 'error' && errors.push(`${message.text()} ${message.location().url}`));
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(address + search);
      return new StudioPage(page, errors, requests);
    },
    async close() {
      await context.close();
      await close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
