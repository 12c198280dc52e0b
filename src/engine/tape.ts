/** What TensorFlow.js' record of operations (its tape) lacks: freeing memory early, gradients inside of a recording, two gradients of one. */
import * as tf from './tf';

/** An operation that TensorFlow.js recorded. */
interface TapeNode {
  inputs: Record<string, tf.Tensor>;
  saved?: tf.Tensor[];
  /** What it saved and another record frees. */
  lent?: tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

interface RecordingState {
  activeTape?: TapeNode[];
  gradientDepth: number;
  kernelDepth: number;
}

const recording = (): RecordingState => (tf.engine() as unknown as { state: RecordingState }).state;

/** Whether operations are being recorded for a gradient, or would be but for an operation around them. */
export const isRecording = (): boolean => recording().gradientDepth > 0;

/** Runs `f` as if nothing were being recorded around it, so that it may take gradients of its own. */
export function apart<T>(f: () => T): T {
  const state = recording();
  const { activeTape, gradientDepth, kernelDepth } = state;
  Object.assign(state, { activeTape: undefined, gradientDepth: 0, kernelDepth: 0 });
  try {
    return f();
  } finally {
    Object.assign(state, { activeTape, gradientDepth, kernelDepth });
  }
}

/**
 * Call it at the end of a function whose gradient is being taken: every operation recorded so far, when its turn in the backward pass
 * comes, frees what the one before it leaves behind: the tensors it had saved, the gradient of its output, and gradients that were added
 * to an earlier one of the same tensor. TensorFlow.js by itself frees nothing before the end, which doubles the memory.
 */
export function freeEarly(): void {
  let spent: tf.Tensor[] = [];
  const met = new Set<number>();
  for (const node of recording().activeTape ?? []) {
    const original = node.gradient;
    if (!original) continue;
    // TensorFlow.js calls this on a copy of the node whose inputs are those that a gradient is wanted for.
    node.gradient = function backward(this: TapeNode, dys) {
      tf.dispose(spent);
      const wanted = Object.keys(this.inputs);
      const computed = tf.tidy(() => {
        const functions = original(dys);
        return Object.fromEntries(wanted.map((name) => [name, functions[name]()]));
      });
      spent = [...(this.saved ?? []), ...dys.filter((dy): dy is tf.Tensor => dy !== null)];
      const used = new Set([...spent, ...(this.lent ?? [])]);
      const results: Record<string, () => tf.Tensor> = {};
      for (const name of wanted) {
        // An operation may pass its gradient on as it is.
        const dx = used.has(computed[name]) ? tf.clone(computed[name]) : computed[name];
        used.add(dx);
        const { id } = this.inputs[name];
        if (met.has(id)) spent.push(dx);
        met.add(id);
        results[name] = () => dx;
      }
      return results;
    };
  }
}

/** A part of a record of operations, for a second gradient. */
export interface Excerpt<T> {
  result: T;
  /** Call it first in the function of the other gradient, once: as if that had run these operations. It takes what they had saved. */
  replay(): void;
}

/**
 * Runs `f` inside of a function whose gradient is being taken, such that another gradient can be taken of the same operations later: of
 * another loss, in other variables. The caller keeps of the result what that loss reads.
 */
export function excerpt<T>(f: () => T): Excerpt<T> {
  const tape = recording().activeTape!;
  const begin = tape.length;
  const result = f();
  const own = tape.slice(begin);
  const copies = own.map((node) => ({ ...node }));
  // Both gradients read what was saved; the second one frees it.
  for (const node of own) Object.assign(node, { lent: node.saved, saved: [] });
  return { result, replay: () => void recording().activeTape!.push(...copies) };
}
