/**
 * The engine in a browser: what `src/engine/tf.ts` and `kernels.ts` are in Node, under the same names. The bundler puts it in their place
 * (`build.ts`), so that layers and models are the library's own. There are no native kernels by name: the plain definitions compute.
 */
import * as tfjs from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-webgl';
import '@tensorflow/tfjs-backend-webgpu';
import { registerWasmKernels } from '../../src/engine/wasm_kernels';

export * from '@tensorflow/tfjs-core';

export const node = undefined;
export const hasNativeKernels = (): boolean => false;
export const hasOneDnnKernels = (): boolean => false;
/** Asked for where several processes train together, which none do in a browser. */
export const engineInfo = (): { gpu: boolean } => ({ gpu: false });
export function runKernel(name: string): never {
  throw new Error(`there is no kernel ${name} in a browser`);
}

/** The engines there can be, the fastest first. */
export const ENGINES = ['webgpu', 'webgl', 'wasm'] as const;
export type EngineName = (typeof ENGINES)[number];

export const ENGINE_TITLES: Record<EngineName, string> = { webgpu: 'WebGPU', webgl: 'WebGL', wasm: 'WebAssembly' };

/** Whether this browser has it, on hardware and with all 32 bits of its numbers. */
export async function hasEngine(name: EngineName): Promise<boolean> {
  if (name === 'webgpu') {
    const { gpu } = navigator as unknown as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
    const adapter = await gpu?.requestAdapter().catch(() => null);
    return !!adapter && !(adapter.isFallbackAdapter ?? adapter.info?.isFallbackAdapter);
  }
  if (name === 'webgl') {
    const context = typeof OffscreenCanvas === 'undefined' ? null : new OffscreenCanvas(1, 1).getContext('webgl2', { failIfMajorPerformanceCaveat: true });
    if (!context?.getExtension('EXT_color_buffer_float')) return false;
    const { UNMASKED_RENDERER_WEBGL } = context.getExtension('WEBGL_debug_renderer_info') ?? { UNMASKED_RENDERER_WEBGL: context.RENDERER };
    return !BY_PROCESSOR.test(String(context.getParameter(UNMASKED_RENDERER_WEBGL)));
  }
  return typeof WebAssembly === 'object';
}

/** Drivers that draw by the processor, which WebAssembly uses better. */
const BY_PROCESSOR = /swiftshader|llvmpipe|softpipe|software|basic render/i;

interface Adapter {
  isFallbackAdapter?: boolean;
  info?: { isFallbackAdapter?: boolean };
}

/** Starts an engine. `base`: the address that the WebAssembly files lie under. */
export async function startEngine(name: EngineName, base: string): Promise<void> {
  if (name === 'wasm') {
    setWasmPaths(base);
    // Threads need headers that a plain server does not send.
    tfjs.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  }
  // Half the numbers' bits would be seen in the picture.
  if (name === 'webgl') tfjs.env().set('WEBGL_FORCE_F16_TEXTURES', false);
  if (!(await tfjs.setBackend(name))) throw new Error(`${ENGINE_TITLES[name]} does not start`);
  await tfjs.ready();
  if (name === 'wasm') registerWasmKernels();
}
