import { abortable } from './abort.ts';
import { BINDINGS } from './addon.ts';
import { backendFor, type Backend, type BackendName, type CallOptions } from './backends.ts';
import { speedOf } from './calibration.ts';
import { DeviceBuffer, resident } from './device-buffer.ts';
import { NativeError } from './errors.ts';
import type { BackgroundOpName, OpName, PlanOf, ResultOf } from './kernels.ts';
import { integer } from './validation.ts';

export interface AsyncCallOptions extends CallOptions {
  /** Ends the computation at its next chunk; the promise rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

const MAX_THREADS = 256;

/** A call that is expected to take less computes at once: the event loop can wait that long, and handing over costs some of it. */
const LONG_CALL_SECONDS = 300e-6;

/** `VLPRM_THREADS`, or null. */
export function threadsVariable(): number | null {
  const variable = process.env['VLPRM_THREADS'];
  if (variable === undefined || variable === '') return null;
  return integer(Number(variable), 1, MAX_THREADS, 'VLPRM_THREADS');
}

function threadsFor(op: OpName, options: CallOptions | undefined): number {
  const threads = options?.threads;
  if (threads !== undefined) return integer(threads, 1, MAX_THREADS, `${op}.options.threads`);
  return threadsVariable() ?? 0;
}

const counts: Record<string, number> = {};

/** Calls of this thread of JavaScript so far. */
export function callCounts(): Readonly<Record<string, number>> {
  return { ...counts };
}

function count(op: OpName, name: BackendName, how: 'at once' | 'in the background'): void {
  const key = `${op} on ${name}, ${how}`;
  counts[key] = (counts[key] ?? 0) + 1;
}

/** The plan with the memory of its DeviceBuffers in their place, and the backend that they lie in (null when there are none). */
function located<Plan extends object>(op: OpName, plan: Plan): { plan: Plan; home: BackendName | null } {
  const buffers = Object.entries(plan).filter(
    (field): field is [string, DeviceBuffer] => field[1] instanceof DeviceBuffer,
  );
  const [first] = buffers;
  if (first === undefined) return { plan, home: null };
  const home = first[1].backend;
  for (const [name, { backend }] of buffers) {
    if (backend === home) continue;
    throw new NativeError(
      'ERR_VLPRM_PLACE',
      `${op}.${name}`,
      `lies in a DeviceBuffer of '${backend}', ${first[0]} in one of '${home}'`,
      'keep the data of one call in one backend',
    );
  }
  const memory = buffers.map(([name, buffer]) => [name, resident(buffer, `${op}.${name}`)] as const);
  return { plan: { ...plan, ...Object.fromEntries(memory) }, home };
}

function compute<Op extends OpName>(
  { name, kernels }: Backend,
  op: Op,
  plan: PlanOf<Op>,
  threads: number,
): ResultOf<Op> {
  const kernel = kernels[op] as (plan: PlanOf<Op>, threads: number) => ResultOf<Op>;
  count(op, name, 'at once');
  return kernel(plan, threads);
}

/** Computes a checked plan. */
export function run<Op extends OpName>(op: Op, given: PlanOf<Op>, options: CallOptions | undefined): ResultOf<Op> {
  const { plan, home } = located(op, given);
  return compute(backendFor(op, options, home), op, plan, threadsFor(op, options));
}

/** Bytes above which a call on cpu is expected to take longer. */
export function longCallBytes(): number {
  return LONG_CALL_SECONDS * speedOf.cpu().bytesPerSecond;
}

/** Whether a call is long enough for another thread. The device has its own pace, so a call on cuda always is. */
function isLong<Op extends BackgroundOpName>(name: BackendName, op: Op, plan: PlanOf<Op>): boolean {
  const bytes = BINDINGS[op].bytes as (plan: PlanOf<Op>) => number;
  return name === 'cuda' || bytes(plan) > longCallBytes();
}

function checkedSignal(op: OpName, options: AsyncCallOptions | undefined): AbortSignal | undefined {
  const signal = options?.signal;
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw new NativeError('ERR_VLPRM_TYPE', `${op}.options.signal`, 'is no AbortSignal', "pass a controller's signal");
}

/**
 * Computes a checked plan without holding up the event loop: on a thread of the addon if it takes long, at once if it does not.
 * js has no other thread, and always computes at once.
 */
export async function runAsync<Op extends BackgroundOpName>(
  op: Op,
  given: PlanOf<Op>,
  options: AsyncCallOptions | undefined,
): Promise<ResultOf<Op>> {
  const { plan, home } = located(op, given);
  const found = backendFor(op, options, home);
  const threads = threadsFor(op, options);
  const signal = checkedSignal(op, options);
  signal?.throwIfAborted();
  const background = found.background[op];
  if (background !== undefined && isLong(found.name, op, plan)) {
    count(op, found.name, 'in the background');
    return abortable(signal, (abort) => background(plan as never, threads, abort) as Promise<ResultOf<Op>>);
  }
  return compute(found, op, plan, threads);
}
