/** Runs cases in processes of their own, so that a crash and a hang are findings like others. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TYPESCRIPT } from '../command';

/** A case that takes longer than this has hung. */
export const HANG_MS = 5000;

/** Bytes: no piece of memory above this for files of some kilobytes, and no more of it in all. */
export const ALLOCATION_LIMIT = 256 << 20;

export interface Finding {
  case: number;
  target: string;
  fault: string;
}

export interface FuzzReport {
  seed: number;
  cases: number;
  /** By kind of file: cases, how many of them were read in spite of the change, the longest in seconds. */
  targets: Record<string, { cases: number; read: number; slowest: number }>;
  /** The largest piece of memory asked for, in bytes. */
  largest: number;
  findings: Finding[];
}

/** Cases `from` to `from + cases` of `seed`; the same numbers give the same cases. */
export async function fuzz(
  seed: number,
  cases: number,
  { from = 0, onProgress, hangMs = HANG_MS }: { from?: number; hangMs?: number; onProgress?(done: number, total: number, note?: string): void } = {},
): Promise<FuzzReport> {
  const report: FuzzReport = { seed, cases, targets: {}, largest: 0, findings: [] };
  const end = from + cases;
  for (let next = from; next < end; ) {
    const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
    next = await worker(next, folder);
    rmSync(folder, { recursive: true, force: true });
  }
  return report;

  /** One process, up to the end or the first crash or hang; returns the case to go on with. */
  function worker(first: number, folder: string): Promise<number> {
    const args = ['--max-old-space-size=512', ...TYPESCRIPT, join(__dirname, 'worker.ts'), ...[seed, first, end].map(String), folder];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: folder,
    });
    let current: { n: number; target: string } | undefined;
    let done = first;
    let timer: NodeJS.Timeout | undefined;
    let [text, err, hung] = ['', '', false];
    const line = (message: { begin?: number; target?: string; end?: number; outcome?: string; seconds?: number; largest?: number; fault?: string }) => {
      clearInterval(timer);
      if (message.begin !== undefined) {
        current = { n: message.begin, target: message.target! };
        const [started, used] = [Date.now(), cpuMs(child.pid!)];
        timer = setInterval(() => {
          // A machine that is busy elsewhere, or asleep, is no hang.
          const computed = cpuMs(child.pid!) - used;
          if (computed < 0.8 * hangMs && Date.now() - started < 30 * hangMs) return;
          hung = true;
          child.kill('SIGKILL');
        }, hangMs);
        return;
      }
      const { n, target } = current!;
      const row = (report.targets[target] ??= { cases: 0, read: 0, slowest: 0 });
      row.cases++;
      if (message.outcome === 'read') row.read++;
      row.slowest = Math.max(row.slowest, message.seconds!);
      report.largest = Math.max(report.largest, message.largest!);
      if (message.fault) report.findings.push({ case: n, target, fault: message.fault });
      current = undefined;
      done = n + 1;
      onProgress?.(done - from, cases, report.findings.length ? `${report.findings.length} findings` : undefined);
    };
    child.stderr.on('data', (d) => (err = `${err}${d}`.slice(-4000)));
    child.stdout.on('data', (d) => {
      const lines = `${text}${d}`.split('\n');
      text = lines.pop()!;
      for (const l of lines) line(JSON.parse(l));
    });
    return new Promise((resolve, reject) =>
      child.once('close', (code, signal) => {
        clearInterval(timer);
        if (done >= end && code === 0) return resolve(end);
        if (!current) return reject(new Error(`the fuzzer's process ended between two cases (${code ?? signal}): ${err}`));
        const fault = hung ? `hangs for more than ${hangMs / 1000} s` : `ends the process (${code ?? signal}): ${err.slice(0, 1000)}`;
        report.findings.push({ case: current.n, target: current.target, fault });
        resolve(current.n + 1);
      }),
    );
  }
}

/** Milliseconds that a process has computed; without /proc the clock has to do. */
function cpuMs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Date.now();
  }
}
