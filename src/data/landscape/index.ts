export { LANDSCAPE_VERSION, landscapes, writeLandscapes } from './dataset';
export type { LandscapesOptions, WriteLandscapesOptions } from './dataset';
export { landscapeName, renderLandscape } from './render';
export type { LandscapeRequest } from './render';
