/**
 * A training watched while it runs: a progress line, the loss curves and the latest samples, each rewritten in place.
 */
import type { LabelMap, RgbImage } from '../data/types';
import { progress, replacingSink, terminalSink, type Progress } from '../common/progress';
import type { ClassStyles } from '../figures/labels';
import { type HistoryRow, lossCurves, type LossCurveOptions } from '../figures/loss_curves';
import { loadPlotly } from '../figures/plotly_dom';
import { type Sample, samplesOverTime } from '../figures/samples_over_time';
import { Slot, inNotebook } from './show';

export interface LiveOptions {
  /** What is trained, in front of the progress line and over the curves. */
  title?: string;
  /** Columns of the history to draw; by default all losses. */
  names?: readonly string[];
  /** Which column is named in the progress line. */
  main?: string;
  /** The label maps that the samples are made from, and the photos that belong to them. */
  labels?: readonly LabelMap[];
  photos?: readonly RgbImage[];
  classes?: ClassStyles;
  /**
   * Shortest time between two drawings of the curves, in seconds; drawing never takes more than a twentieth of the
   * time.
   */
  drawEvery?: number;
  curves?: Omit<LossCurveOptions, 'names' | 'title'>;
}

export interface LiveTraining {
  /**
   * To be called (and awaited) after every step: takes its row, and lets the kernel breathe, so that outputs appear and
   * interrupts arrive.
   */
  readonly onStep: (row: HistoryRow, done: number, total: number) => Promise<void>;
  /** Shows what the network makes of the label maps now. */
  readonly sample: (images: readonly RgbImage[], step: number) => Promise<void>;
  /** A message that stays above the progress line. */
  readonly message: (text: string) => void;
  /** Aborted when the kernel is interrupted (or Ctrl+C pressed): the training should stop after its step. */
  readonly signal: AbortSignal;
  /** Draws everything a last time and hands interrupts back. Call it also when the training failed (in `finally`). */
  readonly finish: (note?: string) => Promise<void>;
}

const MOST_ROWS = 4000;

/**
 * Watches a training. Outside a notebook only the progress line is shown, on the terminal.
 *
 * ```ts
 * const live = liveTraining({ title: 'LGGAN', labels });
 * try {
 *   await train(data, { onStep: live.onStep, signal: live.signal, onSample: async (g, step) => live.sample(await draw(g), step) });
 * } finally {
 *   await live.finish();
 * }
 * ```
 *
 * An interrupt stops the training gently: the cell ends normally, its checkpoint saved, and the next cell works. A
 * second interrupt is handed to whoever listened before.
 */
export function liveTraining(options: LiveOptions = {}): LiveTraining {
  const { title = 'training', drawEvery = 5, names, main, labels, photos, classes } = options;
  const notebook = inNotebook();
  const slots = { line: new Slot(), curves: new Slot(), samples: new Slot() };
  const sink = notebook ? replacingSink((text) => slots.line.text(text)) : terminalSink();
  const interrupts = catchInterrupts();
  const samples: Sample[] = [];
  let rows: HistoryRow[] = [];
  let line: Progress | undefined;
  let nextDraw = performance.now() + 1000 * drawEvery;
  let drawnRows = -1;
  let finished = false;
  // Before the first step is done, which can take long.
  if (notebook) sink.show(`${title}  getting ready`);

  const drawCurves = async () => {
    if (!notebook || rows.length < 2 || drawnRows === rows.length) return;
    drawnRows = rows.length;
    await loadPlotly(); // Its loading happens once and should not count.
    const began = performance.now();
    await slots.curves.show(lossCurves(rows, { ...options.curves, title: `${title}: losses`, names }));
    nextDraw = performance.now() + Math.max(1000 * drawEvery, 20 * (performance.now() - began));
  };

  return {
    signal: interrupts.signal,
    async onStep(row, done, total) {
      // A run that goes on begins with the steps of earlier ones, which do not count for the rate.
      line ??= progress(total, title, { sink, from: done, unit: 'steps' });
      rows.push(row);
      // Far beyond what a plot resolves: every other row goes.
      if (rows.length > MOST_ROWS) rows = rows.filter((_, i) => i % 2 === 0 || i === rows.length - 1);
      const value = main ? row[main] : undefined;
      line.update(done, typeof value === 'number' ? `${main} ${value.toPrecision(4)}` : undefined);
      if (performance.now() >= nextDraw) await drawCurves();
      await breathe();
    },
    async sample(images, step) {
      samples.push({ images, step });
      if (notebook) await slots.samples.show(samplesOverTime(samples, { title: `${title}: samples`, labels, photos, classes }));
    },
    message: (text) => (line ? line.print(text) : sink.print(text)),
    async finish(note) {
      if (finished) return;
      finished = true;
      await interrupts.release();
      await drawCurves();
      if (line) line.finish(note ?? (interrupts.signal.aborted ? 'interrupted' : undefined));
      else if (notebook) sink.end(`${title}  no step was taken`);
      await breathe();
    },
  };
}

/** A turn of the event loop: timers, messages to Jupyter, signals. */
const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Takes SIGINT over from its listeners (tslab's ends the cell at once, with the training still running) until released.
 *
 * Listeners change in a turn of the event loop of their own: while the first part of a cell runs, Node has its own
 * handler in place of the listeners and afterwards puts back what was there before, so that a listener added meanwhile
 * is lost and SIGINT kills the kernel.
 */
function catchInterrupts(): { signal: AbortSignal; release(): Promise<void> } {
  const controller = new AbortController();
  let before: NodeJS.SignalsListener[] = [];
  const restore = () => {
    for (const listener of before) process.on('SIGINT', listener);
    before = [];
    process.removeListener('SIGINT', onInterrupt);
  };
  const onInterrupt = () => {
    controller.abort();
    // The next one ends what does not end by itself.
    restore();
  };
  const taken = breathe().then(() => {
    before = process.listeners('SIGINT') as NodeJS.SignalsListener[];
    process.on('SIGINT', onInterrupt);
    for (const listener of before) process.removeListener('SIGINT', listener);
  });
  return {
    signal: controller.signal,
    async release() {
      await taken;
      await breathe();
      restore();
    },
  };
}
