import { isOk, severity, type Row, type Section } from './row';

/** Whether every row keeps its limit. */
export const allOk = (sections: readonly Section[]): boolean => sections.every((s) => s.rows.every(isOk));

const value = (v: number | string) => (typeof v === 'string' ? v : Number(v.toPrecision(7)).toString());
const small = (v: number | undefined) => (v === undefined ? '-' : v === 0 ? '0' : v.toExponential(1));
/** Deviation as a fraction of the scale. */
const relative = ({ error, scale }: Row) => (error === 0 ? 0 : error / scale);
const verdict = (row: Row) => (row.limit === undefined ? '' : isOk(row) ? 'ok' : 'NO');

/** Every row as a line of text. */
export function textReport(sections: readonly Section[]): string {
  const lines: string[] = [];
  for (const { title, reference, rows, notes } of sections) {
    lines.push('', `${title}: against ${reference}`);
    if (rows.length) {
      const cells = rows.map((row) => [
        row.quantity,
        value(row.reference),
        value(row.ours),
        small(row.error),
        small(relative(row)),
        small(row.limit),
        verdict(row),
        row.note ?? '',
      ]);
      lines.push(...columns([['quantity', 'reference', 'ours', 'max error', 'of scale', 'limit', '', ''], ...cells]));
    }
    lines.push(...notes.map((note) => `  ${note}`));
  }
  const rows = sections.flatMap((s) => s.rows);
  const broken = rows.filter((r) => !isOk(r)).length;
  lines.push('', broken ? `${broken} of ${rows.length} quantities exceed their limit.` : `All ${rows.length} quantities keep their limits.`);
  return lines.join('\n').trimStart();
}

function columns(rows: string[][]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  return rows.map((r) => `  ${r.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : i > 5 ? cell : cell.padStart(widths[i]))).join('  ')}`.trimEnd());
}

/** The same for programs. A NaN is null in JSON, so broken rows say so in `ok`. */
export function jsonReport(folder: string, sections: readonly Section[]): string {
  const described = sections.map((s) => ({
    ...s,
    rows: s.rows.map((row) => ({ ...row, relative: relative(row), limit: row.limit ?? null, ok: isOk(row) })),
  }));
  return JSON.stringify({ folder, ok: allOk(sections), sections: described }, undefined, 1);
}

/** A table for docs: groups of rows as the one that is nearest to its limit. */
export function markdownReport(sections: readonly Section[], command: string, engine: string): string {
  const lines = [
    '# The same numbers as the original',
    '',
    `Made by \`${command}\`; change nothing here by hand. Computed by ${engine}.`,
    '',
    'Every line compares a number that this project did not make with what it computes. Of arrays the largest magnitude is shown, and the',
    'largest deviation of any element, absolute and as a fraction of that magnitude. Of many equal things the one nearest to its limit is',
    'shown; `npm run parity -- DIR` prints all. The limit is 1e-4 of the scale unless a note says otherwise, or 4 times what two builds of the',
    'original differ by (`tolerances.json`), where that is larger.',
  ];
  for (const { title, reference, rows, notes } of sections) {
    lines.push('', `## ${title[0].toUpperCase()}${title.slice(1)}`, '', `Reference: ${reference}.`);
    if (rows.length) {
      lines.push('', '| quantity | its value | ours | deviation | of its scale | limit | |', '| --- | --- | --- | --- | --- | --- | --- |');
      for (const { row, label } of grouped(rows)) {
        const cells = [label, value(row.reference), value(row.ours), small(row.error), small(relative(row)), small(row.limit), verdict(row)];
        lines.push(`| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |`);
      }
    }
    const remarks = new Map<string, string[]>();
    for (const { row, label } of grouped(rows)) if (row.note) remarks.set(row.note, [...(remarks.get(row.note) ?? []), label]);
    for (const note of notes) lines.push('', note);
    for (const [note, labels] of remarks) lines.push('', `${labels.join('; ')}: ${note}.`);
  }
  return `${lines.join('\n')}\n`;
}

/** Single rows, and of each group the worst. */
function grouped(rows: readonly Row[]): { row: Row; label: string }[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = row.group ?? ` ${row.quantity}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups.values()].map((members) => {
    const row = members.reduce((worst, r) => (severity(r) > severity(worst) || Number.isNaN(severity(r)) ? r : worst));
    const { group = '', quantity } = row;
    const member = quantity.startsWith(`${group} `) ? quantity.slice(group.length + 1) : quantity;
    return { row, label: members.length > 1 ? `${group}: worst of ${members.length}, ${member}` : quantity };
  });
}
