import type { LabelMap } from '../../data/types';

export interface ClassBox {
  top: number;
  left: number;
  /** Exclusive, as `right`. */
  bottom: number;
  right: number;
}

/** Where a 7x7 convolution can see the class in any map of the batch: its bounding box widened by 3, cut at the border. */
export function boundingBox(maps: readonly LabelMap[], c: number): ClassBox {
  const [{ height, width }] = maps;
  const box = { top: height, left: width, bottom: 0, right: 0 };
  for (const { data } of maps) {
    for (let y = 0; y < height; y++) {
      const first = data.indexOf(c, y * width) - y * width;
      if (first < 0 || first >= width) continue;
      const last = data.lastIndexOf(c, (y + 1) * width - 1) - y * width;
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y + 1);
      box.left = Math.min(box.left, first);
      box.right = Math.max(box.right, last + 1);
    }
  }
  return {
    top: Math.max(0, box.top - 3),
    left: Math.max(0, box.left - 3),
    bottom: Math.min(height, box.bottom + 3),
    right: Math.min(width, box.right + 3),
  };
}
