/** What the page and its worker tell each other. */
/** A network's file: `file` beside the page, whose name changes with its content. */
export interface NetworkFile {
  file: string;
  bytes: number;
}

/** `studio.json`, written beside the page when it is built. */
export interface Manifest {
  generator: NetworkFile;
  /** Height and width of its images. */
  imageSize: [number, number];
  /** Whether a seed changes the picture. */
  seeded: boolean;
  /** Whether it paints in the style of a photo. */
  style: boolean;
  rcan?: NetworkFile;
}

/** A picture as a canvas takes it: four bytes a pixel. */
export interface Picture {
  data: Uint8ClampedArray;
  height: number;
  width: number;
}

export interface Drawing {
  /** A class a pixel. */
  labels: Uint8Array;
  height: number;
  width: number;
}

/** A drawing, and how it is painted. */
export interface Sketch extends Drawing {
  /** Of the noise inputs, and of the scene that lends its style. */
  seed: number;
  /** A photo that lends it instead. */
  style?: Picture;
}

export type Request =
  | { type: 'start'; base: string; manifest: Manifest; engine?: string }
  | ({ type: 'paint'; id: number } & Sketch)
  /** The seed whose scene is laid out most like the sketch. */
  | ({ type: 'near'; id: number } & Drawing)
  /** Twice the size, of the sketch that was painted last. */
  | { type: 'enlarge'; id: number }
  /** SAU's kernels of the sketch that was painted last, for the explorer's page; `x` and `y` from 0 to 1. */
  | { type: 'explain'; id: number; x: number; y: number }
  /** A label map's file, at the size of the sketch. */
  | { type: 'read'; id: number; name: string; bytes: ArrayBuffer; height: number; width: number }
  | ({ type: 'write'; id: number } & Drawing);

/** One of the pictures that a painting consists of. */
export interface View {
  name: string;
  /** For people. */
  title: string;
  picture: Picture;
  /** A class, where the picture is of one. */
  class?: number;
}

export type Reply =
  | { type: 'fetching'; done: number; total: number }
  | { type: 'ready'; engine: string }
  /** `tensors`: how many there are when nothing is computed; a leak would show. */
  | { type: 'painted'; id: number; milliseconds: number; views: View[]; tensors: number }
  | { type: 'near'; id: number; seed?: number }
  | { type: 'enlarged'; id: number; milliseconds: number; picture: Picture }
  | { type: 'explained'; id: number; description: object; planes: string }
  | { type: 'read'; id: number; labels: Uint8Array; remarks: string[] }
  | { type: 'written'; id: number; png: ArrayBuffer }
  /** `id`: of what failed; without one, the whole page cannot paint. */
  | { type: 'failed'; id?: number; message: string };
