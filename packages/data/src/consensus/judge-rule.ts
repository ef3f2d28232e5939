import { dropped, type ConsensusRule } from './rule.ts';

/** The judge's verdicts alone. A trace without a whole review is dropped. */
export const judgeRule: ConsensusRule = ({ judge }) => {
  if (typeof judge === 'string') return dropped(judge);
  return {
    kept: true,
    reason: judge.firstError === null ? 'judge-no-error' : 'judge-found-error',
    firstError: judge.firstError,
    step: (index) => ({ label: judge.verdicts[index] ?? null, soft: null, origin: 'judge' }),
  };
};
