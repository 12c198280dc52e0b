/** Plots through plotly.js: SVG and PNG without a browser, and an interactive page. */
import { readFile } from 'node:fs/promises';
import type { Data, Layout, LayoutAxis } from 'plotly.js';
import sharp from 'sharp';
import { LINE_COLOURS } from './colours';
import type { Figure } from './figure';
import { loadPlotly, plotlyBundle, seedPlotly } from './plotly_dom';
import { FONT, escapeXml } from './text';

/** A figure in plotly's own terms: traces and layout. */
export interface PlotlyFigure {
  data: Data[];
  layout?: Partial<Layout>;
}

export interface PlotOptions {
  /** Alternative text; by default the title in the layout. */
  title?: string;
  /** Pixels; 960 x 420 unless told. */
  width?: number;
  height?: number;
}

/** Ink, grid and paper of all plots: white paper, so that a plot is readable on a dark page too. */
const AXIS = {
  gridcolor: '#e3e3e3',
  zerolinecolor: '#b5b5b5',
  linecolor: '#888888',
  automargin: true,
  ticks: 'outside',
  tickcolor: '#b5b5b5',
} as const;

/** Without a standoff plotly puts an axis title between tick labels where these differ in length. */
function styledAxis(axis: Partial<LayoutAxis>): Partial<LayoutAxis> {
  const title = typeof axis.title === 'string' ? { text: axis.title } : axis.title;
  return { ...AXIS, ...axis, ...(title && { title: { standoff: 10, ...title } }) };
}

/** The layout with the project's font, colours and margins wherever it says nothing of its own. */
function styled(layout: Partial<Layout>, width: number, height: number): Partial<Layout> {
  const axes = Object.entries(layout).filter(([key]) => /^[xy]axis\d*$/.test(key));
  const { title } = layout;
  const withDefaults = Object.fromEntries(
    [['xaxis', {}] as const, ['yaxis', {}] as const, ...axes].map(([key, axis]) => [key, styledAxis(axis as Partial<LayoutAxis>)]),
  );
  return {
    font: { family: FONT.replace(/'/g, ''), size: 13, color: '#222222' },
    paper_bgcolor: '#ffffff',
    plot_bgcolor: '#ffffff',
    colorway: [...LINE_COLOURS],
    margin: { l: 64, r: 24, t: layout.title ? 56 : 24, b: 56 },
    ...layout,
    // Titles stand where those of picture grids do: bold, at the left.
    title: title && { x: 12 / width, xanchor: 'left', ...title, font: { size: 16, weight: 700, ...title.font } },
    ...withDefaults,
    width,
    height,
  };
}

/** A plotly figure that can be shown and saved like every other figure. */
export class Plot implements Figure {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly data: Data[];
  readonly layout: Partial<Layout>;
  private drawn?: Promise<string>;

  constructor({ data, layout = {} }: PlotlyFigure, { title, width = 960, height = 420 }: PlotOptions = {}) {
    this.title = (title ?? layout.title?.text ?? 'a plot').replace(/<[^>]*>/g, '');
    this.width = width;
    this.height = height;
    this.data = data;
    this.layout = styled(layout, width, height);
  }

  /** Laid out once: a plot is often shown, and saved in two formats. */
  svg(): Promise<string> {
    return (this.drawn ??= this.draw());
  }

  private async draw(): Promise<string> {
    const plotly = await loadPlotly();
    // plotly completes the objects it is given; a copy keeps ours.
    const { data, layout } = structuredClone({ data: this.data, layout: this.layout });
    seedPlotly(checksum(JSON.stringify({ data, layout })));
    return plotly.toImage({ data, layout }, { format: 'svg', width: this.width, height: this.height, imageDataOnly: true });
  }

  async png(scale = 1): Promise<Buffer> {
    // 72 dots an inch is one pixel a unit.
    return sharp(Buffer.from(await this.svg()), { density: 72 * scale })
      .flatten({ background: '#ffffff' })
      .removeAlpha()
      .png({ compressionLevel: 9 })
      .toBuffer();
  }

  /** One page with plotly.js inside (1.4 MB), so that it opens anywhere without a network. */
  async html(): Promise<string> {
    const script = await readFile(plotlyBundle(), 'utf8');
    const { width: _w, height: _h, ...layout } = this.layout;
    // A '<' inside the data must not end the script element.
    const figure = JSON.stringify({ data: this.data, layout: { ...layout, autosize: true } }).replace(/</g, '\\u003c');
    return (
      `<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>${escapeXml(this.title)}</title>` +
      `<style>html,body{margin:0;height:100%;background:#fff}#plot{height:100%;min-height:${this.height}px}</style></head>\n` +
      `<body><div id="plot"></div><script>${script}</script>\n` +
      `<script>const f=${figure};Plotly.newPlot('plot',f.data,f.layout,{responsive:true,displaylogo:false});</script></body></html>\n`
    );
  }
}

/** FNV-1a: other plots, other names of their parts, so that several may stand in one page. */
function checksum(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h;
}
