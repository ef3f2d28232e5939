import { adamwBinding } from './bindings/adamw.ts';
import type { Binding } from './bindings/binding.ts';
import { mcLabelsBinding } from './bindings/mcLabels.ts';
import { stepLossBinding } from './bindings/stepLoss.ts';
import { stepScoreBinding } from './bindings/stepScore.ts';
import { NativeError, type NativeErrorCode } from './errors.ts';
import type { Kernels, OpName } from './kernels.ts';

/** Raised with every change of the functions below or of a binding's arguments; csrc/napi/addon.cc holds the same number. */
export const ADDON_ABI = 2;

/** Where an op computes, as the addon counts them. */
const DEVICES = { cpu: 0, cuda: 1 } as const;
type Device = keyof typeof DEVICES;

/** `abort` is raised (non-zero) by another thread; `threads` 0 lets the op choose. */
type NativeOp = (device: number, threads: number, abort: Int32Array | null, ...plan: readonly unknown[]) => unknown;

/** What vlprm.node exports. It trusts its arguments: only checked plans may reach it. */
export interface NativeAddon extends Record<OpName, NativeOp> {
  readonly abi: number;
  cpuInfo(): { isa: string; threads: number };
  /** Reads every byte of the array as fast as this machine can: the floor that benchmarks compare with. */
  readFloor(array: Float32Array | Uint16Array | Int32Array | Uint8Array): number;
  /** Looks for driver, module and device; `reason` is null when a device is there. */
  cudaProbe(modulePath: string): { detail: string | null; reason: string | null };
}

const BINDINGS: { readonly [Op in OpName]: Binding<Parameters<Kernels[Op]>[0], ReturnType<Kernels[Op]>> } = {
  stepScore: stepScoreBinding,
  stepLoss: stepLossBinding,
  adamw: adamwBinding,
  mcLabels: mcLabelsBinding,
};

const ADVICE: Partial<Record<string, string>> = {
  ERR_VLPRM_OOM: 'use smaller batches',
  ERR_VLPRM_DEVICE: "use backend 'cpu'",
  ERR_VLPRM_BACKEND_UNAVAILABLE: 'use another backend for this call',
};

/** An error that the addon coded, as a NativeError; anything else as it is. */
function nativeFailure(error: unknown, where: string): unknown {
  const { code, message } = error as { code?: string; message: string };
  const advice = code === undefined ? undefined : ADVICE[code];
  return advice === undefined ? error : new NativeError(code as NativeErrorCode, where, message, advice);
}

function kernel<Op extends OpName>(addon: NativeAddon, device: Device, op: Op): Kernels[Op] {
  const { arguments: listed, result } = BINDINGS[op] as Binding<unknown, unknown>;
  const call = (plan: unknown): unknown => {
    try {
      return result(addon[op](DEVICES[device], 0, null, ...listed(plan)), plan);
    } catch (error) {
      throw nativeFailure(error, `${op} on backend '${device}'`);
    }
  };
  return call as Kernels[Op];
}

export function nativeKernels<Op extends OpName>(
  addon: NativeAddon,
  device: Device,
  ops: readonly Op[],
): Pick<Kernels, Op> {
  return Object.fromEntries(ops.map((op) => [op, kernel(addon, device, op)])) as Pick<Kernels, Op>;
}
