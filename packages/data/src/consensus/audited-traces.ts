import type { Audit, Trace } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';
import type { Phase } from './error-rates.ts';
import { stepEvidence, type StepEvidence } from './step-evidence.ts';

/** Fewer leave the 95 % interval of a rate near 0.8 wider than ±0.15. */
const MIN_AUDITS = 30;

/** A step of a trace whose first error somebody has looked up. */
export interface AuditedStep {
  readonly evidence: StepEvidence;
  readonly phase: Phase;
  /** Traces that its trace stands for, scaled so that the mean over the audited traces is 1. */
  readonly weight: number;
}

const invalid = (what: string, where: string, fix: string): VlprmError =>
  new VlprmError('ERR_AUDIT_INVALID', what, { where, fix });

/** An audit of which the finding is there. */
interface Filled extends Audit {
  readonly finding: NonNullable<Audit['finding']>;
}

const isFilled = (audit: Audit): audit is Filled => audit.finding !== null;

function requireOneEach(audits: readonly Audit[]): void {
  const seen = new Set<string>();
  for (const { traceId } of audits) {
    if (seen.has(traceId)) throw invalid('the same trace is audited twice', `trace ${traceId}`, 'keep one of the rows');
    seen.add(traceId);
  }
}

/** Weight of each filled audit: those of a stratum share the weight of all that were picked from it. */
function sharedWeights(audits: readonly Audit[]): number[] {
  const picked = new Map<string, number>();
  const filled = new Map<string, number>();
  for (const audit of audits) {
    picked.set(audit.stratum, (picked.get(audit.stratum) ?? 0) + audit.weight);
    if (isFilled(audit)) filled.set(audit.stratum, (filled.get(audit.stratum) ?? 0) + 1);
  }
  const weights = audits.filter(isFilled).map(({ stratum }) => (picked.get(stratum) ?? 0) / (filled.get(stratum) ?? 1));
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return weights.map((weight) => weight / mean);
}

function phaseOf(index: number, firstError: number | null): Phase {
  if (firstError === null || index < firstError) return 'right';
  return index === firstError ? 'error' : 'after';
}

/**
 * The steps of the audited traces, [traces][steps]. An audit without a finding is left out, and the others of its stratum stand for
 * its traces as well.
 * @throws ERR_AUDIT_INVALID when fewer than `MIN_AUDITS` are filled in, for a trace that is not among `traces`, is audited
 *   twice, or has no such step
 */
export function auditedTraces(traces: readonly Trace[], audits: readonly Audit[]): AuditedStep[][] {
  requireOneEach(audits);
  const filled = audits.filter(isFilled);
  if (filled.length < MIN_AUDITS) {
    throw invalid(
      `${filled.length} of ${audits.length} audits are filled in, error rates need ${MIN_AUDITS}`,
      'audits',
      'fill in more findings, or pick more traces',
    );
  }
  const ids = new Set(filled.map(({ traceId }) => traceId));
  const problems = new Set(traces.filter(({ id }) => ids.has(id)).map(({ problemId }) => problemId));
  const related = traces.filter(({ problemId }) => problems.has(problemId));
  const evidence = new Map(stepEvidence(related).map((steps, i) => [related[i]?.id, steps]));
  const weights = sharedWeights(audits);
  return filled.map(({ traceId, finding: { firstError } }, i) => {
    const steps = evidence.get(traceId);
    if (steps === undefined) {
      throw invalid(
        'an audited trace is not in the dataset',
        `trace ${traceId}`,
        'give the dataset that it was picked from',
      );
    }
    if (firstError !== null && firstError >= steps.length) {
      const where = `trace ${traceId}: finding.firstError`;
      throw invalid(`step ${firstError} of ${steps.length} is no step`, where, 'count steps from 0');
    }
    const weight = weights[i] as number;
    return steps.map((step, index) => ({ evidence: step, phase: phaseOf(index, firstError), weight }));
  });
}
