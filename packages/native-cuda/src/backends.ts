import { NativeError } from './errors.ts';
import { jsKernels } from './js/kernels.ts';
import type { Compute, Kernels, OpName } from './kernels.ts';
import { nativeBackends } from './loader.ts';
import { allocateJs } from './memory.ts';
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

export interface Backend extends Compute {
  readonly name: BackendName;
}

interface Found {
  readonly info: BackendInfo;
  /** Null when it is not available. */
  readonly compute: Compute | null;
}

const js: Found = {
  info: { name: 'js', available: true, detail: 'float64 arithmetic, 1 thread', reason: null },
  compute: { kernels: jsKernels, background: {}, allocate: allocateJs },
};

function find(name: BackendName): Found {
  if (name === 'js') return js;
  const { detail, reason, compute } = nativeBackends()[name];
  return { info: { name, available: compute !== null, detail, reason }, compute };
}

/** Every backend, with the reason why one is not available. The native addon is loaded at the first call. */
export function backends(): readonly BackendInfo[] {
  return BACKEND_NAMES.map((name) => ({ ...find(name).info }));
}

/** @throws NativeError ERR_VLPRM_BACKEND_UNAVAILABLE with the reason */
export function availableBackend(name: BackendName): Backend {
  const { info, compute } = find(name);
  if (compute !== null) return { name, ...compute };
  throw new NativeError(
    'ERR_VLPRM_BACKEND_UNAVAILABLE',
    `backend '${name}'`,
    info.reason ?? 'is not available',
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
  if (chosen !== null) return availableBackend(chosen).name;
  return find('cpu').compute === null ? 'js' : 'cpu';
}

/** The backend if it is there and has the op. */
function backendWith(op: OpName, name: BackendName): Backend | undefined {
  const { compute } = find(name);
  return compute?.kernels[op] === undefined ? undefined : { name, ...compute };
}

/**
 * Where `op` computes. Data of a backend (`home`) are computed on there. Otherwise the named backend or nothing; without a name,
 * the active backend, or the next one that has the op.
 */
export function backendFor(op: OpName, options: CallOptions | undefined, home: BackendName | null = null): Backend {
  if (options !== undefined) object(options, `${op}.options`);
  const named = options?.backend === undefined ? home : oneOf(options.backend, BACKEND_NAMES, `${op}.options.backend`);
  if (named === null) {
    const candidates: readonly BackendName[] = [activeBackend(), 'cpu', 'js'];
    return candidates.map((name) => backendWith(op, name)).find((found) => found !== undefined) as Backend;
  }
  if (home !== null && named !== home) {
    throw new NativeError(
      'ERR_VLPRM_PLACE',
      `${op}.options.backend`,
      `is '${named}', the data lie in a DeviceBuffer of '${home}'`,
      'name no backend, or pass a buffer of that backend',
    );
  }
  const found = availableBackend(named);
  if (found.kernels[op] !== undefined) return found;
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
