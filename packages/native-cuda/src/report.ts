import { activeBackend, backends, type BackendInfo, type BackendName } from './backends.ts';
import { speedOf, type DeviceSpeed, type HostSpeed } from './calibration.ts';
import { memoryUsage } from './device-buffer.ts';
import { callCounts, longCallBytes, threadsVariable } from './dispatch.ts';
import type { MemoryUsage } from './memory.ts';

/** What the results of a run depend on, what its speed depends on, and what the kernels have done so far. */
export interface KernelReport {
  active: BackendName;
  backends: readonly BackendInfo[];
  /** `VLPRM_THREADS`; null for as many threads as pay. */
  threads: number | null;
  /** Null where the backend is not there. */
  speed: { js: HostSpeed; cpu: HostSpeed | null; cuda: DeviceSpeed | null };
  /** Asynchronous calls that read more bytes than this on cpu go to the background. Null without cpu. */
  longCallBytes: number | null;
  /** Calls so far, by op, backend and whether in the background, such as `stepScore on cpu, in the background`. */
  calls: Readonly<Record<string, number>>;
  memory: MemoryUsage;
}

/** Measures what has not been measured yet (about 50 ms, once). */
export function kernelReport(): KernelReport {
  const found = backends();
  const has = (name: BackendName): boolean => found.some((backend) => backend.name === name && backend.available);
  return {
    active: activeBackend(),
    backends: found,
    threads: threadsVariable(),
    speed: {
      js: speedOf.js(),
      cpu: has('cpu') ? speedOf.cpu() : null,
      cuda: has('cuda') ? speedOf.cuda() : null,
    },
    longCallBytes: has('cpu') ? longCallBytes() : null,
    calls: callCounts(),
    memory: memoryUsage(),
  };
}
