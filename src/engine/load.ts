/**
 * Loads TensorFlow: the native addon (on the CPU or an NVIDIA GPU) where there is one. It comes before any import of TensorFlow.js, which prints
 * advice to install the addon otherwise. `./tf` is the module that others import.
 */
import * as os from 'node:os';
import util from 'node:util';
import type * as TfjsNode from '@tensorflow/tfjs-node';

// tfjs-node calls two helpers of Node that warn before Node 23 and are gone since; they have to be there before its first import.
Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined, isArray: Array.isArray });

// TensorFlow reads these when it is loaded.
process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // Its errors, not its notes on processor features.
process.env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true'; // Take GPU memory as needed, not all of it.
process.env.TF_NUM_INTRAOP_THREADS ??= String(os.availableParallelism()); // Knows a container's limit where Node does.

/** Which engine is asked for. */
export const choice = process.env.LGGAN_ENGINE ?? 'auto';

/** tfjs-node; undefined where it does not load or another engine is asked for. */
export const native = choice === 'wasm' || choice === 'plain' ? undefined : loadNative();

function loadNative(): typeof TfjsNode | undefined {
  const quiet = process.env.TF_CPP_MIN_LOG_LEVEL === '0' ? undefined : loadQuiet();
  quiet?.mute();
  try {
    return require('@tensorflow/tfjs-node') as typeof TfjsNode;
  } catch {
    return undefined;
  } finally {
    quiet?.restore();
  }
}

/** Built by the set-up beside the addon; another addon comes without it. */
function loadQuiet(): { mute(): void; restore(): void } | undefined {
  try {
    return require('@tensorflow/tfjs-node/lib/napi-v8/quiet.node');
  } catch {
    return undefined;
  }
}
