import type { Judge, Policy } from '@vlprm/core/models';
import type { Trace } from '@vlprm/core/records';
import { createMemoryLedger, seedFrom, type Ledger } from '@vlprm/core/runtime';
import { createAnswerChecker } from '@vlprm/core/text';
import type { LoadedProblem } from '@vlprm/data/problems';
import { collectTraces, synthesize } from '@vlprm/data/synthesis';
import type { EvidencePlan } from './settings.ts';

/** Problems with what samples, continues and reviews their solutions. */
export interface World {
  readonly problems: readonly LoadedProblem[];
  readonly policy: Policy;
  readonly judge: Judge;
  readonly tracesPerProblem: number;
  readonly seed: number;
}

export interface Evidence {
  readonly plan: EvidencePlan;
  /** The same traces for every plan, in the same order, with the evidence of this one. */
  readonly traces: readonly Trace[];
  /** Continuations asked for, and calls that asked for them. */
  readonly rollouts: number;
  readonly calls: number;
}

/** The policy, whose continuations, but not its whole solutions, are drawn anew for each stream. */
function drawing(policy: Policy, stream: EvidencePlan['stream']): Policy {
  return {
    name: policy.name,
    capabilities: policy.capabilities,
    propose: (prefixes, options, signal) => {
      const seed = prefixes.every(({ steps }) => steps.length === 0) ? options.seed : seedFrom(options.seed, stream);
      return policy.propose(prefixes, { ...options, seed }, signal);
    },
  };
}

/** Gathers evidence by every plan. Solutions and reviews are drawn once for each stream, and are the same for both. */
export async function gatherEvidence(
  { problems, policy, judge, tracesPerProblem, seed }: World,
  plans: readonly EvidencePlan[],
  onEvidence: (evidence: Evidence) => void,
): Promise<void> {
  const ledgers: Record<EvidencePlan['stream'], Ledger> = { a: createMemoryLedger(), b: createMemoryLedger() };
  for (const plan of plans) {
    const { estimator, rolloutsPerStep, rolloutsPerProblem, threshold, stream } = plan;
    const result = await synthesize({
      problems,
      policy: drawing(policy, stream),
      judges: [judge],
      checker: createAnswerChecker(),
      ledger: ledgers[stream],
      options: { estimator, rolloutsPerStep, rolloutsPerProblem, tracesPerProblem, seed },
      rule: 'mc',
      threshold,
    });
    if (result.exhausted !== null) throw result.exhausted;
    const traces = await collectTraces(result);
    const { rollouts, usage } = result.summary;
    onEvidence({ plan, traces, rollouts: rollouts.total, calls: usage.estimate.calls });
  }
}
