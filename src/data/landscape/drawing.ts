import { cos, sin } from './maths';
import { Random } from '../../common/mulberry';

/** Rows of a plant's picture. */
export const TALL = 320;

/** A plant in the making, in units of its height: x from -aspect / 2 to aspect / 2, y from 0 (foot) to 1 (top). */
export class Drawing {
  readonly width: number;
  /** Five numbers a texel, see `Level`. */
  readonly data: Float32Array;

  constructor(
    readonly aspect: number,
    readonly random: Random,
  ) {
    this.width = Math.floor(TALL * aspect);
    this.data = new Float32Array(this.width * TALL * 5);
  }

  private put(px: number, py: number, nx: number, ny: number, open: number, wood: number): void {
    if (px < 0 || py < 0 || px >= this.width || py >= TALL) return;
    const i = (py * this.width + px) * 5;
    this.data[i] = 1;
    this.data[i + 1] = nx;
    this.data[i + 2] = ny;
    this.data[i + 3] = open;
    this.data[i + 4] = wood;
  }

  /** A leaf cluster: an ellipse of half axes a and b, turned by `angle`, which faces (nx, ny). */
  dab(x: number, y: number, a: number, b: number, angle: number, nx: number, ny: number, open: number): void {
    const cx = (x + this.aspect / 2) * TALL;
    const cy = (1 - y) * TALL;
    const cs = cos(angle);
    const sn = sin(angle);
    const ra = Math.max(a * TALL, 0.6);
    const rb = Math.max(b * TALL, 0.6);
    const reach = Math.max(ra, rb);
    for (let py = Math.floor(cy - reach); py <= cy + reach; py++) {
      for (let px = Math.floor(cx - reach); px <= cx + reach; px++) {
        const dx = px + 0.5 - cx;
        const dy = py + 0.5 - cy;
        const u = (dx * cs + dy * sn) / ra;
        const v = (dy * cs - dx * sn) / rb;
        if (u * u + v * v < 1) this.put(px, py, nx, ny, open, 0);
      }
    }
  }

  /** A trunk, branch or stalk from (x0, y0) to (x1, y1) of half widths w0 to w1; `wood` 0 colours it as leaf (a blade). */
  limb(x0: number, y0: number, x1: number, y1: number, w0: number, w1: number, wood = 1, open = 0.6): void {
    const dx = x1 - x0;
    const dy = y1 - y0;
    const steps = Math.ceil(Math.sqrt(dx * dx + dy * dy) * TALL) + 1;
    for (let s = 0; s <= steps; s++) {
      const t = s / steps;
      const cx = (x0 + dx * t + this.aspect / 2) * TALL;
      const cy = (1 - y0 - dy * t) * TALL;
      const reach = Math.max(0.5, (w0 + (w1 - w0) * t) * TALL);
      for (let py = Math.floor(cy - reach + 0.5); py <= cy + reach - 0.5; py++) {
        for (let px = Math.floor(cx - reach + 0.5); px <= cx + reach - 0.5; px++) {
          this.put(px, py, ((px + 0.5 - cx) / (reach + 0.3)) * 0.9, 0.15, open, wood);
        }
      }
    }
  }
}
