import type { JudgeReading } from './judge-reading.ts';
import type { McReading } from './monte-carlo.ts';
import { dropped, type ConsensusRule, type StepDecision } from './rule.ts';

function earliest(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

function labelStep(mc: McReading, judge: JudgeReading, index: number): StepDecision {
  const soft = mc.posterior[index] ?? null;
  if (judge.firstError === index) return { label: -1, soft: null, origin: 'judge' };
  if (mc.firstError === index) return { label: -1, soft, origin: 'mc' };
  return { label: judge.verdicts[index] ?? null, soft, origin: 'consensus' };
}

/**
 * A step is wrong when either the judge or the rollouts say so; the earlier of the two errors counts.
 * Both must have been asked: without a judge's review or a completed rollout nothing is said of the steps that one of them passes.
 */
export const unionRule: ConsensusRule = ({ mc, judge }) => {
  if (typeof judge === 'string') return dropped(judge);
  if (mc === null) return dropped('no-mc-evidence');
  const firstError = earliest(mc.firstError, judge.firstError);
  const found = [mc.firstError, judge.firstError].filter((index) => index !== null).length;
  return {
    kept: true,
    reason:
      found === 0
        ? 'both-no-error'
        : found === 2
          ? 'both-found-error'
          : judge.firstError === null
            ? 'mc-found-error'
            : 'judge-found-error',
    firstError,
    step: (index) => labelStep(mc, judge, index),
  };
};
