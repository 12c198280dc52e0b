/** A notebook in JupyterLab's page: runs its cells as the menu does, and reads what they show. */
import fs from 'node:fs';
import path from 'node:path';
import { root } from '../setup/system.mjs';

/** Where tests leave what they saw, for people to look at. */
const SCREENSHOTS = path.join(root, 'figures/screenshots');

/** For a busy machine; an idle one takes a tenth of it. In milliseconds. */
const PATIENCE = 120_000;

export class Notebook {
  constructor(page, name) {
    this.page = page;
    this.name = name;
  }

  /** Waits until the notebook is drawn and its kernel waits for work. */
  async ready() {
    await this.page.locator('.jp-NotebookPanel .jp-Notebook .jp-Cell').first().waitFor({ timeout: PATIENCE });
    await this.page.waitForFunction(
      () => {
        const session = window.jupyterapp.shell.currentWidget?.sessionContext;
        return session?.isReady && session.session?.kernel?.status === 'idle';
      },
      undefined,
      { timeout: PATIENCE },
    );
  }

  /** The code cells in order: {index, source}; `index` counts all cells. */
  cells() {
    return this.page.evaluate(() =>
      window.jupyterapp.shell.currentWidget.content.widgets
        .map(({ model }, index) => ({ index, type: model.type, source: model.sharedModel.getSource() }))
        .filter(({ type }) => type === 'code'),
    );
  }

  /** The index of the one code cell whose source has this text. */
  async find(text) {
    const found = (await this.cells()).filter(({ source }) => source.includes(text));
    if (found.length !== 1) throw new Error(`${found.length} cells of ${this.name} hold ${text}`);
    return found[0].index;
  }

  /** Menu Run, Run All Cells. Resolves to whether all went well. */
  runAll() {
    return this.page.evaluate(() => window.jupyterapp.commands.execute('notebook:run-all-cells'));
  }

  /** Begins to run one cell; `ended` tells when it has. */
  async begin(index) {
    await this.page.evaluate((i) => {
      const { content } = window.jupyterapp.shell.currentWidget;
      content.deselectAll();
      content.activeCellIndex = i;
      window.running = window.jupyterapp.commands.execute('notebook:run-cell');
    }, index);
  }

  /** Waits for the cell that `begin` ran; resolves to whether it went well. */
  ended() {
    return this.page.evaluate(() => window.running);
  }

  /** Runs one cell; resolves when it has ended, to whether it went well and how many seconds it took. */
  run(index) {
    return this.page.evaluate(async (i) => {
      const { content } = window.jupyterapp.shell.currentWidget;
      content.deselectAll();
      content.activeCellIndex = i;
      const began = performance.now();
      const ok = await window.jupyterapp.commands.execute('notebook:run-cell');
      const seconds = (performance.now() - began) / 1000;
      // The kernel turns away what comes within a fifth of a second after an error.
      if (!ok) await new Promise((resolve) => setTimeout(resolve, 400));
      return { ok, seconds };
    }, index);
  }

  /** Runs one cell that has to go well. @throws Error with what the cell shows */
  async mustRun(index) {
    const { ok, seconds } = await this.run(index);
    if (!ok) throw new Error(`cell ${index} of ${this.name} failed: ${(await this.outputs(index)).map(({ text }) => text).join('\n')}`);
    return seconds;
  }

  /** Adds a code cell at the end and runs it; resolves to what `run` says, with its outputs. */
  async type(source) {
    const index = await this.page.evaluate(async (text) => {
      const { content } = window.jupyterapp.shell.currentWidget;
      content.deselectAll();
      content.activeCellIndex = content.widgets.length - 1;
      await window.jupyterapp.commands.execute('notebook:insert-cell-below');
      content.activeCell.model.sharedModel.setSource(text);
      return content.activeCellIndex;
    }, source);
    return { index, ...(await this.run(index)), outputs: await this.outputs(index) };
  }

  /** A cell's outputs as the notebook will save them: {type, text, mime, data}. */
  outputs(index) {
    return this.page.evaluate((i) => {
      const join = (value) => (Array.isArray(value) ? value.join('') : value);
      return window.jupyterapp.shell.currentWidget.content.widgets[i].model.outputs.toJSON().map((output) => {
        if (output.output_type === 'stream') return { type: output.name, text: join(output.text) };
        if (output.output_type === 'error') return { type: 'error', text: `${output.ename}: ${output.evalue}` };
        const [mime] = Object.keys(output.data);
        return { type: 'display', mime, [mime === 'text/plain' ? 'text' : 'data']: join(output.data[mime]) };
      });
    }, index);
  }

  /** What all cells show on stderr or as an error, with the cell that shows it. */
  async complaints() {
    const found = [];
    for (const { index, source } of await this.cells()) {
      for (const { type, text } of await this.outputs(index)) {
        if (type === 'stderr' || type === 'error') found.push({ cell: source.split('\n')[0], text });
      }
    }
    return found;
  }

  /** Pictures of the page that the browser could not draw. */
  brokenPictures() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll('.jp-Notebook img')].filter((img) => img.complete && img.naturalWidth === 0).map((img) => img.src.slice(0, 200)),
    );
  }

  /** The toolbar's black square. */
  interrupt() {
    return this.page.locator('.jp-NotebookPanel-toolbar [data-command="notebook:interrupt-kernel"]').first().click();
  }

  /** Keeps a picture of one cell, or of all, in figures/screenshots/; the page is made high enough for a moment. */
  async screenshot(what, index) {
    fs.mkdirSync(SCREENSHOTS, { recursive: true });
    const seen = this.page.locator(index === undefined ? '.jp-Notebook' : '.jp-Notebook .jp-Cell').nth(index ?? 0);
    const before = this.page.viewportSize();
    const height = await this.page.evaluate((i) => {
      const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')].filter((_, c) => i === undefined || c === i);
      return cells.reduce((sum, cell) => sum + cell.getBoundingClientRect().height, 0);
    }, index);
    await this.page.setViewportSize({ width: before.width, height: Math.ceil(height) + 300 });
    if (index === undefined) await this.page.evaluate(() => document.querySelectorAll('.jp-Notebook, .jp-Notebook *').forEach((e) => (e.scrollTop = 0)));
    await seen.screenshot({ path: path.join(SCREENSHOTS, `${this.name}-${what}.png`) });
    await this.page.setViewportSize(before);
  }

  close() {
    return this.page.close();
  }
}
