import type { Usage } from '@vlprm/core/records';

/** Characters of a token in prose and mathematics in English: the vocabularies of current models take 3 to 5. */
export const BYTES_PER_TOKEN = 4;

/**
 * The traces and reviews that come with the code of VL-PRM300K (arXiv 2509.23250) have 124 characters a step with its tags,
 * 154 a step of a review, and 50 beside the steps; a token is 4 of them. What a reasoning model writes unseen is not in it.
 */
export const ASSUMED_TOKENS = { step: 31, reviewedStep: 39, answer: 13 } as const;

/** Tokens of the calls of one run. */
export interface TokenCosts {
  /** A problem's prompt with its images, by call of the policy and of a judge without the solution; null: as estimated. */
  readonly policyPrompt: number | null;
  /** A judge's prompt as a whole, and its answer; null: as estimated. */
  readonly judgePrompt: number | null;
  readonly judgeAnswer: number | null;
  /** A step of a solution, as it is written and as it stands in a prompt. */
  readonly step: number;
  readonly measured: boolean;
}

export const assumedCosts: TokenCosts = {
  policyPrompt: null,
  judgePrompt: null,
  judgeAnswer: null,
  step: ASSUMED_TOKENS.step,
  measured: false,
};

const perCall = (tokens: number | null | undefined, calls: number | undefined): number | null =>
  tokens === null || tokens === undefined || tokens === 0 || calls === undefined || calls === 0 ? null : tokens / calls;

/**
 * Tokens as the services of a run have counted them.
 * @param byStage usage of the run's ledger
 * @param stepsSampled steps of all sampled solutions, @param solutions their number
 */
export function measuredCosts(
  byStage: Readonly<Record<string, Usage>>,
  { solutions, stepsPerSolution }: { readonly solutions: number; readonly stepsPerSolution: number },
): TokenCosts {
  const { sample, judge } = byStage;
  const solution = perCall(sample?.completionTokens, solutions);
  const step = solution === null ? null : Math.max(1, (solution - ASSUMED_TOKENS.answer) / stepsPerSolution);
  return {
    policyPrompt: perCall(sample?.promptTokens, sample?.calls),
    judgePrompt: perCall(judge?.promptTokens, judge?.calls),
    judgeAnswer: perCall(judge?.completionTokens, judge?.calls),
    step: step ?? ASSUMED_TOKENS.step,
    measured: solution !== null,
  };
}
