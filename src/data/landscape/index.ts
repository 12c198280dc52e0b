export { landscapeName, renderLandscape } from './render';
export type { LandscapeRequest } from './render';
