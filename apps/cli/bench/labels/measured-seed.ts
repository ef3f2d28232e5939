import { AUDIT_SCHEMA, type Audit, type Trace } from '@vlprm/core/records';
import { contentHash } from '@vlprm/core/runtime';
import { fitErrorRates, pickAudits, relabel, stepPosteriors } from '@vlprm/data/consensus';
import { readingOf, type Reading, type ReadTrace } from './reading.ts';
import { REFERENCE, WITHOUT_SIBLINGS, type BenchRule, type EvidencePlan } from './settings.ts';
import { gatherEvidence, type Evidence, type World } from './world.ts';

/** First wrong step of a trace, null where all are right. Only scoring and auditing ask. */
export type Truth = (trace: Trace) => number | null;

/** All that was read of the traces of one seed. */
export interface MeasuredSeed {
  readonly traces: readonly ReadTrace[];
  /** By name of the evidence: what was asked for, and what each rule read of each trace. */
  readonly evidence: ReadonlyMap<string, ReadEvidence>;
  /** What an exhaustive run asks for that continues nothing but the prefixes of wrong answers. */
  readonly wrongAnswerRollouts: number;
  /** By trace: weight of its audit, where it was audited. */
  readonly auditWeights: readonly (number | null)[];
}

export interface ReadEvidence {
  readonly plan: EvidencePlan;
  readonly rollouts: number;
  readonly calls: number;
  readonly readings: Readonly<Partial<Record<BenchRule, readonly Reading[]>>>;
}

const answeredWrong = ({ outcome }: Trace): boolean => outcome === 'incorrect' || outcome === 'unparsable';

/** Prefixes of the traces, those that traces of one problem share counted once. */
function distinctPrefixes(traces: readonly Trace[]): number {
  const prefixes = traces.flatMap(({ problemId, steps }) =>
    steps.map((_, step) => contentHash([problemId, steps.slice(0, step + 1).map(({ kind, text }) => [kind, text])])),
  );
  return new Set(prefixes).size;
}

/** Audits of picked traces by somebody who knows the truth. */
function auditTruly(traces: readonly Trace[], n: number, seed: number, truth: Truth): Audit[] {
  const byId = new Map(traces.map((trace) => [trace.id, trace]));
  return pickAudits(traces, { n, seed }).map((audit) => ({
    ...audit,
    schema: AUDIT_SCHEMA,
    finding: { firstError: truth(byId.get(audit.traceId) as Trace), by: 'scene' },
  }));
}

function readByRule(traces: readonly Trace[], rule: BenchRule, audits: readonly Audit[]): Reading[] {
  if (rule !== 'posterior' && rule !== WITHOUT_SIBLINGS) {
    return relabel(traces, rule).map((trace) => readingOf(trace, null));
  }
  const errorRates = fitErrorRates(traces, audits, { siblings: rule === 'posterior' });
  const right = stepPosteriors(traces, errorRates);
  return relabel(traces, 'posterior', { errorRates }).map((trace, i) => readingOf(trace, right[i] ?? null));
}

function readEvidence({ plan, traces, rollouts, calls }: Evidence, audits: readonly Audit[]): ReadEvidence {
  const readings = plan.rules.map((rule) => [rule, readByRule(traces, rule, audits)] as const);
  return { plan, rollouts, calls, readings: Object.fromEntries(readings) };
}

function describe(
  traces: readonly Trace[],
  seed: number,
  audited: ReadonlyMap<string, number>,
  truth: Truth,
): ReadTrace[] {
  return traces.map((trace) => ({
    group: `${seed}/${trace.groupId}`,
    seed,
    kinds: trace.steps.map(({ kind }) => kind),
    wrongAnswer: answeredWrong(trace),
    trueFirstError: truth(trace),
    audited: audited.has(trace.id),
  }));
}

/**
 * Gathers evidence by every plan, the reference first, and reads it by every rule of the plan. With `audits` above 0, so
 * many traces are audited, picked by the reference's evidence; rules that learn learn from them whatever the evidence.
 */
export async function measureSeed(
  world: World,
  plans: readonly EvidencePlan[],
  truth: Truth,
  audits: number,
): Promise<MeasuredSeed> {
  const evidence = new Map<string, ReadEvidence>();
  let reference: readonly Trace[] = [];
  let audited: Audit[] = [];
  await gatherEvidence(world, plans, (gathered) => {
    if (gathered.plan.name === REFERENCE.name) {
      reference = gathered.traces;
      audited = audits === 0 ? [] : auditTruly(reference, audits, world.seed, truth);
    }
    evidence.set(gathered.plan.name, readEvidence(gathered, audited));
  });
  const weights = new Map(audited.map(({ traceId, weight }) => [traceId, weight]));
  return {
    traces: describe(reference, world.seed, weights, truth),
    evidence,
    wrongAnswerRollouts: REFERENCE.rolloutsPerStep * distinctPrefixes(reference.filter(answeredWrong)),
    auditWeights: reference.map(({ id }) => weights.get(id) ?? null),
  };
}
