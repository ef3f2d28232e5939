import type { Events } from '@vlprm/core/runtime';

/** What every stage is given beside its input. */
export interface StageContext {
  readonly signal: AbortSignal;
  readonly events: Events;
}

/** Runs a stage and says how long it took, in seconds. */
export async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - start) / 1000 };
}
