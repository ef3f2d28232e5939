import { dropped, type ConsensusRule } from './rule.ts';

/**
 * Monte-Carlo labels (Math-Shepherd, https://arxiv.org/abs/2312.08935): the first step whose success rate is at or
 * below the threshold is the error. `mc0` has threshold 0, `mc50` 0.5.
 *
 * A step without a completed rollout gets no label. A trace without an error whose last step has none is dropped:
 * nothing shows that its end is right.
 */
export const thresholdRule: ConsensusRule = ({ mc }) => {
  if (mc === null) return dropped('no-mc-evidence');
  if (mc.firstError === null && mc.verdicts.at(-1) === null) return dropped('incomplete-mc-evidence');
  return {
    kept: true,
    reason: mc.firstError === null ? 'mc-no-error' : 'mc-found-error',
    firstError: mc.firstError,
    step: (index) => ({
      label: mc.verdicts[index] ?? null,
      soft: mc.posterior[index] ?? null,
      origin: 'mc',
    }),
  };
};
