/** Tests with real processes: workers on this machine, each a script of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TYPESCRIPT } from './command';

/** The step that the latest checkpoint of a run was saved at. */
export const savedStep = (output: string): number =>
  (JSON.parse(readFileSync(join(output, 'latest', 'state.json'), 'utf8')) as { state: { step: number } }).state.step;

export interface Worker {
  process: ChildProcess;
  /** All that it has said so far, both streams. */
  text(): string;
  /** Waits until it has said this. */
  said(pattern: RegExp): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; text: string }>;
}

/** Starts a script in TypeScript; `command` stands before it, such as `ip netns exec`. */
export function startScript(script: string, args: readonly string[], env: NodeJS.ProcessEnv = {}, command: readonly string[] = []): Worker {
  const line = [...command, process.execPath, ...TYPESCRIPT, script, ...args];
  const child = spawn(line[0], line.slice(1), { env: { ...process.env, TF_NUM_INTRAOP_THREADS: '1', TF_CPP_MIN_LOG_LEVEL: '3', ...env } });
  let text = '';
  let waiting: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      waiting.forEach((look) => look());
    });
  }
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null; text: string }>((resolve) =>
    child.on('close', (code, signal) => {
      resolve({ code, signal, text });
      waiting.forEach((look) => look());
    }),
  );
  return {
    process: child,
    text: () => text,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (pattern.test(text)) resolve();
          else if (child.exitCode !== null || child.signalCode !== null) reject(new Error(`it ended before it said ${pattern}: ${text}`));
          else return;
          waiting = waiting.filter((other) => other !== look);
        };
        waiting.push(look);
        look();
      }),
    ended,
  };
}
