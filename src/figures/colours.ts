/** Colours of figures: viridis for maps, a palette for lines, and the arithmetic they need. */
import { NOT_A_NUMBER, type FloatMap } from '../data/tensors';
import type { RgbImage } from '../data/types';

export type Rgb = readonly [red: number, green: number, blue: number];

/** '#rrggbb' as three bytes. */
export function rgb(hex: string): Rgb {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** Three bytes as '#rrggbb'. */
export function hex([r, g, b]: Rgb): string {
  return `#${((r << 16) | (g << 8) | b).toString(16).padStart(6, '0')}`;
}

/**
 * Black or white, whichever stands out more on the colour (WCAG 2 relative luminance; both have a contrast of 4.58 at
 * 0.179).
 */
export function inkOn(colour: Rgb): '#000000' | '#ffffff' {
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000000' : '#ffffff';
}

/**
 * Lines of plots: the palette of Okabe and Ito (2008), which colour-blind readers tell apart; yellow, too pale for
 * lines on white, is left out.
 */
export const LINE_COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000'] as const;

// The 256 colours of viridis (van der Walt and Smith, CC0) as matplotlib 3 publishes them, rounded to bytes.
const VIRIDIS_HEX =
  '44015444025645045745055946075a46085c460a5d460b5e470d60470e6147106347116447136548146748166848176948186a481a6c481b6d481c6e' +
  '481d6f481f70482071482173482374482475482576482677482878482979472a7a472c7a472d7b472e7c472f7d46307e46327e46337f463480453581' +
  '453781453882443983443a83443b84433d84433e85423f854240864241864142874144874045884046883f47883f48893e49893e4a893e4c8a3d4d8a' +
  '3d4e8a3c4f8a3c508b3b518b3b528b3a538b3a548c39558c39568c38588c38598c375a8c375b8d365c8d365d8d355e8d355f8d34608d34618d33628d' +
  '33638d32648e32658e31668e31678e31688e30698e306a8e2f6b8e2f6c8e2e6d8e2e6e8e2e6f8e2d708e2d718e2c718e2c728e2c738e2b748e2b758e' +
  '2a768e2a778e2a788e29798e297a8e297b8e287c8e287d8e277e8e277f8e27808e26818e26828e26828e25838e25848e25858e24868e24878e23888e' +
  '23898e238a8d228b8d228c8d228d8d218e8d218f8d21908d21918c20928c20928c20938c1f948c1f958b1f968b1f978b1f988b1f998a1f9a8a1e9b8a' +
  '1e9c891e9d891f9e891f9f881fa0881fa1881fa1871fa28720a38620a48621a58521a68522a78522a88423a98324aa8325ab8225ac8226ad8127ad81' +
  '28ae8029af7f2ab07f2cb17e2db27d2eb37c2fb47c31b57b32b67a34b67935b77937b87838b9773aba763bbb753dbc743fbc7340bd7242be7144bf70' +
  '46c06f48c16e4ac16d4cc26c4ec36b50c46a52c56954c56856c66758c7655ac8645cc8635ec96260ca6063cb5f65cb5e67cc5c69cd5b6ccd5a6ece58' +
  '70cf5773d05675d05477d1537ad1517cd2507fd34e81d34d84d44b86d54989d5488bd6468ed64590d74393d74195d84098d83e9bd93c9dd93ba0da39' +
  'a2da37a5db36a8db34aadc32addc30b0dd2fb2dd2db5de2bb8de29bade28bddf26c0df25c2df23c5e021c8e020cae11fcde11dd0e11cd2e21bd5e21a' +
  'd8e219dae319dde318dfe318e2e418e5e419e7e419eae51aece51befe51cf1e51df4e61ef6e620f8e621fbe723fde725';

/**
 * Viridis: perceptually uniform, readable by colour-blind readers and in grey; dark blue (0) to yellow (255). 256 x 3
 * bytes.
 */
export const VIRIDIS: Uint8Array = Uint8Array.from({ length: VIRIDIS_HEX.length / 2 }, (_, i) => Number.parseInt(VIRIDIS_HEX.slice(2 * i, 2 * i + 2), 16));

/** Colour of viridis at t in [0, 1]; values outside are clamped, NaN is magenta, which viridis does not contain. */
export function viridis(t: number): Rgb {
  if (Number.isNaN(t)) return NOT_A_NUMBER;
  const i = 3 * Math.round(Math.min(1, Math.max(0, t)) * 255);
  return [VIRIDIS[i], VIRIDIS[i + 1], VIRIDIS[i + 2]];
}

/** A map in viridis: `min` is dark, `max` bright; values beyond are clamped. */
export function heatMap(map: FloatMap, { min = 0, max = 1 }: { min?: number; max?: number } = {}): RgbImage {
  const data = new Uint8Array(map.data.length * 3);
  const span = max - min || 1;
  for (let i = 0; i < map.data.length; i++) data.set(viridis((map.data[i] - min) / span), 3 * i);
  return { data, height: map.height, width: map.width };
}
