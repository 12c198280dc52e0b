import type { DataFrame } from 'danfojs-node';
import { open, readFile } from 'node:fs/promises';
import { explain, writeFileAtomically } from '../common/atomic';
import { UserError } from '../common/errors';

/**
 * The scalars of a run by step: losses, learning rates, metrics, gradient norms. Rows stay in memory, column by column
 * (8 bytes a number), and go to a CSV file when `save` is called. A column may have gaps (a metric that is computed now
 * and then); a gap is NaN.
 *
 * Save the history before the checkpoint of the same step: a resumed run loads it with `upTo` and has every row of the
 * steps it will not repeat.
 *
 * ```ts
 * const history = await History.load('checkpoints/run/history.csv', { upTo: state.step });
 * history.append({ step, 'loss/G': 3.2, 'loss/D': 1.9 });
 * await history.save('checkpoints/run/history.csv');
 * ```
 */
export class History {
  private readonly data = new Map<string, number[]>();
  private rowCount = 0;
  /** What the file is known to hold, so that the next save only appends. */
  private saved?: { file: string; rows: number; columns: number };

  /** How many rows there are. */
  get length(): number {
    return this.rowCount;
  }

  /** The names in order of their first appearance; 'step' is the first. */
  get columns(): string[] {
    return [...this.data.keys()];
  }

  /** The last step, 0 before the first. */
  get step(): number {
    return this.data.get('step')?.[this.rowCount - 1] ?? 0;
  }

  /** Adds a row; its `step` has to be larger than the last. Names must not hold commas, quotes or line breaks. */
  append(row: { step: number } & Record<string, number>): void {
    if (!(row.step > this.step || (this.rowCount === 0 && row.step === 0))) throw new Error(`step ${row.step} comes after step ${this.step}`);
    // The step is the first column whatever the order of the row.
    for (const name of ['step', ...Object.keys(row)]) {
      if (this.data.has(name)) continue;
      if (!name || /[",\r\n]/.test(name)) throw new Error(`'${name}' is no name for a column`);
      this.data.set(name, new Array<number>(this.rowCount).fill(NaN));
    }
    for (const [name, values] of this.data) values.push(Object.hasOwn(row, name) ? row[name] : NaN);
    this.rowCount++;
  }

  /** Row `i`, without its gaps; negative counts from the end. */
  row(i: number): Record<string, number> {
    const at = i < 0 ? this.rowCount + i : i;
    return Object.fromEntries([...this.data].filter(([, v]) => !Number.isNaN(v[at])).map(([name, v]) => [name, v[at]]));
  }

  /** The steps at which a column has a value, and the values: what a plot needs. */
  series(name: string): { steps: number[]; values: number[] } {
    const all = this.data.get(name) ?? [];
    const steps = this.data.get('step') ?? [];
    const kept = all.flatMap((v, i) => (Number.isNaN(v) ? [] : [i]));
    return { steps: kept.map((i) => steps[i]), values: kept.map((i) => all[i]) };
  }

  /** A danfojs data frame of all rows, for analysis in a notebook. */
  async toDataFrame(): Promise<DataFrame> {
    // Importing danfojs takes longer than all else that a command loads.
    const { DataFrame } = await import('danfojs-node');
    return new DataFrame(Object.fromEntries(this.data));
  }

  /**
   * Writes the CSV file. The first save writes it whole (beside, then renamed); later ones append the new rows and
   * sync, so that a run of 500 000 steps does not write its past again and again. A process killed while appending
   * leaves at most a cut last line, which `load` drops.
   */
  async save(file: string): Promise<void> {
    const { saved } = this;
    try {
      if (saved?.file === file && saved.columns === this.data.size && saved.rows > 0) {
        if (this.rowCount > saved.rows) await appendSynced(file, this.lines(saved.rows));
      } else await writeFileAtomically(file, `${this.columns.join() || 'step'}\n${this.lines(0)}`);
    } catch (e) {
      throw explain(e, file);
    }
    this.saved = { file, rows: this.rowCount, columns: this.data.size };
  }

  /**
   * Reads a history; an empty one where there is no file. `upTo`: rows of later steps, which a resumed run will make
   * again, are dropped.
   * Throws a UserError that names the file and line where it is not a table of numbers.
   */
  static async load(file: string, { upTo = Infinity }: { upTo?: number } = {}): Promise<History> {
    const history = new History();
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return history;
      throw new UserError(`${file} cannot be read (${(e as NodeJS.ErrnoException).code}).`, { cause: e });
    }
    // Spreadsheets put a byte-order mark before it.
    const lines = text.replace(/^\ufeff/, '').split('\n');
    // The last piece is empty, or a line that was cut off when the process was killed.
    lines.pop();
    const names = lines.shift()?.trim().split(',') ?? [];
    if (names[0] !== 'step' || new Set(names).size !== names.length || names.includes('')) {
      throw new UserError(`${file} is not a history: its first line should be 'step,...'. Move it away to start a new one.`);
    }
    for (const [i, line] of lines.entries()) {
      const cells = line.trim().split(',');
      const values = cells.map((c) => (c === '' ? NaN : Number(c)));
      const valid = cells.length === names.length && cells.every((c, k) => c === 'NaN' || c === '' || !Number.isNaN(values[k]));
      if (!valid || !(values[0] >= 0) || (history.rowCount > 0 && values[0] <= history.step)) {
        throw new UserError(`${file}, line ${i + 2} is not a row of ${names.length} numbers with a growing step: repair it or move the file away.`);
      }
      if (values[0] > upTo) break;
      history.append(Object.fromEntries(names.map((name, k) => [name, values[k]])) as { step: number });
    }
    return history;
  }

  /** The rows from one on as they stand in the file. */
  private lines(from: number): string {
    const columns = [...this.data.values()];
    return Array.from({ length: this.rowCount - from }, (_, i) => `${columns.map((values) => values[from + i]).join()}\n`).join('');
  }
}

/**
 * Writes a row into a table of its own, such as evaluations that a run makes now and then. Rows of this step and of later ones, which a resumed
 * run makes again, give way.
 */
export async function recordRow(file: string, row: { step: number } & Record<string, number>): Promise<void> {
  const table = await History.load(file, { upTo: row.step - 1 });
  table.append(row);
  await table.save(file);
}

async function appendSynced(file: string, text: string): Promise<void> {
  const handle = await open(file, 'a');
  const { size } = await handle.stat();
  try {
    await handle.writeFile(text);
    await handle.sync();
  } catch (e) {
    // The disk is full: no half rows, so that the next attempt appends to whole ones.
    await handle.truncate(size).catch(() => undefined);
    throw e;
  } finally {
    await handle.close();
  }
}
