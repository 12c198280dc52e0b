import { Camera, Canvas } from './frame';
import { Palette } from './palette';
import { Relief } from './relief';

/** What the plain is covered with; each is a class of its own. */
export type Soil = 'grass' | 'earth' | 'land' | 'sand' | 'rock' | 'field';

/** A path or road on the ground: its centre is x = offset + along * z + swing, `half` metres wide to each side. */
export interface Track {
  kind: 'path' | 'road';
  offset: number;
  along: number;
  swing: number;
  length: number;
  half: number;
  /** Depths in metres between which it lies. */
  from: number;
  to: number;
  phase: number;
}

/** The covering of the ground. */
export interface Cover {
  main: Soil;
  /** A second soil in patches: its share of the plain (0 .. 1) and the size of a patch in metres. */
  second: Soil;
  share: number;
  patch: number;
  /** What lies along the water, and how wide. */
  shore: Soil;
  shoreWidth: number;
  /** How green mountains are below the tree line (0 bare .. 1 wooded). */
  lush: number;
  /** How wooded hills are (0 .. 1). */
  wooded: number;
  tracks: Track[];
  /** Fields: from this depth on, in parcels of this size. */
  fields?: { from: number; to: number; size: number; turn: number };
  /** Soil which replaces `main` beyond this depth. */
  beyond?: { soil: Soil; from: number };
}

export type WaterKind = 'water' | 'sea' | 'lake' | 'river';

/** A body of water; its name is its class. */
export interface Water {
  kind: WaterKind;
  /** Height of the waves: 0 a mirror .. 1 a rough sea. */
  waves: number;
  /** Breakers along the shore (0 .. 1). */
  surf: number;
  /** How much light the water scatters back: 0 clear and dark .. 1 milky. */
  murk: number;
}

/** Anything that stands on the ground or floats. */
export interface Thing {
  /** Depth in metres of its foot: things are painted from far to near. */
  z: number;
  draw(canvas: Canvas, scene: Scene): void;
  /** Its shadow on the ground: foot, half width, height, and how dense it is. */
  shadow?: { x: number; z: number; half: number; height: number; strength: number };
}

/** One landscape before it is painted. */
export interface Scene {
  /** Which composition it comes from, for statistics. */
  composition: string;
  camera: Camera;
  palette: Palette;
  relief: Relief;
  cover: Cover;
  water: Water;
  things: Thing[];
  /** Moves every texture, so that no two scenes share one. */
  shift: [number, number];
}
