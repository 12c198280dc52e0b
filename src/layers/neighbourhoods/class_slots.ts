import type { LabelMap } from '../../data/types';
import * as tf from '../../engine/tf';
import { boundingBoxes } from './bounding_box';

/**
 * Which classes a batch of label maps has and where they stand, as tensors of sizes that say nothing about the maps: for compiled functions.
 * There are as many slots as classes in the batch, rounded up to a multiple of eight; the spare ones hold classes that are absent.
 */
export interface ClassSlots {
  /** The class of each slot: those of the batch, ascending, then absent ones. All classes in their order where there are as many slots. */
  classes: readonly number[];
  tensors: {
    /** The class of each slot. [S], int32 */
    ids: tf.Tensor1D;
    /** The classes without a slot, absent from the batch. [classes - S], int32 */
    rest: tf.Tensor1D;
    /** The box of each slot's class: see `SlotRow`. [S,8,4], int32 */
    boxes: tf.Tensor3D;
    /** 1 for each class that stands in a map. [B,classes] */
    valid: tf.Tensor2D;
  };
}

/** The rows of a slot's box: begins and sizes for TensorFlow's Slice (-1: to the end) and the paddings of its Pad. */
export const SlotRow = {
  /** Of the features, padded by 3: where the box begins, and what its 7x7 windows see. */
  begin: 0,
  seen: 1,
  /** Of the one-hot labels, padded by 3: the same for the channel of the class. */
  maskBegin: 2,
  maskSeen: 3,
  /** Of the slot's three channels of the image: the box. */
  imageBegin: 4,
  size: 5,
  /** What stands around the box, two rows. */
  paddings: 6,
} as const;

const STEP = 8;

export function classSlots(maps: readonly LabelMap[], classes: number, present: readonly number[], atLeast: number): ClassSlots {
  const count = Math.min(classes, Math.max(Math.ceil(present.length / STEP) * STEP, STEP, atLeast));
  const absent = Array.from({ length: classes }, (_, c) => c).filter((c) => !present.includes(c));
  const inSlots = [...present, ...absent.slice(0, count - present.length)];
  if (count === classes) inSlots.sort((a, b) => a - b);
  const rest = absent.slice(count - present.length);
  const [{ height, width }] = maps;
  const found = boundingBoxes(maps);
  const boxes = inSlots.flatMap((c, slot) => {
    // Of an absent class one pixel: its mask is empty there as anywhere.
    const { top, left, bottom, right } = found.get(c) ?? { top: 0, left: 0, bottom: 1, right: 1 };
    const [rows, columns] = [bottom - top, right - left];
    return [
      ...[0, top, left, 0],
      ...[-1, rows + 6, columns + 6, -1],
      ...[0, top, left, c],
      ...[-1, rows + 6, columns + 6, 1],
      ...[0, top, left, 3 * slot],
      ...[-1, rows, columns, 3],
      ...[0, 0, top, height - bottom],
      ...[left, width - right, 0, 0],
    ];
  });
  const valid = presentIn(maps, classes);
  return {
    classes: inSlots,
    tensors: {
      ids: tf.keep(tf.tensor1d(inSlots, 'int32')),
      rest: tf.keep(tf.tensor1d(rest, 'int32')),
      boxes: tf.keep(tf.tensor3d(boxes, [count, 8, 4], 'int32')),
      valid: tf.keep(tf.tensor2d(valid, [maps.length, classes])),
    },
  };
}

/** 1 for each class that stands in a map, row by row: [B*classes]. */
export function presentIn(maps: readonly LabelMap[], classes: number): Float32Array {
  const present = new Float32Array(maps.length * classes);
  maps.forEach(({ data }, b) => {
    for (let i = 0; i < data.length; i++) if (data[i] < classes) present[b * classes + data[i]] = 1;
  });
  return present;
}
