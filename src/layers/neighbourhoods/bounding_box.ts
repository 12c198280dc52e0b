import type { LabelMap } from '../../data/types';

export interface ClassBox {
  top: number;
  left: number;
  /** Exclusive, as `right`. */
  bottom: number;
  right: number;
}

/** Of each label that stands in a map of the batch where a 7x7 convolution can see it: its bounding box widened by 3, cut at the border. */
export function boundingBoxes(maps: readonly LabelMap[]): Map<number, ClassBox> {
  const [{ height, width }] = maps;
  const boxes = new Map<number, ClassBox>();
  for (const { data } of maps) {
    for (let y = 0; y < height; y++) {
      // Runs of one label.
      for (let at = y * width, end = at + width; at < end; ) {
        const [c, from] = [data[at], at];
        while (at < end && data[at] === c) at++;
        let box = boxes.get(c);
        if (!box) boxes.set(c, (box = { top: y, left: width, bottom: 0, right: 0 }));
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y + 1);
        box.left = Math.min(box.left, from - y * width);
        box.right = Math.max(box.right, at - y * width);
      }
    }
  }
  for (const box of boxes.values()) {
    box.top = Math.max(0, box.top - 3);
    box.left = Math.max(0, box.left - 3);
    box.bottom = Math.min(height, box.bottom + 3);
    box.right = Math.min(width, box.right + 3);
  }
  return boxes;
}
