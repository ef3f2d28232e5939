import { cpus, totalmem, type, release } from 'node:os';
import { failedFinding, kernelReport, type BackendInfo } from '@vlprm/core/models';
import { throwIfAborted } from '@vlprm/core/runtime';
import { onnxRuntimeInfo } from '@vlprm/core/models/onnx';
import { strategiesWithoutPrm, STRATEGY_IDS } from '@vlprm/tts';
import type { DoctorCheck, DoctorReport } from '../contract/doctor.ts';
import { examineEndpoints } from './examine-endpoints.ts';
import type { Platform } from './platform.ts';
import { selfTestModels } from './self-tests.ts';

const OLDEST_NODE = [20, 19] as const;

/**
 * Looks at the machine and at every model of the platform. What fails is a failed check; only an abort is thrown.
 * @param signal the one that the platform was made with
 * @throws ERR_ABORTED
 */
export async function examine(platform: Platform, signal?: AbortSignal): Promise<DoctorReport> {
  const onnxruntime = await onnxRuntimeInfo();
  const { active, backends, threads, speed, longCallBytes } = kernelReport();
  const kernels = { active, backends: [...backends], threads, speed, longCallBytes };
  const { endpoints, checks: endpointChecks } = await examineEndpoints(platform);
  throwIfAborted(signal);
  const policy = await tryOpen('policy', () => platform.policy());
  const judge = await tryOpen('judge', async () => {
    const judges = await platform.judges();
    return { name: judges.map(({ name }) => name).join(', '), judges };
  });
  const judges = judge.model?.judges ?? [];
  const prm = await tryOpen('prm', () => platform.prm());
  const selfTests = await selfTestModels({ policy: policy.model, judges, prm: prm.model }, signal);
  throwIfAborted(signal);
  const checks = [
    nodeCheck(process.versions.node),
    ...kernels.backends.map(kernelCheck),
    onnxCheck(onnxruntime),
    ...endpointChecks,
    policy.check,
    judge.check,
    prm.model === null && prm.check.status === 'ok' ? noPrm : prm.check,
    ...selfTests,
  ];
  const cores = cpus();
  return {
    ok: checks.every(({ status }) => status !== 'failed'),
    node: process.versions.node,
    machine: {
      os: `${type()} ${release()} ${process.arch}`,
      cpu: cores[0]?.model ?? 'unknown',
      cores: cores.length,
      memoryBytes: totalmem(),
    },
    kernels,
    onnxruntime: { ...onnxruntime },
    policy: policy.model && { name: policy.model.name, capabilities: { ...policy.model.capabilities } },
    judge: judges[0] ? { name: judges[0].name, capabilities: { ...judges[0].capabilities } } : null,
    prm: prm.model && {
      name: prm.model.name,
      capabilities: { ...prm.model.capabilities },
      path: platform.prmPath ?? prm.model.name,
      threshold: prm.model.threshold,
    },
    endpoints,
    strategies: prm.model === null ? strategiesWithoutPrm() : STRATEGY_IDS.filter((id) => id !== 'oracle'),
    checks,
  };
}

const noPrm: DoctorCheck = {
  name: 'prm',
  status: 'missing',
  detail: 'there is no PRM: only strategies that need none can be used',
  fix: 'run `npm start` to train one, or name a bundle with --prm',
};

function nodeCheck(version: string): DoctorCheck {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  const recent = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  const fix = recent ? null : `install Node ${OLDEST_NODE.join('.')} or newer`;
  return { name: 'node', status: recent ? 'ok' : 'failed', detail: version, fix };
}

const KERNEL_FIX: Readonly<Record<string, string>> = {
  cpu: 'install a C++ compiler and cmake, then run `npm run setup`; the TypeScript kernels serve meanwhile',
  cuda: 'a CUDA toolkit to build and a driver to run; other kernels serve meanwhile',
};

function kernelCheck({ name, available, detail, reason }: BackendInfo): DoctorCheck {
  return {
    name: `kernels ${name}`,
    status: available ? 'ok' : 'missing',
    detail: detail ?? reason ?? 'no detail was given',
    fix: available ? null : (KERNEL_FIX[name] ?? null),
  };
}

function onnxCheck({ available, version, reason }: DoctorReport['onnxruntime']): DoctorCheck {
  return {
    name: 'onnxruntime-node',
    status: available ? 'ok' : 'failed',
    detail: version ?? reason ?? 'no version was given',
    fix: available ? null : 'install it: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
  };
}

/** Opens a model; when it cannot be opened, the check says why. */
async function tryOpen<T extends { readonly name: string }>(
  name: string,
  open: () => Promise<T | null>,
): Promise<{ model: T | null; check: DoctorCheck }> {
  try {
    const model = await open();
    return { model, check: { name, status: 'ok', detail: model?.name ?? 'none', fix: null } };
  } catch (error) {
    return { model: null, check: failedFinding(name, error) };
  }
}
