/** One workload in a process of its own. Started with the workload as JSON; answers each line `run` with the seconds it took, `memory` with the peak in GB. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { build, type Workload } from './workloads';

/** The largest resident memory so far, in GB. */
function peak(): number {
  try {
    return (Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024) / 1e9;
  } catch {
    return (process.resourceUsage().maxRSS * 1024) / 1e9; // Not Linux.
  }
}

async function main(): Promise<void> {
  const run = await build(JSON.parse(process.argv[2]) as Workload);
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'memory') console.log(peak());
    if (line !== 'run') continue;
    const started = performance.now();
    await run();
    console.log((performance.now() - started) / 1000);
  }
}

void main();
