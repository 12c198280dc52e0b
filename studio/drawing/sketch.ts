/** A sketch: a class for every pixel, the class below it, and what was done to it. */
import type { Span } from './raster';

/** Rows and columns that changed; `bottom` and `right` are included. */
export interface Area {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/** How many steps can be undone. */
export const STEPS = 60;

interface Step {
  area: Area;
  before: Layers;
  after: Layers;
}

/** The classes and those below them, of a rectangle. */
interface Layers {
  labels: Uint8Array;
  below: Uint8Array;
}

/**
 * Pixels are changed between `begin` and `commit`, which makes one step of it that `undo` takes back. A pixel remembers the class that its
 * own was painted over: the eraser brings it back.
 */
export class Sketch {
  readonly labels: Uint8Array;
  readonly below: Uint8Array;
  private readonly done: Step[] = [];
  private readonly undone: Step[] = [];
  private stroke?: Layers;
  private changed?: Area;

  constructor(
    readonly height: number,
    readonly width: number,
    fill = 0,
  ) {
    this.labels = new Uint8Array(height * width).fill(fill);
    this.below = this.labels.slice();
  }

  get canUndo(): boolean {
    return this.done.length > 0;
  }

  get canRedo(): boolean {
    return this.undone.length > 0;
  }

  /** Whether a stroke has begun. */
  get drawing(): boolean {
    return this.stroke !== undefined;
  }

  begin(): void {
    this.stroke = { labels: this.labels.slice(), below: this.below.slice() };
    this.changed = undefined;
  }

  /** For shapes of raster.ts: paints a class. */
  paint(c: number): Span {
    return (y, from, to) => {
      for (let i = y * this.width + from; i <= y * this.width + to; i++) {
        if (this.labels[i] === c) continue;
        this.below[i] = this.labels[i];
        this.labels[i] = c;
      }
      this.touch(y, from, to);
    };
  }

  /** For shapes of raster.ts: brings the class below back. */
  readonly erase: Span = (y, from, to) => {
    for (let i = y * this.width + from; i <= y * this.width + to; i++) this.labels[i] = this.below[i];
    this.touch(y, from, to);
  };

  /** Takes back what the stroke has done so far, so that its shape can be drawn anew; returns where. */
  restart(): Area | undefined {
    const { stroke, changed } = this;
    if (!stroke || !changed) return undefined;
    this.put(changed, this.cut(changed, stroke));
    this.changed = undefined;
    return changed;
  }

  /** Ends the stroke; returns whether it changed anything. */
  commit(): boolean {
    const { stroke, changed } = this;
    this.stroke = this.changed = undefined;
    if (!stroke || !changed) return false;
    const step = { area: changed, before: this.cut(changed, stroke), after: this.cut(changed, this) };
    if (same(step.before.labels, step.after.labels) && same(step.before.below, step.after.below)) return false;
    this.undone.length = 0;
    this.done.push(step);
    if (this.done.length > STEPS) this.done.shift();
    return true;
  }

  /** Ends the stroke as if it had never begun; returns where something was taken back. */
  cancel(): Area | undefined {
    const area = this.restart();
    this.stroke = undefined;
    return area;
  }

  /** Another sketch in place of this one, as a step that can be undone. */
  replace(labels: Uint8Array, below: Uint8Array = labels): void {
    if (labels.length !== this.labels.length || below.length !== this.labels.length)
      throw new RangeError(`${labels.length} labels for ${this.labels.length} pixels`);
    this.begin();
    this.labels.set(labels);
    this.below.set(below);
    this.changed = { top: 0, left: 0, bottom: this.height - 1, right: this.width - 1 };
    this.commit();
  }

  /** Returns where something changed. */
  undo(): Area | undefined {
    return this.move(this.done, this.undone, 'before');
  }

  redo(): Area | undefined {
    return this.move(this.undone, this.done, 'after');
  }

  /** The class at a place; undefined outside. */
  at(x: number, y: number): number | undefined {
    return x >= 0 && x < this.width && y >= 0 && y < this.height ? this.labels[Math.floor(y) * this.width + Math.floor(x)] : undefined;
  }

  private move(from: Step[], to: Step[], side: 'before' | 'after'): Area | undefined {
    this.cancel();
    const step = from.pop();
    if (!step) return undefined;
    this.put(step.area, step[side]);
    to.push(step);
    return step.area;
  }

  private touch(y: number, from: number, to: number): void {
    this.changed = united(this.changed, { top: y, left: from, bottom: y, right: to });
  }

  private cut({ top, left, bottom, right }: Area, source: Layers): Layers {
    const columns = right - left + 1;
    const rectangle = (all: Uint8Array) => {
      const out = new Uint8Array(columns * (bottom - top + 1));
      for (let y = top; y <= bottom; y++) out.set(all.subarray(y * this.width + left, y * this.width + right + 1), (y - top) * columns);
      return out;
    };
    return { labels: rectangle(source.labels), below: rectangle(source.below) };
  }

  private put({ top, left, bottom, right }: Area, layers: Layers): void {
    const columns = right - left + 1;
    for (let y = top; y <= bottom; y++) {
      const row = (part: Uint8Array) => part.subarray((y - top) * columns, (y - top + 1) * columns);
      this.labels.set(row(layers.labels), y * this.width + left);
      this.below.set(row(layers.below), y * this.width + left);
    }
  }
}

/** The smallest area around both. */
export function united(a: Area | undefined, b: Area): Area {
  if (!a) return b;
  return {
    top: Math.min(a.top, b.top),
    left: Math.min(a.left, b.left),
    bottom: Math.max(a.bottom, b.bottom),
    right: Math.max(a.right, b.right),
  };
}

const same = (a: Uint8Array, b: Uint8Array) => a.every((v, i) => v === b[i]);
