/**
 * The 29 classes of the landscape set, in the order of their index in a label map, each with the colour it is drawn in.
 * Colours suggest the thing where they can and differ enough in lightness to be told apart side by side.
 */
export const CLASSES = [
  { name: 'mountain', colour: '#8c6d8f' },
  { name: 'sky', colour: '#a6d8f5' },
  { name: 'water', colour: '#2f7fbf' },
  { name: 'sea', colour: '#14508c' },
  { name: 'rock', colour: '#7d7d84' },
  { name: 'tree', colour: '#1f6b2e' },
  { name: 'earth', colour: '#8a5a2b' },
  { name: 'hill', colour: '#7fa650' },
  { name: 'river', colour: '#35b3d1' },
  { name: 'sand', colour: '#f0d797' },
  { name: 'land', colour: '#b98d52' },
  { name: 'building', colour: '#c8553d' },
  { name: 'grass', colour: '#5ec244' },
  { name: 'plant', colour: '#a4cf2f' },
  { name: 'person', colour: '#ff4f9a' },
  { name: 'boat', colour: '#f28c28' },
  { name: 'waterfall', colour: '#d9f2ff' },
  { name: 'wall', colour: '#a89f91' },
  { name: 'pier', colour: '#5c3a1e' },
  { name: 'path', colour: '#d9b48f' },
  { name: 'lake', colour: '#4f64d9' },
  { name: 'bridge', colour: '#9c2f2f' },
  { name: 'field', colour: '#d6c431' },
  { name: 'road', colour: '#4a4a52' },
  { name: 'railing', colour: '#e6e6e6' },
  { name: 'fence', colour: '#c9a0dc' },
  { name: 'ship', colour: '#e03b2f' },
  { name: 'house', colour: '#f7a18b' },
  { name: 'other', colour: '#202020' },
] as const;

export const CLASS_NAMES: readonly string[] = CLASSES.map((c) => c.name);
export const NUM_CLASSES = CLASSES.length;
