import { imageGrid, type Cell, type GridSheet } from '../../src/figures/grid';
import { classLegend, colourLabels } from '../../src/figures/labels';
import { finalOf, type NetworkReport, type Painted, type SetReport } from './network';
import { spreadEvenly } from '../../src/data/dataset';

/** Label maps over what became of them, and over the photograph or the original's output where there is one. */
export function gallery(painted: readonly Painted[], title: string, captions: readonly string[] = []): GridSheet {
  const row = (name: string, image: (p: Painted) => Cell['image'] | undefined, exact = false) =>
    painted.some(image)
      ? [
          {
            name,
            cells: painted.map((p) => {
              const found = image(p);
              return found && { image: found, exact };
            }),
          },
        ]
      : [];
  const rows = [
    ...row('label map', (p) => colourLabels(p.labels), true),
    ...row('generated', finalOf),
    ...row('photo', (p) => p.photo),
    ...row('the original', (p) => p.original),
  ];
  const cells = rows.map(({ name, cells: own }) => (name === 'generated' ? own.map((cell, i) => cell && { ...cell, caption: captions[i] }) : own));
  return imageGrid(cells, { title, rowTitles: rows.map((r) => r.name), legend: classLegend(painted.map((p) => p.labels)) });
}

/** The images in which the segmenter finds most and least of their label maps; undefined where no segmenter judged. */
export function bestAndWorst({ painted, evaluations }: SetReport, title: string, count = 3): GridSheet | undefined {
  const shares = evaluations[evaluations.length - 1]?.mask?.generated.accuracy.perImage;
  if (!shares) return undefined;
  // An image without a pixel that can be judged has no share.
  const order = painted
    .map((_, i) => i)
    .filter((i) => Number.isFinite(shares[i]))
    .sort((a, b) => shares[b] - shares[a]);
  const n = Math.min(count, Math.floor(order.length / 2));
  const shown = [...order.slice(0, n), ...order.slice(order.length - n)];
  if (!shown.length) return undefined;
  return gallery(
    shown.map((i) => painted[i]),
    title,
    shown.map((i) => `${(100 * shares[i]).toFixed(0)} %`),
  );
}

/** Every gallery of a report, by the name of its file. */
export function galleries({ heldOut, contest }: NetworkReport): Record<string, GridSheet> {
  const worst = bestAndWorst(heldOut, 'Held-out windows: three in which the segmenter finds most of the label map, three in which least');
  return {
    evaluation_held_out: gallery(spreadEvenly(heldOut.painted, 8), 'Held-out windows of the photographs, painted from their label maps'),
    ...(worst && { evaluation_best_and_worst: worst }),
    ...(contest && { evaluation_contest: gallery(contest.painted, "The contest's label maps") }),
  };
}
