import * as tf from '../../engine/tf';
import { customGradient } from '../../engine/custom_gradient';

/**
 * Pads height and width by `n` pixels on each side. x [B,H,W,C] -> [B,H+2n,W+2n,C].
 *
 * `reflect` mirrors around the edge pixel without repeating it (0..4 padded by 3: 3 2 1 0 1 2 3 4 3 2 1). TensorFlow.js
 * gives `tf.mirrorPad` the gradient of a plain slice, which forgets the mirrored pixels; this one adds them back.
 */
export function pad2d(x: tf.Tensor4D, n: number, mode: 'zeros' | 'reflect'): tf.Tensor4D {
  if (n === 0) return x;
  return mode === 'zeros' ? padZeros(x, [n, n]) : reflectPad(x, n);
}

/** Zeros above and below, left and right. x [B,H,W,C]. */
export function padZeros(x: tf.Tensor4D, rows: [above: number, below: number], columns: [left: number, right: number] = rows): tf.Tensor4D {
  return tf.pad(x, [[0, 0], rows, columns, [0, 0]]);
}

function reflectPad(x: tf.Tensor4D, n: number): tf.Tensor4D {
  const around: [number, number] = [n, n];
  return customGradient([x], (_save, input) => ({
    value: tf.mirrorPad(input, [[0, 0], around, around, [0, 0]], 'reflect'),
    gradFunc: (dy: tf.Tensor) => foldReflection(foldReflection(dy as tf.Tensor4D, n, 1), n, 2),
  })) as tf.Tensor4D;
}

/** The transpose of reflecting along `axis`: the n mirrored slices at each end are flipped and added where they came from. */
function foldReflection(dy: tf.Tensor4D, n: number, axis: 1 | 2): tf.Tensor4D {
  return tf.tidy(() => {
    const size = dy.shape[axis] - 2 * n;
    const cut = (begin: number, length: number) => {
      const from = [0, 0, 0, 0];
      const extent = dy.shape.slice();
      from[axis] = begin;
      extent[axis] = length;
      return tf.slice(dy, from as [number, number, number, number], extent as [number, number, number, number]);
    };
    const place = (t: tf.Tensor4D, begin: number) => {
      const room: [number, number][] = [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 0],
      ];
      room[axis] = [begin, size - n - begin];
      return tf.pad(tf.reverse(t, axis), room);
    };
    return tf.addN([cut(n, size), place(cut(0, n), 1), place(cut(n + size, n), size - 1 - n)]) as tf.Tensor4D;
  });
}
