/** How the cost of the generator grows with the size of its images, the batch and the number of classes. */
import { Plot } from '../../src/figures/plot';
import { saveFigure } from '../../src/figures/figure';
import { DEFAULT_WORKLOAD, type BenchRow, type Workload } from './workloads';

const AXES: { title: string; of: (w: Workload) => number; values: Partial<Workload>[] }[] = [
  {
    title: 'pixels (thousands)',
    of: ({ size }) => (size[0] * size[1]) / 1000,
    values: [{ size: [96, 128] }, { size: [192, 256] }, { size: [384, 512] }, { size: [768, 1024] }],
  },
  { title: 'batch', of: ({ batch }) => batch, values: [1, 2, 4].map((batch) => ({ batch })) },
  { title: 'classes', of: ({ classes }) => classes, values: [29, 64, 150].map((classes) => ({ classes })) },
];

const cases = () =>
  AXES.flatMap(({ title, of, values }) =>
    values.map((change) => {
      const workload: Workload = { ...DEFAULT_WORKLOAD, ...change };
      return { axis: title, x: of(workload), name: `forward, ${title} ${of(workload).toFixed(0)}`, workload };
    }),
  );

export const growthCases = () => cases().map(({ name, workload }) => ({ name, workload, peer: false, against: undefined }));

/** Draws time and memory over each of the three; FILE.png and its vector twin. */
export async function drawGrowth(rows: BenchRow[], file: string): Promise<void> {
  const axis = (i: number) => (i ? String(i + 1) : '');
  const data = AXES.flatMap(({ title }, i) => {
    const points = cases().filter((c) => c.axis === title);
    const row = (name: string) => rows.find((r) => r.name === name)!;
    const line = (name: string, y: number[], yaxis: string, symbol: string, colour: string) => ({
      type: 'scatter' as const,
      mode: 'lines+markers' as const,
      name,
      showlegend: i === 0,
      x: points.map((p) => p.x),
      y,
      xaxis: `x${axis(i)}`,
      yaxis,
      marker: { symbol, size: 9, color: colour },
      line: { color: colour },
    });
    const best = points.map((p) => Math.min(...row(p.name).ours.seconds));
    const memory = points.map((p) => row(p.name).ours.memory);
    return [line('seconds (fastest run)', best, `y${axis(i)}`, 'circle', '#0072B2'), line('peak memory, GB', memory, `y${axis(i)}`, 'square', '#D55E00')];
  });
  const layout: Record<string, unknown> = { legend: { orientation: 'h', y: 1.12, x: 0 }, margin: { l: 60, r: 20, t: 90, b: 60 } };
  AXES.forEach(({ title }, i) => {
    layout[`xaxis${axis(i)}`] = { title: { text: title }, domain: [i * 0.355, i * 0.355 + 0.29], rangemode: 'tozero', anchor: `y${axis(i)}` };
    layout[`yaxis${axis(i)}`] = { rangemode: 'tozero', anchor: `x${axis(i)}`, ...(i === 0 && { title: { text: 'seconds, GB' } }) };
  });
  const figure = { data, layout: { ...layout, title: { text: 'Generator forward, ngf 64: what a larger image, batch or class list costs' } } };
  await saveFigure(file.replace(/\.png$/, ''), new Plot(figure as ConstructorParameters<typeof Plot>[0], { width: 1100, height: 420 }));
}
