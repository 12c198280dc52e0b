import { clamp, cos, mix, power, sin } from './maths';
import { Random } from '../../common/mulberry';

/** Linear light, red green blue; 1 is white paper in full sun. */
export type Colour = readonly [number, number, number];

/** A colour as one picks it on a screen ('#rrggbb') in linear light. */
export function hex(code: string): Colour {
  const n = parseInt(code.slice(1), 16);
  const channel = (shift: number): number => {
    const v = ((n >> shift) & 255) / 255;
    return v <= 0.04045 ? v / 12.92 : power((v + 0.055) / 1.055, 2.4);
  };
  return [channel(16), channel(8), channel(0)];
}

export function blend(a: Colour, b: Colour, t: number): Colour {
  return [mix(a[0], b[0], t), mix(a[1], b[1], t), mix(a[2], b[2], t)];
}

export function scaled(a: Colour, s: number): Colour {
  return [a[0] * s, a[1] * s, a[2] * s];
}

/** Living green: darker and greyer than one picks it. */
function muted(a: Colour): Colour {
  const grey = (a[0] + a[1] + a[2]) / 3;
  return scaled(blend(a, [grey, grey, grey], 0.22), 0.74);
}

export type Hour = 'noon' | 'afternoon' | 'golden' | 'dusk' | 'overcast' | 'mist';
export type Season = 'summer' | 'spring' | 'autumn' | 'winter';

/** Light, air and colours of one scene. Directions: x right, y up, z away from the viewer. */
export interface Palette {
  hour: Hour;
  season: Season;
  /** Unit vector towards the sun. */
  sun: Colour;
  /** Direct light on a surface that faces the sun. */
  sunlight: Colour;
  /** Light from the whole sky on level ground. */
  skylight: Colour;
  zenith: Colour;
  horizon: Colour;
  /** Added around the sun. */
  glow: Colour;
  /** Metres after which air has swallowed 63 % of a thing's own colour. */
  visibility: number;
  haze: Colour;
  /** Share of the sky under cumulus (0 .. 1), and the strength of high cirrus (0 .. 1). */
  cumulus: number;
  cirrus: number;
  exposure: number;
  grass: Colour;
  grassDry: Colour;
  leaf: Colour;
  leafOther: Colour;
  conifer: Colour;
  rock: Colour;
  rockDark: Colour;
  earth: Colour;
  land: Colour;
  sand: Colour;
  waterDeep: Colour;
  waterShallow: Colour;
  /** Height in metres above which mountains carry snow, and above which trees stop. */
  snowLine: number;
  treeLine: number;
}

interface Sky {
  weight: number;
  elevation: [number, number];
  sunlight: Colour;
  skylight: Colour;
  zenith: Colour;
  horizon: Colour;
  glow: Colour;
  visibility: [number, number];
  cumulus: [number, number];
  cirrus: [number, number];
  exposure: number;
}

const SKIES: Record<Hour, Sky> = {
  noon: {
    weight: 30,
    elevation: [0.65, 1.1],
    sunlight: [2.35, 2.2, 1.95],
    skylight: [0.5, 0.64, 0.86],
    zenith: hex('#1f66c4'),
    horizon: hex('#b4d3ec'),
    glow: [0.25, 0.22, 0.18],
    visibility: [9000, 26000],
    cumulus: [0, 0.62],
    cirrus: [0, 0.5],
    exposure: 0.62,
  },
  afternoon: {
    weight: 24,
    elevation: [0.38, 0.65],
    sunlight: [2.4, 2.05, 1.6],
    skylight: [0.46, 0.58, 0.78],
    zenith: hex('#2d70c4'),
    horizon: hex('#c9dced'),
    glow: [0.4, 0.32, 0.2],
    visibility: [7000, 20000],
    cumulus: [0.05, 0.6],
    cirrus: [0, 0.8],
    exposure: 0.65,
  },
  golden: {
    weight: 15,
    elevation: [0.1, 0.26],
    sunlight: [2.7, 1.62, 0.75],
    skylight: [0.42, 0.45, 0.58],
    zenith: hex('#4c82c0'),
    horizon: hex('#f5d2a0'),
    glow: [1.5, 0.75, 0.25],
    visibility: [5000, 14000],
    cumulus: [0, 0.5],
    cirrus: [0.2, 1],
    exposure: 0.72,
  },
  dusk: {
    weight: 9,
    elevation: [0.015, 0.07],
    sunlight: [1.25, 0.55, 0.26],
    skylight: [0.34, 0.33, 0.46],
    zenith: hex('#3d5687'),
    horizon: hex('#f0a374'),
    glow: [1.6, 0.62, 0.2],
    visibility: [4500, 12000],
    cumulus: [0, 0.55],
    cirrus: [0.3, 1],
    exposure: 0.85,
  },
  overcast: {
    weight: 15,
    elevation: [0.6, 1.0],
    sunlight: [0.32, 0.32, 0.32],
    skylight: [0.82, 0.88, 0.95],
    zenith: hex('#a3aeb9'),
    horizon: hex('#ccd3d8'),
    glow: [0.05, 0.05, 0.05],
    visibility: [3500, 10000],
    cumulus: [0.85, 1],
    cirrus: [0, 0],
    exposure: 0.72,
  },
  mist: {
    weight: 7,
    elevation: [0.3, 0.6],
    sunlight: [0.85, 0.78, 0.68],
    skylight: [0.68, 0.73, 0.8],
    zenith: hex('#98b2c9'),
    horizon: hex('#d9dfe2'),
    glow: [0.4, 0.36, 0.3],
    visibility: [900, 2600],
    cumulus: [0, 0.35],
    cirrus: [0.2, 0.8],
    exposure: 0.7,
  },
};

interface Growth {
  weight: number;
  grass: string[];
  grassDry: string;
  leaf: string[];
  leafOther: string[];
  snow: [number, number];
}

const GROWTHS: Record<Season, Growth> = {
  summer: {
    weight: 48,
    grass: ['#5f7d34', '#6d8a3a', '#577533'],
    grassDry: '#a39c5c',
    leaf: ['#3f6327', '#4a6b2a', '#38592a'],
    leafOther: ['#5c7a33', '#49692f'],
    snow: [500, 1900],
  },
  spring: {
    weight: 18,
    grass: ['#6f9b3b', '#7aa545', '#62913a'],
    grassDry: '#9aa856',
    leaf: ['#5d8a32', '#6d953a'],
    leafOther: ['#8aa54b', '#b9b59a', '#577f33'],
    snow: [250, 1100],
  },
  autumn: {
    weight: 20,
    grass: ['#7d8543', '#8c8447', '#6f7a3b'],
    grassDry: '#b09a5c',
    leaf: ['#b0762b', '#a65a26', '#c09334'],
    leafOther: ['#8a7a34', '#c4a23c', '#8f4524'],
    snow: [400, 1500],
  },
  winter: {
    weight: 14,
    grass: ['#8b8a5e', '#97916a', '#7f8258'],
    grassDry: '#b3a880',
    leaf: ['#6b5a45', '#75624c'],
    leafOther: ['#5e513f', '#7f6c52'],
    snow: [-300, 350],
  },
};

const ROCKS: [string, string][] = [
  ['#9b968c', '#5c5a57'],
  ['#8b8f96', '#4f545c'],
  ['#a58f78', '#63503f'],
  ['#8f8378', '#4d4641'],
  ['#b0a795', '#6e675b'],
];

/** Draws the light, the air and the colours of a scene. `bias` multiplies the weights of some hours. */
export function drawPalette(random: Random, bias: Partial<Record<Hour, number>> = {}): Palette {
  const weights = {} as Record<Hour, number>;
  for (const hour of Object.keys(SKIES) as Hour[]) weights[hour] = SKIES[hour].weight * (bias[hour] ?? 1);
  const hour = random.weighted(weights);
  const sky = SKIES[hour];
  const season = random.weighted({
    summer: GROWTHS.summer.weight,
    spring: GROWTHS.spring.weight,
    autumn: GROWTHS.autumn.weight,
    winter: GROWTHS.winter.weight,
  });
  const growth = GROWTHS[season];
  const low = hour === 'golden' || hour === 'dusk';
  // Photographers mostly keep the sun beside or behind them, and face it when it is low.
  const azimuth = low && random.chance(0.55) ? random.range(-0.5, 0.5) : random.sign() * random.range(0.9, 2.6);
  const elevation = random.range(sky.elevation[0], sky.elevation[1]);
  const [rock, rockDark] = random.pick(ROCKS);
  const jitter = (c: Colour, amount: number): Colour => {
    const brightness = 1 + random.range(-amount, amount);
    return [
      c[0] * brightness * (1 + random.range(-amount, amount) * 0.3),
      c[1] * brightness,
      c[2] * brightness * (1 + random.range(-amount, amount) * 0.3),
    ];
  };
  const snowLine = random.range(growth.snow[0], growth.snow[1]);
  const horizon = jitter(sky.horizon, 0.07);
  const tropical = random.chance(0.3);
  return {
    hour,
    season,
    sun: [sin(azimuth) * cos(elevation), sin(elevation), cos(azimuth) * cos(elevation)],
    sunlight: jitter(sky.sunlight, 0.1),
    skylight: jitter(sky.skylight, 0.08),
    zenith: jitter(sky.zenith, 0.16),
    horizon,
    glow: sky.glow,
    visibility: random.range(sky.visibility[0], sky.visibility[1]),
    haze: low
      ? blend(scaled(horizon, 0.62), [0.26, 0.3, 0.44], 0.5)
      : blend(scaled(horizon, 0.88), [0.34, 0.47, 0.68], hour === 'overcast' || hour === 'mist' ? 0.12 : 0.42),
    cumulus: clamp(random.range(sky.cumulus[0] - 0.1, sky.cumulus[1]), 0, 1),
    cirrus: random.range(sky.cirrus[0], sky.cirrus[1]),
    exposure: sky.exposure * random.range(0.92, 1.1),
    grass: jitter(muted(hex(random.pick(growth.grass))), 0.16),
    grassDry: jitter(scaled(hex(growth.grassDry), 0.75), 0.12),
    leaf: jitter(muted(hex(random.pick(growth.leaf))), 0.18),
    leafOther: jitter(muted(hex(random.pick(growth.leafOther))), 0.18),
    conifer: jitter(hex('#2c4a2c'), 0.2),
    rock: jitter(hex(rock), 0.12),
    rockDark: jitter(hex(rockDark), 0.12),
    earth: jitter(hex(random.pick(['#75604a', '#836b52', '#65523f'])), 0.15),
    land: jitter(hex(random.pick(['#a38a66', '#9c7d5b', '#b09a75', '#a5866a'])), 0.12),
    sand: jitter(hex(random.pick(['#dcc79a', '#e3d2ad', '#cdb489'])), 0.08),
    waterDeep: jitter(hex(tropical ? '#0f5f78' : random.pick(['#123f57', '#1a4a5a', '#0f3550'])), 0.2),
    waterShallow: jitter(hex(tropical ? '#3fb6b4' : random.pick(['#3f7f83', '#4f8477'])), 0.15),
    snowLine,
    treeLine: snowLine * random.range(0.45, 0.75),
  };
}
