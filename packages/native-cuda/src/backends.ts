import { NativeError } from './errors.ts';
import { jsKernels } from './js/kernels.ts';
import type { Kernels, OpName } from './kernels.ts';
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
}

interface Backend {
  readonly info: BackendInfo;
  readonly kernels: Partial<Kernels>;
}

const jsBackend: Backend = {
  info: { name: 'js', available: true, detail: 'float64 arithmetic, 1 thread', reason: null },
  kernels: jsKernels,
};

function backend(name: BackendName): Backend {
  if (name === 'js') return jsBackend;
  const { detail, reason, kernels } = nativeBackends()[name];
  return { info: { name, available: kernels !== null, detail, reason }, kernels: kernels ?? {} };
}

/** Every backend, with the reason why one is not available. The native addon is loaded at the first call. */
export function backends(): readonly BackendInfo[] {
  return BACKEND_NAMES.map((name) => ({ ...backend(name).info }));
}

function available(name: BackendName): Backend {
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
  if (chosen !== null) return available(chosen).info.name;
  return backend('cpu').info.available ? 'cpu' : 'js';
}

/** The kernels that run `op`: the named backend or nothing; without a name, the active backend, or the next one that has the op. */
export function kernelsFor<Op extends OpName>(op: Op, options: CallOptions | undefined): Pick<Kernels, Op> {
  if (options !== undefined) object(options, `${op}.options`);
  const named = options?.backend;
  if (named === undefined) {
    const candidates: readonly BackendName[] = [activeBackend(), 'cpu', 'js'];
    const chosen = candidates.map((name) => backend(name).kernels).find((kernels) => kernels[op] !== undefined);
    return chosen as Pick<Kernels, Op>;
  }
  const { kernels } = available(oneOf(named, BACKEND_NAMES, `${op}.options.backend`));
  if (kernels[op] === undefined) {
    throw new NativeError(
      'ERR_VLPRM_BACKEND_UNAVAILABLE',
      `backend '${named}'`,
      `has no ${op}`,
      'use another backend for this call',
    );
  }
  return kernels as Pick<Kernels, Op>;
}
