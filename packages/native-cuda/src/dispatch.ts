import { setImmediate } from 'node:timers/promises';
import { abortable } from './abort.ts';
import { BINDINGS } from './addon.ts';
import { backendFor, type Backend, type BackendName, type CallOptions } from './backends.ts';
import { bytesPerSecond } from './calibration.ts';
import { NativeError } from './errors.ts';
import type { BackgroundOpName, OpName, PlanOf, ResultOf } from './kernels.ts';
import { integer } from './validation.ts';

export interface AsyncCallOptions extends CallOptions {
  /** Ends the computation at its next chunk; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const MAX_THREADS = 256;

/** A call that is expected to take less computes at once: handing it over would cost as much, and the event loop can wait as long. */
const BACKGROUND_ABOVE_SECONDS = 300e-6;

function threadsFor(op: OpName, options: CallOptions | undefined): number {
  const threads = options?.threads;
  if (threads !== undefined) return integer(threads, 1, MAX_THREADS, `${op}.options.threads`);
  const variable = process.env['VLPRM_THREADS'];
  return variable === undefined || variable === '' ? 0 : integer(Number(variable), 1, MAX_THREADS, 'VLPRM_THREADS');
}

function compute<Op extends OpName>({ kernels }: Backend, op: Op, plan: PlanOf<Op>, threads: number): ResultOf<Op> {
  const kernel = kernels[op] as (plan: PlanOf<Op>, threads: number) => ResultOf<Op>;
  return kernel(plan, threads);
}

/** Computes a checked plan. */
export function run<Op extends OpName>(op: Op, plan: PlanOf<Op>, options: CallOptions | undefined): ResultOf<Op> {
  return compute(backendFor(op, options), op, plan, threadsFor(op, options));
}

/** Whether a call on cpu is long enough for another thread. The device has its own pace, so cuda always is. */
function isLong<Op extends BackgroundOpName>(name: BackendName, op: Op, plan: PlanOf<Op>): boolean {
  const bytes = BINDINGS[op].bytes as (plan: PlanOf<Op>) => number;
  return name === 'cuda' || bytes(plan) > BACKGROUND_ABOVE_SECONDS * bytesPerSecond('cpu');
}

function checkedSignal(op: OpName, options: AsyncCallOptions | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new NativeError('ERR_VLPRM_TYPE', `${op}.options.signal`, 'is no AbortSignal', "pass a controller's signal");
}

/**
 * Computes a checked plan without holding up the event loop: on a thread of the addon if it takes long, at once if it does not.
 * js has no other thread, and computes in one go when the event loop comes to it.
 */
export async function runAsync<Op extends BackgroundOpName>(
  op: Op,
  plan: PlanOf<Op>,
  options: AsyncCallOptions | undefined,
): Promise<ResultOf<Op>> {
  const found = backendFor(op, options);
  const threads = threadsFor(op, options);
  const signal = checkedSignal(op, options);
  signal?.throwIfAborted();
  const background = found.background[op];
  if (background !== undefined && isLong(found.info.name, op, plan)) {
    return abortable(signal, (abort) => background(plan as never, threads, abort) as Promise<ResultOf<Op>>);
  }
  if (found.info.name === 'js') {
    await setImmediate();
    signal?.throwIfAborted();
  }
  return compute(found, op, plan, threads);
}
