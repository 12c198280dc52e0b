import { excerpt } from './errors';

/** Where progress lines go. */
export interface ProgressSink {
  /** Shortest time between two lines that replace each other, in milliseconds. */
  readonly interval: number;
  /** Shows the current line, in place of the last one where the sink can do that. */
  show(line: string): void;
  /** Shows the last line of this progress; it stays. */
  end(line: string): void;
  /** Shows a message that stays, above the current line. */
  print(message: string): void;
}

export interface Progress {
  /** `done` of the total are finished; `note` is shown behind (a loss, a file). */
  update(done: number, note?: string): void;
  /** Shows a message without disturbing the line. */
  print(message: string): void;
  /** Leaves a last line with the time it took. */
  finish(note?: string): void;
}

export interface ProgressOptions {
  sink?: ProgressSink;
  /** How many were finished before this process began (a resumed run): they do not count for the rate. */
  from?: number;
  /** What is counted: 'steps', 'images'. */
  unit?: string;
  /** How many of what is counted make one of the unit shown: 1e6 shows bytes as MB. */
  scale?: number;
  /** The clock in milliseconds; for tests. */
  now?: () => number;
}

/**
 * Progress of a long piece of work: a bar, the count, the rate, and the time left, which is estimated from the last
 * minute.
 *
 * ```ts
 * const p = progress(400, 'training', { unit: 'steps' });
 * for (let i = 0; i < 400; i++) p.update(i + 1, `loss ${await step()}`);
 * p.finish();
 * ```
 */
export function progress(total: number, label: string, options: ProgressOptions = {}): Progress {
  const { sink = defaultSink(), from = 0, unit = '', scale = 1, now = () => performance.now() } = options;
  const start = now();
  // Times and counts of the last minute, at most one a second.
  const window: { time: number; done: number }[] = [{ time: start, done: from }];
  // A file or a pipe gets no line for what is over in a moment.
  let shown = sink.interval > 1000 ? start : -Infinity;
  let current = from;
  let finished = false;

  const inUnits = (n: number) => String(scale === 1 ? n : Math.round(n / scale));
  const rate = (time: number) => {
    const first = window[0];
    // A few milliseconds say nothing.
    return time - first.time >= 100 ? ((current - first.done) / (time - first.time)) * 1000 : 0;
  };

  return {
    update(done, note) {
      if (finished) return;
      const time = now();
      current = done;
      if (time - window[window.length - 1].time >= 1000) window.push({ time, done });
      while (window.length > 2 && time - window[0].time > 60000) window.shift();
      if (time - shown < sink.interval) return;
      shown = time;
      const r = rate(time);
      const left = r > 0 && done < total ? `${duration((total - done) / r)} left` : '';
      sink.show(join([label, bar(done / total), `${inUnits(done)}/${inUnits(total)}`, rateText(r / scale, unit), left, note]));
    },
    print: (message) => sink.print(message),
    finish(note) {
      if (finished) return;
      finished = true;
      const seconds = (now() - start) / 1000;
      const count = current === total ? inUnits(total) : `${inUnits(current)}/${inUnits(total)}`;
      sink.end(join([label, `${count}${unit ? ` ${unit}` : ''} in ${duration(seconds)}`, note]));
    },
  };
}

/** An `onProgress(done, total, note)` that shows itself; it finishes when done reaches the total. */
export function reporter(label: string, options: ProgressOptions = {}): (done: number, total: number, note?: string) => void {
  let p: Progress | undefined;
  return (done, total, note) => {
    p ??= progress(total, label, options);
    p.update(done, note);
    if (done >= total) {
      p.finish();
      p = undefined;
    }
  };
}

/** Rewrites one line on a terminal; prints a line every few seconds where the output goes to a file or a pipe. */
export function terminalSink(stream: NodeJS.WriteStream = process.stderr): ProgressSink {
  if (!stream.isTTY) {
    const line = (text: string) => void stream.write(`${excerpt(text, Infinity)}\n`);
    return { interval: 5000, show: line, end: line, print: line };
  }
  // \r to the start of the line, CSI K clears what is left of the last one.
  const write = (text: string, tail: string) => void stream.write(`\r${cut(excerpt(text, Infinity), (stream.columns || 80) - 1)}\x1b[K${tail}`);
  let last = '';
  return {
    interval: 100,
    show(text) {
      last = text;
      write(text, '');
    },
    end(text) {
      last = '';
      write(text, '\n');
    },
    print(message) {
      stream.write(`\r\x1b[K${message}\n`);
      if (last) write(last, '');
    },
  };
}

/**
 * For a notebook: `write` replaces the content of an output (tslab's `newDisplay().text`). Messages stay above the
 * line.
 */
export function replacingSink(write: (text: string) => void): ProgressSink {
  const stay: string[] = [];
  const show = (line: string) => write([...stay, line].join('\n'));
  let last = '';
  return {
    interval: 250,
    show(line) {
      last = line;
      show(line);
    },
    end(line) {
      last = line;
      show(line);
    },
    print(message) {
      stay.push(message);
      show(last);
    },
  };
}

let makeSink: () => ProgressSink = () => terminalSink();
const defaultSink = () => makeSink();

/** Sets where progress goes if a call does not say: a function that makes a sink for each piece of work. */
export function setProgressSink(make: () => ProgressSink): void {
  makeSink = make;
}

/** '4.2 s', '3:07', '2:03:07', '3 d 4 h' */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?';
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const two = (n: number) => String(n).padStart(2, '0');
  if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
  if (s < 86400) return `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

function bar(fraction: number): string {
  const width = 20;
  const full = Math.max(0, Math.min(width, Math.floor(fraction * width || 0)));
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

function rateText(perSecond: number, unit: string): string {
  if (!(perSecond > 0)) return '';
  if (perSecond >= 1) return `${perSecond < 1000 ? perSecond.toPrecision(3) : Math.round(perSecond)} ${unit || 'it'}/s`;
  return `${duration(1 / perSecond)} each`;
}

const join = (parts: (string | undefined)[]) => parts.filter(Boolean).join('  ');
const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text);
