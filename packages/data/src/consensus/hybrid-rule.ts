import { dropped, type ConsensusRule } from './rule.ts';

/**
 * The hybrid rule of VL-PRM300K, as its data was made (second version): the judge locates errors, and Monte-Carlo
 * evidence vetoes traces that the judge passes.
 *
 * - judge incorrect: kept, labelled by the judge's first error, rollouts ignored;
 * - judge correct, no step with success rate <= tau: kept, all steps right;
 * - judge correct, some step with success rate <= tau: dropped;
 * - no whole review, or passed by the judge without a completed rollout that could veto: dropped.
 *
 * Source: the paper's label statistics and conversion scripts, https://arxiv.org/abs/2509.23250.
 */
export const hybridRule: ConsensusRule = ({ mc, judge }) => {
  if (typeof judge === 'string') return dropped(judge);
  if (judge.firstError !== null) {
    return {
      kept: true,
      reason: 'judge-incorrect',
      firstError: judge.firstError,
      step: (index) => ({ label: judge.verdicts[index] ?? null, soft: null, origin: 'judge' }),
    };
  }
  if (mc === null) return dropped('no-mc-evidence');
  if (mc.firstError !== null) return dropped('judge-correct-mc-disagrees');
  return {
    kept: true,
    reason: 'judge-correct-mc-agrees',
    firstError: null,
    step: (index) => ({
      label: judge.verdicts[index] ?? null,
      soft: mc.posterior[index] ?? null,
      origin: 'judge',
    }),
  };
};
