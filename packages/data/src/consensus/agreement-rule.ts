import { dropped, type ConsensusRule } from './rule.ts';

/**
 * Kept only where nobody disagrees: every whole reading and the rollouts have the same verdict on the trace and, when it
 * is wrong, the same first error. The first version of the data behind VL-PRM300K was labelled so
 * (https://arxiv.org/abs/2509.23250).
 *
 * The rollouts must have a verdict on every step up to the error, or on all of them: where one has none they do not say
 * which step is the first.
 */
export const agreementRule: ConsensusRule = ({ mc, judge, votes }) => {
  if (votes.some(({ firstError }) => firstError !== votes[0]?.firstError)) return dropped('judges-disagree');
  if (typeof judge === 'string') return dropped(judge);
  if (mc === null) return dropped('no-mc-evidence');
  if (mc.verdicts.slice(0, mc.firstError ?? undefined).includes(null)) return dropped('incomplete-mc-evidence');
  if (mc.firstError !== judge.firstError) return dropped('judges-and-mc-disagree');
  return {
    kept: true,
    reason: mc.firstError === null ? 'all-no-error' : 'all-found-error',
    firstError: mc.firstError,
    step: (index) => ({
      label: judge.verdicts[index] ?? null,
      soft: mc.posterior[index] ?? null,
      origin: 'consensus',
    }),
  };
};
