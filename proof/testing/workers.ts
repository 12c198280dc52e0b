/** Tests with real processes: workers on this machine, each a script of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { TYPESCRIPT } from './command';

/** Ports of the loopback that nobody uses. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((s) => (s.address() as AddressInfo).port);
  await Promise.all(servers.map((s) => new Promise((resolve) => s.close(resolve))));
  return ports;
}

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
