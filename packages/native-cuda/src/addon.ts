import { adamwBinding } from './bindings/adamw.ts';
import type { BackgroundBinding, Binding } from './bindings/binding.ts';
import { expandNodesBinding } from './bindings/expandNodes.ts';
import { mcLabelsBinding } from './bindings/mcLabels.ts';
import { puctSelectBinding } from './bindings/puctSelect.ts';
import { stepLossBinding } from './bindings/stepLoss.ts';
import { stepScoreBinding } from './bindings/stepScore.ts';
import { valueBackupBinding } from './bindings/valueBackup.ts';
import { NativeError, type NativeErrorCode } from './errors.ts';
import {
  BACKGROUND_OPS,
  type BackgroundKernels,
  type BackgroundOpName,
  type Compute,
  type Kernels,
  type OpName,
  type PlanOf,
  type ResultOf,
} from './kernels.ts';
import type { Allocate, ElementArray, MemoryUsage } from './memory.ts';

/** Raised with every change of the functions below or of a binding's arguments; csrc/napi/addon.cc holds the same number. */
export const ADDON_ABI = 8;

/** Where an op computes, as the addon counts them. */
const DEVICES = { cpu: 0, cuda: 1 } as const;
type Device = keyof typeof DEVICES;

/** `abort` is raised (non-zero) by another thread; `threads` 0 lets the op choose; in the background it returns a promise. */
type NativeOp = (
  device: number,
  threads: number,
  abort: Int32Array | null,
  background: boolean,
  ...plan: readonly unknown[]
) => unknown;

/** Memory of a DeviceBuffer that the addon owns. */
type Handle = object;

/** What vlprm.node exports. It trusts its arguments: only checked plans may reach it. */
export interface NativeAddon extends Record<OpName, NativeOp> {
  readonly abi: number;
  /** `isas` are what this processor can run, `requestedIsa` is VLPRM_ISA; `isa` is what runs. */
  cpuInfo(): { isa: string; isas: string[]; requestedIsa: string | null; threads: number };
  /** Reads every byte of the array as fast as this machine can: the floor that benchmarks compare with. */
  readFloor(array: Float32Array | Uint16Array | Int32Array | Uint8Array, threads: number): number;
  /** Looks for driver, module and device; `reason` is null when a device is there. */
  cudaProbe(modulePath: string): { detail: string | null; reason: string | null };
  allocate(device: number, bytes: number): Handle;
  /** The memory goes when the last job that uses it has ended; the garbage collector does the same to forgotten handles. */
  release(handle: Handle): void;
  write(handle: Handle, byteOffset: number, from: ElementArray): void;
  read(handle: Handle, byteOffset: number, into: ElementArray): void;
  memoryUsage(): MemoryUsage;
}

type BackgroundBindings = {
  readonly [Op in BackgroundOpName]: BackgroundBinding<PlanOf<Op>, ResultOf<Op>>;
};
type Bindings = { readonly [Op in OpName]: Binding<PlanOf<Op>, ResultOf<Op>> };

export const BINDINGS: Bindings & BackgroundBindings = {
  stepScore: stepScoreBinding,
  stepLoss: stepLossBinding,
  adamw: adamwBinding,
  mcLabels: mcLabelsBinding,
  puctSelect: puctSelectBinding,
  expandNodes: expandNodesBinding,
  valueBackup: valueBackupBinding,
};

const ADVICE: Partial<Record<string, string>> = {
  ERR_VLPRM_DETACHED: 'pass arrays that this thread owns',
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
  const call = (plan: unknown, threads = 0): unknown => {
    try {
      return result(addon[op](DEVICES[device], threads, null, false, ...listed(plan)), plan);
    } catch (error) {
      throw nativeFailure(error, `${op} on backend '${device}'`);
    }
  };
  return call as Kernels[Op];
}

/** On the executor of the device: one thread, jobs in the order of their calls. */
function backgroundKernel<Op extends BackgroundOpName>(
  addon: NativeAddon,
  device: Device,
  op: Op,
): BackgroundKernels[Op] {
  const binding = BINDINGS[op] as BackgroundBinding<unknown, unknown>;
  const call = async (plan: unknown, threads: number, abort: Int32Array): Promise<unknown> => {
    try {
      const held = binding.held(plan);
      return binding.result(await addon[op](DEVICES[device], threads, abort, true, ...binding.arguments(held)), held);
    } catch (error) {
      throw nativeFailure(error, `${op} on backend '${device}'`);
    }
  };
  return call as BackgroundKernels[Op];
}

function nativeAllocate(addon: NativeAddon, device: Device): Allocate {
  const coded = <T>(call: () => T): T => {
    try {
      return call();
    } catch (error) {
      throw nativeFailure(error, `DeviceBuffer on backend '${device}'`);
    }
  };
  return ({ byteLength, BYTES_PER_ELEMENT: bytes }) => {
    const handle = coded(() => addon.allocate(DEVICES[device], byteLength));
    return {
      resident: handle,
      read: (into, from) => coded(() => addon.read(handle, bytes * from, into)),
      write: (array, at) => coded(() => addon.write(handle, bytes * at, array)),
      release: () => addon.release(handle),
    };
  };
}

/** The device with the ops that it computes. */
export function nativeCompute(addon: NativeAddon, device: Device, ops: readonly OpName[]): Compute {
  const later = BACKGROUND_OPS.filter((op) => ops.includes(op));
  return {
    kernels: Object.fromEntries(ops.map((op) => [op, kernel(addon, device, op)])),
    background: Object.fromEntries(later.map((op) => [op, backgroundKernel(addon, device, op)])),
    allocate: nativeAllocate(addon, device),
  };
}
