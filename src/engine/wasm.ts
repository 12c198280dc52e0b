/**
 * The WebAssembly engine, for machines without the native one, started synchronously.
 *
 * TensorFlow.js starts it asynchronously because browsers must; Node can compile the module at once, so that code need not
 * wait for an engine, whichever it is. This repeats what `init` in tfjs-backend-wasm 4.22 does.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { registerWasmKernels } from './wasm_kernels';

interface EmscriptenModule {
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): WebAssembly.Exports;
  cwrap?(name: string, result: 'number' | null, parameters: 'number'[]): unknown;
  tfjs?: Record<string, unknown>;
}

/** Registers and selects the 'wasm' backend. Throws where WebAssembly or its SIMD instructions are missing. */
export function startWasm(): void {
  const folder = path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  const { BackendWasm } = require('@tensorflow/tfjs-backend-wasm');
  const factory = require('@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js');

  const module: EmscriptenModule = {
    instantiateWasm(imports, done) {
      const binary = fs.readFileSync(path.join(folder, 'wasm-out/tfjs-backend-wasm-simd.wasm'));
      const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), imports);
      done(instance);
      return instance.exports;
    },
  };
  // Emscripten takes over the process's handling of uncaught errors; take it back.
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as NodeJS.Signals));
  factory(module);
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as NodeJS.Signals)) {
      if (!before[i].includes(listener)) process.removeListener(event, listener);
    }
  });

  const wrap = module.cwrap;
  if (!wrap) throw new Error('the WebAssembly module did not start');
  module.tfjs = {
    init: wrap('init', null, []),
    initWithThreadsCount: wrap('init_with_threads_count', null, ['number']),
    getThreadsCount: wrap('get_threads_count', 'number', []),
    registerTensor: wrap('register_tensor', null, ['number', 'number', 'number']),
    disposeData: wrap('dispose_data', null, ['number']),
    dispose: wrap('dispose', null, []),
  };
  tf.removeBackend('wasm'); // The asynchronous registration that the package makes when loaded.
  tf.registerBackend('wasm', () => new BackendWasm(module), 2);
  void tf.setBackend('wasm'); // Ready at once, as its factory is not asynchronous.
  registerWasmKernels();
}
