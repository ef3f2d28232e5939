import { failedFinding } from '@vlprm/core/models';
import type { CapabilityRecord } from '@vlprm/core/models/endpoints';
import type { DoctorCheck, DoctorReport } from '../contract/doctor.ts';
import type { Platform } from './platform.ts';

type EndpointReport = DoctorReport['endpoints'][number];

export interface EndpointExamination {
  readonly endpoints: EndpointReport[];
  readonly checks: DoctorCheck[];
}

/** Probes every endpoint behind policy, judge and PRM anew, and calls each of its further servers once. */
export async function examineEndpoints(platform: Platform): Promise<EndpointExamination> {
  const examined = await Promise.all(platform.usedEndpoints().map((name) => examineEndpoint(platform, name)));
  return {
    endpoints: examined.map(({ endpoint }) => endpoint),
    checks: examined.flatMap(({ checks }) => checks),
  };
}

async function examineEndpoint(
  platform: Platform,
  name: string,
): Promise<{ endpoint: EndpointReport; checks: DoctorCheck[] }> {
  const { kind, model, baseUrl } = platform.config.endpoints[name]!;
  const endpoint = { name, kind, model, baseUrl };
  try {
    const record = await platform.endpoints.probe(name);
    const replicas = await platform.endpoints.checkReplicas(name, record);
    return {
      endpoint: { ...endpoint, record },
      checks: [
        reachedCheck(name, record),
        capabilityCheck(name, record),
        ...replicas.map(({ baseUrl: at, result }) => replicaCheck(name, at, result)),
      ],
    };
  } catch (error) {
    return { endpoint: { ...endpoint, record: null }, checks: [failedFinding(`endpoint ${name}`, error)] };
  }
}

const milliseconds = (ms: number): string => `${Math.round(ms)} ms for the first call`;

function reachedCheck(name: string, { model, kind, serverVersion, latencyMs }: CapabilityRecord): DoctorCheck {
  const server = serverVersion === null ? kind : `${kind} ${serverVersion}`;
  return {
    name: `endpoint ${name}`,
    status: 'ok',
    detail: `${model} on ${server}, ${milliseconds(latencyMs)}`,
    fix: null,
  };
}

function capabilityCheck(name: string, { capabilities, findings }: CapabilityRecord): DoctorCheck {
  const said = findings.map(({ capability, by }) => {
    const value = capabilities[capability];
    const shown = value === null ? 'any number' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : value;
    return `${capability} ${shown}${by === 'probed' ? '' : ` (${by})`}`;
  });
  return { name: `endpoint ${name} can`, status: 'ok', detail: said.join(', '), fix: null };
}

function replicaCheck(name: string, baseUrl: string, result: number | Error): DoctorCheck {
  const check = `endpoint ${name} at ${baseUrl}`;
  if (typeof result !== 'number') return failedFinding(check, result);
  return { name: check, status: 'ok', detail: milliseconds(result), fix: null };
}
