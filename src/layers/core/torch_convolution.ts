import { Convolution } from './convolution';
import type { Parameters } from './parameters';

/**
 * A convolution with bias that keeps the size (odd kernel, zero padding), initialised as PyTorch's and Jittor's default does, which
 * is what RCAN's original trains from: kernel and bias uniform in +-1/sqrt(kernel^2 * cin).
 */
export function torchConvolution(p: Parameters, cin: number, cout: number, kernel: number): Convolution {
  return new Convolution(p, cin, cout, {
    kernel,
    padding: (kernel - 1) / 2,
    init: { kind: 'uniformFanIn' },
    biasInit: { kind: 'uniformFanIn', fanIn: kernel * kernel * cin },
  });
}
