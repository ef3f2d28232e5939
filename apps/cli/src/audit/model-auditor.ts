import type { Judge, Solution } from '@vlprm/core';
import type { Audit, Trace } from '@vlprm/core/records';
import { seedFrom, startStage, VlprmError, type Events } from '@vlprm/core/runtime';
import type { Dataset } from '@vlprm/data/storage';
import { solutionOf } from '../commands/trace-file.ts';
import type { AuditedTrace } from './audit-page.ts';

/** Solutions in one call: progress is told in between, and what was answered is kept when a later call ends it all. */
const BATCH = 16;

/** What came of asking a model. */
export interface ModelAudit {
  readonly audits: readonly Audit[];
  /** Audits that the model was asked for and has not filled in, with what it said. */
  readonly failures: readonly { readonly traceId: string; readonly reason: string }[];
}

/** @throws ERR_USAGE for a judge whose verdicts are among what is audited: it would find itself right */
function requireAnother(judge: Judge, traces: readonly Trace[]): void {
  const judges = new Set(traces.flatMap(({ provenance }) => provenance.judges));
  if (!judges.has(judge.name)) return;
  throw new VlprmError('ERR_USAGE', `${judge.name} judged these traces itself`, {
    where: '--auditor',
    fix: 'name another, stronger model',
  });
}

/**
 * Has a model fill in the audits that nobody has filled in yet. One that fails, or whose answer cannot be read, stays
 * without a finding.
 * @throws ERR_USAGE when the model judged the traces itself; what the judge throws
 */
export async function auditWith(
  judge: Judge,
  picked: readonly AuditedTrace[],
  dataset: Pick<Dataset, 'image'>,
  { seed, events, signal }: { readonly seed: number; readonly events: Events; readonly signal: AbortSignal },
): Promise<ModelAudit> {
  requireAnother(
    judge,
    picked.map(({ trace }) => trace),
  );
  const findings = new Map<string, Audit['finding']>();
  const failures: { traceId: string; reason: string }[] = [];
  const open = picked.filter(({ audit }) => audit.finding === null);
  const progress = startStage(events, 'audit', { total: open.length });
  for (let begin = 0; begin < open.length; begin += BATCH) {
    const batch = open.slice(begin, begin + BATCH);
    const solutions: Solution[] = [];
    for (const { trace } of batch) solutions.push(await solutionOf(trace, (image) => dataset.image(image)));
    const { reviews } = await judge.review(solutions, { seed: seedFrom(seed, 'audit') }, signal);
    batch.forEach(({ audit: { traceId } }, i) => {
      const review = reviews[i];
      if (review?.ok === true) findings.set(traceId, { firstError: review.value.firstError, by: judge.name });
      else failures.push({ traceId, reason: review?.error.message ?? 'no review' });
    });
    progress.advance(batch.length);
  }
  return {
    audits: picked.map(({ audit }) => ({ ...audit, finding: findings.get(audit.traceId) ?? audit.finding })),
    failures,
  };
}
