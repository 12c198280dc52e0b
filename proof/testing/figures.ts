/** For the tests of figures: is anything cut off? */
import assert from 'node:assert/strict';
import type { Figure } from '../../src/figures/figure';
import { decodeImage } from '../../src/data/image';
import { ASCENT, DESCENT, textWidth } from '../../src/figures/text';

/** A text of an SVG with its bounding box, rotation and groups' transforms aside. */
export interface DrawnText {
  text: string;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The texts of a sheet (flat SVG, absolute positions). */
export function drawnTexts(svg: string): DrawnText[] {
  return [...svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)].map(([, attributes, content]) => {
    const get = (name: string) => new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1];
    const [x, y, size] = ['x', 'y', 'font-size'].map((name) => Number(get(name)));
    const text = content
      .replace(/&lt;/g, '<')
      .replace(/&gt;/g, '>')
      .replace(/&quot;/g, '"')
      .replace(/&apos;/g, "'")
      .replace(/&amp;/g, '&');
    const width = textWidth(text, size, get('font-weight') === 'bold');
    const anchor = get('text-anchor');
    const left = anchor === 'middle' ? x - width / 2 : anchor === 'end' ? x - width : x;
    return { text, left, right: left + width, top: y - ASCENT * size, bottom: y + DESCENT * size };
  });
}

/**
 * Asserts that nothing of a figure is cut off: its PNG has the figure's size and `margin` pixels of bare paper at every
 * edge..
 */
export async function assertNothingCut(figure: Figure, margin = 3): Promise<void> {
  const { data, width, height } = await decodeImage(await figure.png(), 'figure');
  assert.deepEqual([width, height], [figure.width, figure.height]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (x >= margin && x < width - margin && y >= margin && y < height - margin) continue;
      const i = 3 * (y * width + x);
      assert.ok(data[i] === 255 && data[i + 1] === 255 && data[i + 2] === 255, `ink at the edge, (${x}, ${y}) of ${width}x${height}`);
    }
  }
}

/** Asserts that no two texts of a sheet overlap and that all lie on it. */
export async function assertTextsApart(figure: Figure): Promise<void> {
  const texts = drawnTexts(await figure.svg());
  // Letters do not fill their line: capitals reach 0.73 of the size, which leaves a fifth of the box empty.
  const inner = texts.map((t) => ({
    ...t,
    top: t.top + 0.2 * (t.bottom - t.top),
    bottom: t.bottom - 0.15 * (t.bottom - t.top),
  }));
  for (const t of inner) {
    assert.ok(t.left >= 0 && t.right <= figure.width && t.top >= 0 && t.bottom <= figure.height, `'${t.text}' leaves the sheet`);
  }
  inner.forEach((a, i) => {
    for (const b of inner.slice(i + 1)) {
      const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
      assert.ok(apart, `'${a.text}' and '${b.text}' overlap`);
    }
  });
}

/** An output of a pretended notebook: what was shown in it last. */
export interface PretendedOutput {
  type: string;
  content: string | Uint8Array;
}

/** Makes this process look like the kernel of a notebook until `close`. */
export function pretendNotebook(): { outputs: PretendedOutput[]; close(): void } {
  const outputs: PretendedOutput[] = [];
  const newDisplay = () => {
    let mine: PretendedOutput | undefined;
    const put = (type: string) => (content: string | Uint8Array) => {
      if (mine) Object.assign(mine, { type, content });
      else outputs.push((mine = { type, content }));
    };
    return Object.fromEntries(['html', 'markdown', 'text', 'png', 'jpeg'].map((type) => [type, put(type)]));
  };
  const file = require.resolve('tslab');
  const before = require.cache[file];
  require.cache[file] = { exports: { newDisplay } } as NodeModule;
  Object.assign(globalThis, { __tslab__: {} });
  return {
    outputs,
    close() {
      delete (globalThis as Record<string, unknown>).__tslab__;
      if (before) require.cache[file] = before;
      else delete require.cache[file];
    },
  };
}
