import { exp } from './maths';
import { Palette } from './palette';

/** Where the viewer stands and how the picture is cut; the same numbers at every size of picture. */
export interface Camera {
  /** Height of the eye above sea level in metres. */
  eye: number;
  /** Focal length in picture widths. */
  focal: number;
  /** Where the horizon lies, as a fraction of the height from the top. Verticals stay vertical (a shifted lens). */
  horizon: number;
}

/** Depth of the sky, metres. */
export const FAR = 1e9;

/**
 * A picture in the making. World: x right, y up, z away, metres, the viewer at (0, eye, 0). Colours are linear light,
 * interleaved; depth is z.
 */
export class Frame {
  readonly colour: Float32Array;
  readonly labels: Uint8Array;
  readonly depth: Float32Array;
  /** Pixels per unit of x / z and of y / z. */
  readonly scaleX: number;
  readonly scaleY: number;
  readonly centreX: number;
  readonly horizonY: number;

  constructor(
    readonly height: number,
    readonly width: number,
    readonly camera: Camera,
  ) {
    this.colour = new Float32Array(height * width * 3);
    this.labels = new Uint8Array(height * width);
    this.depth = new Float32Array(height * width).fill(FAR);
    this.scaleX = width * camera.focal;
    this.scaleY = (height / 0.75) * camera.focal;
    this.centreX = width / 2;
    this.horizonY = height * camera.horizon;
  }

  /** Column of a point of the world. */
  px(x: number, z: number): number {
    return this.centreX + (this.scaleX * x) / z;
  }

  /** Row of a point of the world, downwards. */
  py(y: number, z: number): number {
    return this.horizonY + (this.scaleY * (this.camera.eye - y)) / z;
  }
}

/**
 * What is painted on: the picture itself, or what the water mirrors. In the mirror every height is turned upside down at
 * sea level, only pixels of water take paint, and no labels are written.
 */
export interface Canvas {
  frame: Frame;
  colour: Float32Array;
  depth: Float32Array;
  mirror: boolean;
  /** In the mirror: depth of the water surface at each pixel, 0 where there is none. */
  water?: Float32Array;
}

/** Row of a point on this canvas. */
export function canvasRow(canvas: Canvas, y: number, z: number): number {
  return canvas.frame.py(canvas.mirror ? -y : y, z);
}

/** True if a thing at depth z can be seen at pixel p. */
export function visible(canvas: Canvas, p: number, z: number): boolean {
  if (canvas.water) {
    const surface = canvas.water[p];
    if (surface === 0 || surface > z + 0.5) return false;
  }
  return canvas.depth[p] > z;
}

/** Lays a linear colour over pixel p with the given opacity; the label follows where the opacity is above one half. */
export function lay(
  canvas: Canvas,
  p: number,
  z: number,
  alpha: number,
  r: number,
  g: number,
  b: number,
  label: number,
): void {
  const { colour } = canvas;
  const i = p * 3;
  colour[i] += (r - colour[i]) * alpha;
  colour[i + 1] += (g - colour[i + 1]) * alpha;
  colour[i + 2] += (b - colour[i + 2]) * alpha;
  if (alpha > 0.5) {
    canvas.depth[p] = z;
    if (!canvas.mirror) canvas.frame.labels[p] = label;
  }
}

/** Share of a thing's own light that reaches the eye over `z` metres of air. */
export function clarity(palette: Palette, z: number): number {
  return exp(-z / palette.visibility);
}
