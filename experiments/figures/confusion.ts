import type { Data } from 'plotly.js';
import { CLASSES } from '../../src/classes';
import { inkOn, viridis } from '../../src/figures/colours';
import type { ClassStyles } from '../../src/figures/labels';
import { Plot } from '../../src/figures/plot';

/**
 * A confusion matrix, counts[true class][predicted class], as a map of row shares in per cent; only classes that occur.
 * The diagonal is the accuracy of each class.
 */
export function confusionPlot(counts: readonly (readonly number[])[], { title = 'Confusion', classes = CLASSES as ClassStyles } = {}): Plot {
  const total = (c: number) => counts[c].reduce((a, b) => a + b, 0);
  const shown = counts.map((_, c) => c).filter((c) => total(c) > 0 || counts.some((row) => row[c] > 0));
  const names = shown.map((c) => classes[c]?.name ?? String(c));
  const shares = shown.map((r) => shown.map((c) => (total(r) > 0 ? (100 * counts[r][c]) / total(r) : NaN)));
  const size = Math.max(24, Math.min(44, Math.floor(760 / shown.length)));
  // Square markers instead of plotly's heatmap, which wants a canvas and therefore a browser.
  const cells = shares.flatMap((row, r) => row.map((share, c) => ({ r, c, share }))).filter((p) => Number.isFinite(p.share));
  const data: Data[] = [
    {
      type: 'scatter',
      mode: 'text+markers',
      x: cells.map((p) => p.c),
      y: cells.map((p) => p.r),
      text: cells.map((p) => (p.share >= 0.5 ? p.share.toFixed(0) : '')),
      textfont: { size: size > 30 ? 12 : 10, color: cells.map((p) => inkOn(viridis(p.share / 100))) },
      hovertext: cells.map((p) => `true ${names[p.r]}, predicted ${names[p.c]}: ${p.share.toFixed(1)} %`),
      hoverinfo: 'text',
      marker: {
        symbol: 'square',
        size: size - 1,
        color: cells.map((p) => p.share),
        colorscale: 'Viridis',
        cmin: 0,
        cmax: 100,
        showscale: true,
        colorbar: { title: { text: '% of true' } },
      },
    },
  ];
  const ticks = {
    tickmode: 'array' as const,
    tickvals: shown.map((_, i) => i),
    ticktext: names,
    showgrid: false,
    zeroline: false,
    range: [-0.5, shown.length - 0.5],
  };
  return new Plot(
    {
      data,
      layout: {
        title: { text: title },
        xaxis: { ...ticks, title: { text: 'predicted' }, tickangle: -45 },
        yaxis: { ...ticks, title: { text: 'true' }, range: [shown.length - 0.5, -0.5] },
      },
    },
    { width: 300 + size * shown.length, height: 220 + size * shown.length },
  );
}
