import { constants } from 'node:os';

export interface Interrupt {
  /** Whether the user asked to stop: finish what cannot be cut, save, and return. */
  readonly requested: boolean;
  /** The same as a signal, for functions that take one. */
  readonly signal: AbortSignal;
  /** No longer listens. */
  dispose(): void;
}

/** A terminal and npm both pass the same Ctrl-C on; signals that arrive together are one wish. */
const SAME_WISH_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Lets the current step finish when the process is told to stop: after the first SIGINT, SIGTERM or SIGHUP (its
 * terminal was closed) `requested` is true and the exit code is set (130, 143, 129); a second one exits at once, but for SIGHUP, which shells
 * and npm send again. `say` gets a sentence for the user.
 */
export function interruptible(say: (sentence: string) => void = (s) => void process.stderr.write(`\n${s}\n`)): Interrupt {
  let first = -Infinity;
  const controller = new AbortController();
  const listener = (signal: NodeJS.Signals) => {
    const code = 128 + constants.signals[signal];
    const now = performance.now();
    // Nobody reads any more: what is written from here on fails, and must not end the run before it is saved.
    if (signal === 'SIGHUP') for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
    if (controller.signal.aborted) {
      if (signal !== 'SIGHUP' && now - first > SAME_WISH_MS) process.exit(code);
      return;
    }
    first = now;
    process.exitCode = code;
    controller.abort();
    say('Finishing this step and saving; once more stops at once.');
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    get requested() {
      return controller.signal.aborted;
    },
    signal: controller.signal,
    dispose() {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
