/**
 * plotly.js without a browser: it runs in jsdom, which has a document but no layout, so the one thing plotly asks of
 * layout - how large a text is - is answered from the font's own widths. Without that answer legends, titles and
 * margins are cut off.
 */
import { readFileSync } from 'node:fs';
import type { Data, Layout } from 'plotly.js';
import { Mulberry32 } from '../common/mulberry';
import type { Box } from '../data/picture';
import { ASCENT, DESCENT, textWidth } from './text';

/** What this project uses of plotly.js. */
export interface Plotly {
  version: string;
  toImage(
    figure: { data: Data[]; layout: Partial<Layout>; config?: object },
    options: { format: 'svg'; width: number; height: number; imageDataOnly: true },
  ): Promise<string>;
}

/** The bundle with the trace types of two-dimensional plots (scatter, bar, box, heatmap, histogram, image ...). */
export const plotlyBundle = (): string => require.resolve('plotly.js/dist/plotly-cartesian.min.js');

let loaded: Promise<Plotly> | undefined;
let random = new Mulberry32(1);

/** Where plotly's random numbers go on from: it makes up names of clip paths, which should be the same for the same plot. */
export function seedPlotly(seed: number): void {
  random = new Mulberry32(seed);
}

/** plotly.js in a document of its own, loaded at the first call (about half a second). */
export function loadPlotly(): Promise<Plotly> {
  return (loaded ??= load());
}

async function load(): Promise<Plotly> {
  const { JSDOM, VirtualConsole } = await import('jsdom');
  // A silent console: plotly probes for a canvas, which jsdom reports as not implemented.
  const dom = new JSDOM('<!DOCTYPE html><body></body>', {
    runScripts: 'outside-only',
    virtualConsole: new VirtualConsole(),
  });
  const window = dom.window;
  const prototype = window.SVGElement.prototype as unknown as Record<string, unknown>;
  prototype.getBBox = function (this: Element) {
    return rectangle(measure(this, false));
  };
  prototype.getComputedTextLength = function (this: Element) {
    return rectangle(measure(this, false)).width;
  };
  prototype.getBoundingClientRect = function (this: Element) {
    return rectangle(measure(this, true));
  };
  prototype.getTotalLength = function (this: Element) {
    return lengthOf(corners(this));
  };
  prototype.getPointAtLength = function (this: Element, length: number) {
    return pointAt(corners(this), length);
  };
  Object.assign(window, { requestAnimationFrame: (f: () => void) => window.setTimeout(f, 0) });
  Object.assign(window.URL, { createObjectURL: () => 'blob:none' });
  Object.assign(window.HTMLCanvasElement.prototype, { getContext: () => null });
  (window.eval('Math') as { random: () => number }).random = () => random.next();
  window.eval(readFileSync(plotlyBundle(), 'utf8'));
  return (window as unknown as { Plotly: Plotly }).Plotly;
}

/** Edges of a box; empty while left > right. */
interface Edges {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

const NOTHING: Edges = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };

function rectangle({ left, top, right, bottom }: Edges): Box & Edges {
  if (left > right) return { x: 0, y: 0, width: 0, height: 0, left: 0, top: 0, right: 0, bottom: 0 };
  return { x: left, y: top, width: right - left, height: bottom - top, left, top, right, bottom };
}

function join(a: Edges, b: Edges): Edges {
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

const number = (node: Element, name: string) => Number.parseFloat(node.getAttribute(name) ?? '') || 0;

/** Bounding box of an SVG element with all it contains, in its own coordinates, or (`moved`) in its parent's. */
function measure(node: Element, moved: boolean): Edges {
  const box = content(node);
  return moved ? transformed(box, node.getAttribute('transform')) : box;
}

function content(node: Element): Edges {
  switch (node.tagName.toLowerCase()) {
    case 'text':
      return textBox(node);
    case 'rect':
    case 'image': {
      const [x, y] = [number(node, 'x'), number(node, 'y')];
      return { left: x, top: y, right: x + number(node, 'width'), bottom: y + number(node, 'height') };
    }
    case 'circle': {
      const [x, y, r] = [number(node, 'cx'), number(node, 'cy'), number(node, 'r')];
      return { left: x - r, top: y - r, right: x + r, bottom: y + r };
    }
    case 'g':
    case 'svg':
    case 'a':
      return [...node.children].reduce((box, child) => join(box, measure(child, true)), NOTHING);
    default:
      // Paths and definitions: nothing that plotly measures.
      return NOTHING;
  }
}

/**
 * The box after `translate(x, y)`, `rotate(degrees, x, y)` and `scale(s)`, as plotly writes them; the last is applied
 * first.
 */
function transformed(box: Edges, transform: string | null): Edges {
  if (!transform || box.left > box.right) return box;
  const steps = [...transform.matchAll(/(\w+)\(([^)]*)\)/g)].reverse();
  return steps.reduce((edges, [, name, list]) => {
    const [a = 0, b = 0, c = 0] = list.split(/[\s,]+/).map(Number);
    if (name === 'translate') return map(edges, (x, y) => [x + a, y + b]);
    if (name === 'scale') return map(edges, (x, y) => [x * a, y * (b || a)]);
    if (name !== 'rotate') return edges;
    const [cos, sin] = [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)];
    return map(edges, (x, y) => [b + (x - b) * cos - (y - c) * sin, c + (x - b) * sin + (y - c) * cos]);
  }, box);
}

function map({ left, top, right, bottom }: Edges, f: (x: number, y: number) => [number, number]): Edges {
  const corners = [f(left, top), f(right, top), f(left, bottom), f(right, bottom)];
  const [xs, ys] = [corners.map((p) => p[0]), corners.map((p) => p[1])];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

type Point = readonly [x: number, y: number];

/** Corners of a path of straight lines ('M0,0L10,5'): what annotations' arrows are. */
function corners(path: Element): Point[] {
  return [...(path.getAttribute('d') ?? '').matchAll(/([-\d.e]+)[ ,]([-\d.e]+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
}

const distance = (a: Point, b: Point) => Math.hypot(b[0] - a[0], b[1] - a[1]);

const lengthOf = (points: Point[]) => points.slice(1).reduce((sum, p, i) => sum + distance(points[i], p), 0);

function pointAt(points: Point[], length: number): { x: number; y: number } {
  let rest = length;
  for (let i = 1; i < points.length; i++) {
    const step = distance(points[i - 1], points[i]);
    if (rest <= step && step > 0) {
      const t = Math.max(0, rest) / step;
      return {
        x: points[i - 1][0] + t * (points[i][0] - points[i - 1][0]),
        y: points[i - 1][1] + t * (points[i][1] - points[i - 1][1]),
      };
    }
    rest -= step;
  }
  const [x, y] = points.at(-1) ?? [0, 0];
  return { x, y };
}

/** A style that is written on the element or one of those around it. */
function inherited(node: Element, property: string): string {
  for (let e: Element | null = node; e; e = e.parentElement) {
    const value = (e as SVGElement).style?.getPropertyValue(property) || e.getAttribute(property);
    if (value && value !== 'inherit') return value;
  }
  return '';
}

function fontSize(node: Element): number {
  const value = inherited(node, 'font-size');
  if (value.endsWith('%')) return (fontSize(node.parentElement!) * Number.parseFloat(value)) / 100;
  return Number.parseFloat(value) || 12;
}

const isBold = (node: Element) => /^(bold|[6-9]00)/.test(inherited(node, 'font-weight'));

/** Width of an element's text, its parts each in their own size. */
function lineWidth(node: Element): number {
  let width = 0;
  for (const child of node.childNodes) {
    if (child.nodeType === 3) width += textWidth(child.textContent ?? '', fontSize(node), isBold(node));
    else if (child.nodeType === 1) width += lineWidth(child as Element);
  }
  return width;
}

function textBox(text: Element): Edges {
  const lines = [...text.querySelectorAll('tspan.line')];
  const size = fontSize(text);
  return (lines.length ? lines : [text]).reduce((box, line) => {
    const width = lineWidth(line);
    if (width === 0) return box;
    const x = line.hasAttribute('x') ? number(line, 'x') : number(text, 'x');
    // plotly places each line by dy in em from the first line's y.
    const shift = Number.parseFloat(line === text ? '0' : (line.getAttribute('dy') ?? '0')) || 0;
    const baseline = number(text, 'y') + shift * size;
    const anchor = inherited(line, 'text-anchor');
    const left = anchor === 'middle' ? x - width / 2 : anchor === 'end' ? x - width : x;
    return join(box, { left, right: left + width, top: baseline - ASCENT * size, bottom: baseline + DESCENT * size });
  }, NOTHING);
}
