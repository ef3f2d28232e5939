import type { LabelOrigin, StepLabel, Trace } from '@vlprm/core/records';
import type { JudgeReading, JudgeVote, NoVerdict } from './judge-reading.ts';
import type { McReading } from './monte-carlo.ts';

/** Why a rule kept or dropped a trace. */
export type ConsensusReason =
  | 'no-mc-evidence'
  | 'incomplete-mc-evidence'
  | NoVerdict
  | 'mc-no-error'
  | 'mc-found-error'
  | 'judge-no-error'
  | 'judge-found-error'
  | 'both-no-error'
  | 'both-found-error'
  | 'judge-correct-mc-agrees'
  | 'judge-correct-mc-disagrees'
  | 'judge-incorrect'
  | 'all-no-error'
  | 'all-found-error'
  | 'judges-disagree'
  | 'judges-and-mc-disagree'
  | 'no-evidence'
  | 'posterior-no-error'
  | 'posterior-found-error';

/** Everything that a rule may look at. The reference answer's outcome is in the rollouts already. */
export interface Evidence {
  readonly mc: McReading | null;
  /** What most of the votes say, or why they say nothing. */
  readonly judge: JudgeReading | NoVerdict;
  /** Every whole reading on its own. */
  readonly votes: readonly JudgeVote[];
}

/** Label of one step as a rule gives it. */
export interface StepDecision {
  readonly label: StepLabel;
  /** Probability that the step is right, where rollouts took part in the label. */
  readonly soft: number | null;
  readonly origin: LabelOrigin;
}

/** A rule's decision on one trace. What `step` says after `firstError` is not used. */
export type Decision =
  | { readonly kept: false; readonly reason: ConsensusReason }
  | {
      readonly kept: true;
      readonly reason: ConsensusReason;
      readonly firstError: number | null;
      /** Expected share of steps that the labels call rightly, where the rule has one. */
      readonly confidence?: number;
      readonly step: (index: number) => StepDecision;
    };

export type ConsensusRule = (evidence: Evidence) => Decision;

export function dropped(reason: ConsensusReason): Decision {
  return { kept: false, reason };
}

/**
 * The trace under a decision, with first-error semantics: steps after the first error carry no label,
 * and a dropped trace carries none at all. Evidence is untouched.
 */
export function applyDecision(trace: Trace, rule: string, decision: Decision): Trace {
  const { kept, reason } = decision;
  const { firstError, confidence } = decision.kept ? decision : { firstError: null };
  return {
    ...trace,
    firstError,
    consensus: { rule, semantics: 'first-error', kept, reason, ...(confidence !== undefined && { confidence }) },
    steps: trace.steps.map((step, index) => {
      const supervised = decision.kept && (firstError === null || index <= firstError);
      const { label, soft, origin } = supervised ? decision.step(index) : { label: null, soft: null, origin: null };
      return label === null ? { ...step, label: null, soft: null, origin: null } : { ...step, label, soft, origin };
    }),
  };
}
