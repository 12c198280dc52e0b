import * as tf from '../../src/engine/tf';

/**
 * Forward time of a 3x3 convolution, 256 to 256 channels on 64x64 pixels, as GFLOP/s (two operations a multiply-add). The best of those that
 * fit into a second, as a busy machine slows some.
 */
export function convolutionSpeed(size = 64, channels = 256): number {
  return tf.tidy(() => {
    const x = tf.randomUniform<tf.Rank.R4>([1, size, size, channels]);
    const kernel = tf.randomUniform<tf.Rank.R4>([3, 3, channels, channels]);
    let best = Infinity;
    const end = performance.now() + 1000;
    for (let start = 0; (start = performance.now()) < end; ) {
      tf.tidy(() => tf.conv2d(x, kernel, 1, 'same').max().dataSync()); // Reading waits for the device.
      best = Math.min(best, performance.now() - start);
    }
    return (2 * 9 * size * size * channels * channels) / (best * 1e6);
  });
}
