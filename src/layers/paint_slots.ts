import * as tf from '../engine/tf';
import { customGradient } from '../engine/custom_gradient';
import { shapeOf } from './core/rows';
import { SlotRow } from './neighbourhoods/class_slots';

/**
 * A 7x7 convolution of each slot's own kernel on the features that its class's mask leaves, computed on the class's box, zero elsewhere. Where
 * the boxes lie is known to tensors alone.
 * @param features padded by 3, [B,H+6,W+6,C]
 * @param masks one-hot labels, padded by 3, [B,H+6,W+6,classes]
 * @param kernels [S,7,7,C,3]
 * @param boxes see `ClassSlots`, [S,8,4]
 * @returns [B,H,W,3*S]
 */
export function paintSlots(features: tf.Tensor4D, masks: tf.Tensor4D, kernels: tf.Tensor5D, boxes: tf.Tensor3D): tf.Tensor4D {
  const slots = kernels.shape[0];
  const kernelShape = kernels.shape.slice(1) as tf.Tensor4D['shape'];
  const rowsOf = (all: tf.Tensor) => {
    const rows = tf.unstack(tf.reshape(all, [slots * 8, 4]));
    return Array.from({ length: slots }, (_, s) => {
      const row = (r: number) => rows[8 * s + r];
      return { row, paddings: tf.concat([row(SlotRow.paddings), row(SlotRow.paddings + 1)]) };
    });
  };
  const place = (x: tf.Tensor, paddings: tf.Tensor) => tf.runKernel('Pad', { T: 'float32', Tpaddings: 'int32' }, [x, tf.reshape(paddings, [4, 2])])[0];
  return customGradient([features, kernels], (save, x, k) => {
    const each = rowsOf(boxes).map(({ row, paddings }, s) => {
      const mask = slice(masks, row(SlotRow.maskBegin), row(SlotRow.maskSeen));
      const masked = tf.mul(slice(x, row(SlotRow.begin), row(SlotRow.seen)), mask) as tf.Tensor4D;
      const kernel = tf.reshape(tf.slice(k, [s, 0, 0, 0, 0], [1, -1, -1, -1, -1]), kernelShape) as tf.Tensor4D;
      return { mask, masked, image: place(tf.conv2d(masked, kernel, 1, 'valid'), paddings) };
    });
    save([k, boxes, ...each.flatMap(({ mask, masked }) => [mask, masked])]);
    const gradFunc = (dy: tf.Tensor, [kept, places, ...maps]: tf.Tensor[]) => {
      const dKernels: tf.Tensor[] = [];
      const dFeatures = rowsOf(places).map(({ row, paddings }, s) => {
        const [mask, masked] = maps.slice(2 * s);
        const d = slice(dy, row(SlotRow.imageBegin), row(SlotRow.size));
        const kernel = tf.reshape(tf.slice(kept, [s, 0, 0, 0, 0], [1, -1, -1, -1, -1]), kernelShape);
        dKernels.push(convolution('Filter', [masked, tf.tensor1d(kernelShape, 'int32'), d]));
        return place(tf.mul(convolution('Input', [shapeOf(masked), kernel, d]), mask), paddings);
      });
      return [tf.addN(dFeatures), tf.stack(dKernels)];
    };
    return {
      value: tf.concat(
        each.map((e) => e.image),
        3,
      ),
      gradFunc,
    };
  }) as tf.Tensor4D;
}

const slice = (x: tf.Tensor, begin: tf.Tensor, size: tf.Tensor) => tf.runKernel('Slice', { T: 'float32', Index: 'int32' }, [x, begin, size])[0];

/** The gradient of a convolution in its input or in its kernel. */
function convolution(of: 'Input' | 'Filter', inputs: tf.Tensor[]): tf.Tensor {
  const attributes = {
    T: 'float32',
    strides: [1, 1, 1, 1],
    padding: 'VALID',
    data_format: 'NHWC',
    use_cudnn_on_gpu: true,
    dilations: [1, 1, 1, 1],
    explicit_paddings: [] as number[],
  };
  if (!tf.hasOneDnnKernels()) return tf.runKernel(`Conv2DBackprop${of}`, attributes, inputs)[0];
  return tf.runKernel(`_MklNativeConv2DBackprop${of}`, { ...attributes, _kernel: 'MklNameChangeOp' }, inputs)[0];
}
