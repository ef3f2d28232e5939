import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDON_ABI, nativeCompute, type NativeAddon } from './addon.ts';
import { CUDA_OPS, OPS, type Compute } from './kernels.ts';
import type { MemoryUsage } from './memory.ts';

export interface NativeBackend {
  /** Null when the backend is not available. */
  readonly compute: Compute | null;
  readonly detail: string | null;
  readonly reason: string | null;
}

export interface NativeBackends {
  readonly cpu: NativeBackend;
  readonly cuda: NativeBackend;
  memoryUsage(): MemoryUsage;
}

const LOCAL_BUILD = fileURLToPath(new URL('../prebuilds/local/', import.meta.url));
const MODULE_NAME = 'vlprm_cuda.so';

function unavailable(reason: string): NativeBackend {
  return { compute: null, detail: null, reason };
}

function message(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
}

/** Why the local build left no addon, from what build-native wrote down. */
function localBuildReason(folder: string): string {
  try {
    const { reason } = JSON.parse(readFileSync(join(folder, 'status.json'), 'utf8')) as { reason?: unknown };
    if (typeof reason === 'string') return `local build: ${reason}`;
  } catch {
    // No readable status: the build has not run.
  }
  return 'local build: not built yet (npx nx run native-cuda:build-native)';
}

/** Name of the package that carries a prebuilt addon for this platform. */
function platformPackage(): string {
  const libc = process.platform === 'linux' ? '-gnu' : '';
  return `@vlprm/native-${process.platform}-${process.arch}${libc}`;
}

interface Candidate {
  readonly label: string;
  readonly path: string;
  /** Said instead of "no such file". */
  readonly absence: () => string;
}

/** Where an addon may lie, in order: VLPRM_NATIVE_PATH alone if set, else the local build, else the platform package. */
function candidates(require: NodeJS.Require): readonly Candidate[] {
  const named = process.env['VLPRM_NATIVE_PATH'];
  if (named !== undefined && named !== '') {
    return [{ label: 'VLPRM_NATIVE_PATH', path: named, absence: () => `VLPRM_NATIVE_PATH: no file at ${named}` }];
  }
  const local: Candidate = {
    label: 'local build',
    path: join(LOCAL_BUILD, 'vlprm.node'),
    absence: () => localBuildReason(LOCAL_BUILD),
  };
  const name = platformPackage();
  try {
    const path = require.resolve(`${name}/vlprm.node`);
    return [local, { label: name, path, absence: () => `${name}: has no vlprm.node` }];
  } catch {
    return [local, { label: name, path: '', absence: () => `${name}: not installed` }];
  }
}

/** The first addon that loads with the right ABI, or every reason why none did. */
function loadAddon(): { readonly addon: NativeAddon; readonly path: string } | { readonly reasons: readonly string[] } {
  if (process.env['VLPRM_NATIVE'] === 'off') return { reasons: ['VLPRM_NATIVE=off'] };
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const { label, path, absence } of candidates(require)) {
    if (!existsSync(path)) {
      reasons.push(absence());
      continue;
    }
    try {
      const addon = require(path) as NativeAddon;
      if (addon.abi === ADDON_ABI) return { addon, path };
      reasons.push(`${label}: addon ABI ${addon.abi}, this package needs ${ADDON_ABI} (rebuild it)`);
    } catch (error) {
      reasons.push(`${label}: ${message(error)}`);
    }
  }
  return { reasons };
}

function cpuBackend(addon: NativeAddon): NativeBackend {
  const { isa, isas, requestedIsa, threads } = addon.cpuInfo();
  if (requestedIsa !== null && requestedIsa !== isa) {
    return unavailable(`VLPRM_ISA=${requestedIsa}: this processor runs ${isas.join(', ')}`);
  }
  const detail = `${isa}, ${threads} thread${threads === 1 ? '' : 's'}`;
  return { compute: nativeCompute(addon, 'cpu', OPS), detail, reason: null };
}

function probeCuda(addon: NativeAddon, addonPath: string): NativeBackend {
  const named = process.env['VLPRM_CUDA_MODULE'];
  const modulePath = named === undefined || named === '' ? join(dirname(addonPath), MODULE_NAME) : named;
  const { detail, reason } = addon.cudaProbe(modulePath);
  if (reason !== null) return unavailable(reason);
  return { compute: nativeCompute(addon, 'cuda', CUDA_OPS), detail, reason: null };
}

function loadBackends(): NativeBackends {
  const loaded = loadAddon();
  if ('reasons' in loaded) {
    const reason = `native addon not loaded: ${loaded.reasons.join('; ')}`;
    return {
      cpu: unavailable(reason),
      cuda: unavailable(reason),
      memoryUsage: () => ({ cpuBytes: 0, cudaBytes: 0, buffers: 0 }),
    };
  }
  const cpu = cpuBackend(loaded.addon);
  let cuda: NativeBackend | undefined;
  return {
    cpu,
    // The device is looked for when someone asks: driver initialisation takes long and leaves state behind.
    get cuda() {
      cuda ??= probeCuda(loaded.addon, loaded.path);
      return cuda;
    },
    memoryUsage: () => loaded.addon.memoryUsage(),
  };
}

let memo: NativeBackends | undefined;

/** The native backends, loaded once per process and thread. */
export function nativeBackends(): NativeBackends {
  memo ??= loadBackends();
  return memo;
}
