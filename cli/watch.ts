import { interruptible } from '../src/common/interrupt';
import { progress } from '../src/common/progress';
import { isFirst } from '../src/engine/cluster';
import type { LoopHooks, Row } from '../src/training/loop';

/** How the commands that train follow a run: Ctrl-C, what the trainer says, and a bar with the rate, the time left and `told` of a step's row. Of several workers the first speaks. */
export function watchTraining(told: (row: Row) => string) {
  const first = isFirst();
  const interrupt = interruptible(first ? undefined : () => undefined);
  let bar: ReturnType<typeof progress> | undefined;
  const hooks: Required<LoopHooks> = {
    signal: interrupt.signal,
    onMessage: (message) => first && console.error(message),
    onStep(row, done, total) {
      if (!first) return;
      bar ??= progress(total, 'training', { unit: 'steps', from: done - 1 });
      bar.update(done, told(row));
    },
  };
  return {
    hooks,
    /** A line above the bar. */
    print: (line: string) => bar?.print(line),
    /** The bar's last line. Signals are still heard, as long as something is written. */
    finish: (output: string) => bar?.finish(output),
    /** Signals end the process again. */
    dispose: () => interrupt.dispose(),
  };
}
