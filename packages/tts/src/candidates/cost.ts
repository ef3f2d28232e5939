import { addCounts } from '@vlprm/core/records';
import type { Candidate, Need } from '../strategies/strategy.ts';

/** What a strategy has spent on one problem, as if it had run alone. */
export interface Cost {
  /** Null where nobody counts them. */
  readonly policyTokens: number | null;
  /** Solutions that the PRM read; equal ones are read once. */
  readonly prmForwards: number;
  readonly prmTokens: number;
}

export const NO_COST: Cost = { policyTokens: 0, prmForwards: 0, prmTokens: 0 };

export function addCost(a: Cost, b: Cost): Cost {
  return {
    policyTokens: addCounts(a.policyTokens, b.policyTokens),
    prmForwards: a.prmForwards + b.prmForwards,
    prmTokens: a.prmTokens + b.prmTokens,
  };
}

/** Cost of choosing among these candidates of one problem. */
export function selectionCost(candidates: readonly Candidate[], need: Need, spendsOne = false): Cost {
  const written = candidates.reduce<number | null>((sum, { tokens }) => addCounts(sum, tokens), 0);
  const policyTokens = spendsOne && written !== null ? written / Math.max(1, candidates.length) : written;
  if (need === 'nothing') return { ...NO_COST, policyTokens };
  const distinct = new Map(candidates.map((candidate) => [candidate.identity, candidate[need]]));
  const read = [...distinct.values()].flatMap((reading) => (reading?.ok === true ? [reading.value.tokens] : []));
  return { policyTokens, prmForwards: read.length, prmTokens: read.reduce((sum, tokens) => sum + tokens, 0) };
}
