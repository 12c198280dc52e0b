/**
 * Text in figures: the bundled font, the width of a text before it is drawn, escaping and shortening.
 *
 * sharp draws SVG text with the fonts that fontconfig finds, and boxes where it finds none (a bare container has none).
 * So fontconfig is pointed at the font in node_modules, before sharp draws its first text.
 */
import { join } from 'node:path';

process.env.FONTCONFIG_FILE ??= join(__dirname, 'fonts.conf');

/** Font of all figures. */
export const FONT = "'DejaVu Sans', Verdana, sans-serif";

/** Ascent and descent of the font as fractions of its size (hhea table of DejaVu Sans: 1901 and 483 of 2048). */
export const ASCENT = 1901 / 2048;
export const DESCENT = 483 / 2048;

// Advance widths in 1/2048 of the font size, from the hmtx tables of DejaVu Sans (Book, Bold) 2.37: characters 32 to
// 126.
const BOOK = [
  651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 1303, 690, 690,
  1716, 1716, 1716, 1087, 2048, 1401, 1405, 1430, 1577, 1294, 1178, 1587, 1540, 604, 604, 1343, 1141, 1767, 1532, 1612, 1235, 1612, 1423, 1300, 1251, 1499,
  1401, 2025, 1403, 1251, 1403, 799, 690, 799, 1716, 1024, 1024, 1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186, 569, 1995, 1298, 1253, 1300,
  1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
];
const BOLD = [
  713, 934, 1067, 1716, 1425, 2052, 1786, 627, 936, 936, 1071, 1716, 778, 850, 778, 748, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 1425, 819, 819,
  1716, 1716, 1716, 1188, 2048, 1585, 1561, 1503, 1700, 1399, 1399, 1681, 1714, 762, 762, 1587, 1305, 2038, 1714, 1741, 1501, 1741, 1577, 1475, 1397, 1663,
  1585, 2259, 1579, 1483, 1485, 936, 748, 936, 1716, 1024, 1024, 1382, 1466, 1214, 1466, 1389, 891, 1466, 1458, 702, 702, 1362, 702, 2134, 1458, 1407, 1466,
  1466, 1010, 1219, 979, 1458, 1335, 1892, 1321, 1335, 1192, 1458, 748, 1458, 1716,
];
// The few others that figures use.
const OTHERS: Record<string, number> = {
  '–': 1024,
  '—': 2048,
  '…': 2048,
  '·': 778,
  '→': 1716,
  '×': 1716,
  '−': 1716,
  '±': 1716,
  '≤': 1716,
  '≥': 1716,
  '≈': 1716,
  '°': 1024,
  '²': 897,
  µ: 1507,
};

/** Width of one line of text in pixels at a font size in pixels, without kerning (which changes it by less than 2%). */
export function textWidth(text: string, size: number, bold = false): number {
  const table = bold ? BOLD : BOOK;
  let units = 0;
  for (const c of text) {
    const code = c.codePointAt(0)!;
    if (code >= 32 && code < 127) units += table[code - 32];
    // Accented Latin letters are as wide as an average letter; anything beyond (CJK, symbols) may fill the whole
    // square.
    else units += OTHERS[c] ?? (code < 0x250 ? 1400 : 2048);
  }
  return (units * size) / 2048;
}

/** The text, or as much of its beginning as fits into `width` pixels followed by an ellipsis. */
export function fitText(text: string, width: number, size: number, bold = false): string {
  if (textWidth(text, size, bold) <= width) return text;
  const letters = [...text];
  while (letters.length > 0 && textWidth(`${letters.join('')}…`, size, bold) > width) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}

/**
 * Lines of at most `width` pixels, broken at spaces; a word that is too long is shortened. Line feeds in the text stay.
 */
export function wrapText(text: string, width: number, size: number, bold = false): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      const longer = line ? `${line} ${word}` : word;
      if (line && textWidth(longer, size, bold) > width) {
        lines.push(fitText(line, width, size, bold));
        line = word;
      } else {
        line = longer;
      }
    }
    lines.push(fitText(line, width, size, bold));
  }
  return lines;
}

/** Text as it may stand inside an XML element or attribute; control characters, which XML forbids, become spaces. */
export function escapeXml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  return text.replace(/[\u0000-\u001f\ufffe\uffff]/g, ' ').replace(/[&<>"']/g, (c) => entities[c]);
}
