import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from '../src/addon.ts';
import { backends, kernelsFor } from '../src/backends.ts';
import type { OpName, PlanOf } from '../src/kernels.ts';
import type { Peer } from './measure.ts';

/** The addon that is measured, or why there is none. */
export function nativeAddon(): NativeAddon | { reason: string } {
  const cpu = backends().find(({ name }) => name === 'cpu');
  if (cpu?.available !== true) return { reason: cpu?.reason ?? 'no cpu backend' };
  const path =
    process.env['VLPRM_NATIVE_PATH'] ?? fileURLToPath(new URL('../prebuilds/local/vlprm.node', import.meta.url));
  return createRequire(import.meta.url)(path) as NativeAddon;
}

/** The op on the cpu backend with that many threads, for checked plans. */
export function cpuKernel<Op extends OpName>(op: Op, threads: number): (plan: PlanOf<Op>) => void {
  const kernels = kernelsFor(op, { backend: 'cpu' });
  return (plan) => void (kernels[op] as (plan: PlanOf<Op>, threads: number) => unknown)(plan, threads);
}

type Readable = Parameters<NativeAddon['readFloor']>[0];

/** The limit of what memory gives: nothing but reading what `bytes` returns, with as many threads. */
export function readFloor(addon: NativeAddon, threads: number, bytes: (sample: number) => Readable): Peer {
  return {
    peer: 'read floor, same bytes',
    tier: 'floor',
    run: (sample) => {
      addon.readFloor(bytes(sample), threads);
    },
  };
}
