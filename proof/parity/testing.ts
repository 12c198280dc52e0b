import assert from 'node:assert/strict';
import { isOk, severity, type Row } from './row';

/** Asserts that every row keeps its limit. */
export function assertKept(rows: readonly Row[]): void {
  const broken = rows.filter((row) => !isOk(row)).map((r) => `${r.quantity}: ${r.ours} for ${r.reference}, off by ${r.error} of ${r.limit} ${r.note ?? ''}`);
  assert.deepEqual(broken, []);
}

/** The row nearest to its limit, for a test's report. */
export function worst(rows: readonly Row[]): string {
  const row = rows.reduce((a, b) => (severity(b) > severity(a) ? b : a));
  return `${row.quantity}: off by ${(row.error / row.scale).toExponential(1)} of its scale, allowed ${(row.limit! / row.scale).toExponential(1)}`;
}
