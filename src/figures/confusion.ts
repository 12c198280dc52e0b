import type { Annotations, Data } from 'plotly.js';
import { CLASSES } from '../classes';
import { inkOn, viridis } from './colours';
import type { ClassStyles } from './labels';
import { Plot } from './plot';

/**
 * A confusion matrix, counts[true class][predicted class], as a map of row shares in per cent; only classes that occur. The diagonal is the
 * accuracy of each class.
 */
export function confusionPlot(counts: readonly (readonly number[])[], { title = 'Confusion', classes = CLASSES as ClassStyles } = {}): Plot {
  const total = (c: number) => counts[c].reduce((a, b) => a + b, 0);
  const shown = counts.map((_, c) => c).filter((c) => total(c) > 0 || counts.some((row) => row[c] > 0));
  const names = shown.map((c) => classes[c]?.name ?? String(c));
  const shares = shown.map((r) => shown.map((c) => (total(r) > 0 ? (100 * counts[r][c]) / total(r) : NaN)));
  const size = Math.max(24, Math.min(44, Math.floor(760 / shown.length)));
  const annotations: Partial<Annotations>[] = shares.flatMap((row, r) =>
    row.flatMap((share, c) =>
      share >= 0.5 ? [{ x: c, y: r, text: share.toFixed(0), showarrow: false, font: { size: size > 30 ? 12 : 10, color: inkOn(viridis(share / 100)) } }] : [],
    ),
  );
  const data: Data[] = [
    { type: 'heatmap', z: shares, colorscale: 'Viridis', zmin: 0, zmax: 100, colorbar: { title: { text: 'share of the<br>true class (%)' } }, hovertemplate: 'true %{y}, predicted %{x}: %{z:.1f} %<extra></extra>' } as Data,
  ];
  const ticks = { tickmode: 'array' as const, tickvals: shown.map((_, i) => i), ticktext: names, showgrid: false, zeroline: false };
  return new Plot(
    { data, layout: { title: { text: title }, annotations, xaxis: { ...ticks, title: { text: 'predicted' }, tickangle: -45 }, yaxis: { ...ticks, title: { text: 'true' }, autorange: 'reversed' } } },
    { width: 300 + size * shown.length, height: 220 + size * shown.length },
  );
}
