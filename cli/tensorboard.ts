import { mkdirSync } from 'node:fs';
import { UserError } from '../src/common/errors';
import * as tf from '../src/engine/tf';

/** Where a run's curves and samples go for `tensorboard --logdir FOLDER`. */
export interface EventLog {
  /** One point for each name, at this step. */
  scalars(step: number, values: Record<string, number>): void;
  /** Puts everything on the disk; it happens by itself every two minutes otherwise. */
  flush(): void;
}

/** The part of tfjs-node that is used here; TensorFlow.js has no type for it. */
interface Writer {
  scalar(name: string, value: number, step: number): void;
  flush(): void;
}

/**
 * TensorBoard's event files in `folder`, by the summary writer of tfjs-node. Without the native engine nothing is
 * written: `warn` gets one sentence and the log is a mute one.
 */
export function eventLog(folder: string, warn: (sentence: string) => void = console.warn): EventLog {
  if (!tf.hasNativeKernels()) {
    warn(
      `TensorBoard's files in ${folder} are not written: they need the native engine (npm run doctor says why it is missing). The history's CSV has the same numbers.`,
    );
    return { scalars: () => undefined, flush: () => undefined };
  }
  try {
    mkdirSync(folder, { recursive: true });
  } catch (e) {
    throw new UserError(`${folder} cannot be made (${(e as NodeJS.ErrnoException).code}): choose another folder for TensorBoard's files.`, { cause: e });
  }
  const { node } = require('@tensorflow/tfjs-node') as { node: { summaryFileWriter(folder: string): Writer } };
  const writer = node.summaryFileWriter(folder);
  return {
    scalars(step, values) {
      for (const [name, value] of Object.entries(values)) writer.scalar(name, value, step);
    },
    flush: () => writer.flush(),
  };
}
