import { NativeError } from './errors.ts';
import { jsKernels } from './js/kernels.ts';
import type { BackgroundKernels, Kernels, OpName } from './kernels.ts';
import { nativeBackends } from './loader.ts';
import { object, oneOf } from './validation.ts';

export const BACKEND_NAMES = ['js', 'cpu', 'cuda'] as const;
export type BackendName = (typeof BACKEND_NAMES)[number];

export interface BackendInfo {
  name: BackendName;
  available: boolean;
  /** What it runs on: instruction set, threads, device. Null when it is not available. */
  detail: string | null;
  /** Why it is not available. Null when it is. */
  reason: string | null;
}

export interface CallOptions {
  /** Run there or throw. Default: `activeBackend()`. */
  backend?: BackendName | undefined;
  /** At most so many threads of cpu, 1..256; results do not depend on it. Default: `VLPRM_THREADS`, else as many as pay. */
  threads?: number | undefined;
}

export interface Backend {
  readonly info: BackendInfo;
  readonly kernels: Partial<Kernels>;
  readonly background: Partial<BackgroundKernels>;
}

const jsBackend: Backend = {
  info: { name: 'js', available: true, detail: 'float64 arithmetic, 1 thread', reason: null },
  kernels: jsKernels,
  background: {},
};

/** What there is under that name. */
export function backend(name: BackendName): Backend {
  if (name === 'js') return jsBackend;
  const { detail, reason, kernels, background } = nativeBackends()[name];
  return { info: { name, available: kernels !== null, detail, reason }, kernels: kernels ?? {}, background };
}

/** Every backend, with the reason why one is not available. The native addon is loaded at the first call. */
export function backends(): readonly BackendInfo[] {
  return BACKEND_NAMES.map((name) => ({ ...backend(name).info }));
}

/** @throws NativeError ERR_VLPRM_BACKEND_UNAVAILABLE with the reason */
function availableBackend(name: BackendName): Backend {
  const found = backend(name);
  if (found.info.available) return found;
  throw new NativeError(
    'ERR_VLPRM_BACKEND_UNAVAILABLE',
    `backend '${name}'`,
    found.info.reason ?? 'is not available',
    'use another backend, or see backends() for what is missing',
  );
}

function environmentChoice(): BackendName | null {
  const value = process.env['VLPRM_BACKEND'];
  return value === undefined || value === '' ? null : oneOf(value, BACKEND_NAMES, 'VLPRM_BACKEND');
}

/**
 * The backend that calls use when they name none: `VLPRM_BACKEND` (js, cpu or cuda) if set, else cpu if it loads, else js.
 * @throws NativeError ERR_VLPRM_BACKEND_UNAVAILABLE when `VLPRM_BACKEND` names one that is not there
 */
export function activeBackend(): BackendName {
  const chosen = environmentChoice();
  if (chosen !== null) return availableBackend(chosen).info.name;
  return backend('cpu').info.available ? 'cpu' : 'js';
}

function has(found: Backend, op: OpName): boolean {
  return found.kernels[op] !== undefined;
}

/** The named backend or nothing; without a name, the active backend, or the next one that has the op. */
export function backendFor(op: OpName, options: CallOptions | undefined): Backend {
  if (options !== undefined) object(options, `${op}.options`);
  const named = options?.backend;
  if (named === undefined) {
    const candidates: readonly BackendName[] = [activeBackend(), 'cpu', 'js'];
    return candidates.map(backend).find((found) => has(found, op)) as Backend;
  }
  const found = availableBackend(oneOf(named, BACKEND_NAMES, `${op}.options.backend`));
  if (has(found, op)) return found;
  throw new NativeError(
    'ERR_VLPRM_BACKEND_UNAVAILABLE',
    `backend '${named}'`,
    `has no ${op}`,
    'use another backend for this call',
  );
}

/** The kernel that runs `op`, by itself. */
export function kernelsFor<Op extends OpName>(op: Op, options: CallOptions | undefined): Pick<Kernels, Op> {
  return backendFor(op, options).kernels as Pick<Kernels, Op>;
}
