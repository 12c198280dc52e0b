import { reporter } from '../src/common/progress';
import { ALLOCATION_LIMIT, HANG_MS, fuzz } from '../proof/testing/fuzz/fuzz';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run fuzz --',
    description: 'Feeds changed files (weights, archives, pictures, JSON) to all that reads them. Each has to be read or refused with one sentence.',
    options: {
      cases: { type: 'integer', min: 1, default: 20000, help: 'how many' },
      seed: { type: 'integer', min: 0, default: 628, help: 'the same seed gives the same cases' },
      from: { type: 'integer', min: 0, default: 0, help: 'first case; a finding comes again with --from CASE --cases 1' },
    },
  },
  async ({ cases, seed, from }) => {
    const started = Date.now();
    const report = await fuzz(seed, cases, { from, onProgress: reporter('cases') });
    const rows = Object.entries(report.targets).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, { cases: n, read, slowest }] of rows) {
      console.log(`${String(n).padStart(6)} ${name}: ${read} read, ${n - read} refused, the longest ${slowest.toFixed(2)} s`);
    }
    const minutes = (Date.now() - started) / 60000;
    console.log(
      `${cases} cases (seed ${seed}) in ${minutes.toFixed(1)} minutes; largest piece of memory ${(report.largest / 2 ** 20).toFixed(1)} MiB; ` +
        `limits: ${HANG_MS / 1000} s and ${ALLOCATION_LIMIT / 2 ** 20} MiB a case.`,
    );
    for (const { case: n, target, fault } of report.findings) console.error(`case ${n} (${target}): ${fault}`);
    console.log(report.findings.length ? `${report.findings.length} findings.` : 'No findings.');
    if (report.findings.length) process.exitCode = 1;
  },
);
