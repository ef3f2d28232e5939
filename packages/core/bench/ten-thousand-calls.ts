import { cpus } from 'node:os';
import { writeJsonAtomic } from '../src/runtime/atomic-file.ts';
import { runUnderFaults } from './fault-run.ts';

/** 10,000 calls under nine kinds of faults; the result goes to `bench/results/fault-run.json`. */
const options = { calls: 10_000, share: 0.3, seed: 4, inFlight: 32 };
const begin = performance.now();
const result = await runUnderFaults(options);
const seconds = Math.round((performance.now() - begin) / 100) / 10;
await writeJsonAtomic(new URL('results/fault-run.json', import.meta.url).pathname, {
  schema: 'vlprm.fault-run/1',
  machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length },
  versions: { node: process.version },
  date: new Date().toISOString(),
  ...options,
  ...result,
  seconds,
});
console.log(JSON.stringify({ ...result, seconds }, null, 2));
