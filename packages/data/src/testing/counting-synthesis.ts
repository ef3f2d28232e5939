import type { Trace } from '@vlprm/core/records';
import { createMemoryLedger } from '@vlprm/core/runtime';
import { createAnswerChecker } from '@vlprm/core/text';
import { collectTraces, synthesize, type SynthesisRequest, type SynthesisResult } from '../synthesis/synthesize.ts';
import { countingJudge, countingPolicy, countingProblems } from './counting-world.ts';

/** Nothing is too much to set aside: the counting world fails often. */
export const countingOptions = { tracesPerProblem: 3, rolloutsPerStep: 8, seed: 11, maxRejectRate: 1 };

/** A synthesis of ten counting problems into a ledger of its own. */
export function countingRequest(fields: Partial<SynthesisRequest> = {}): SynthesisRequest {
  return {
    problems: countingProblems(10),
    policy: countingPolicy(),
    judges: [countingJudge()],
    checker: createAnswerChecker(),
    ledger: createMemoryLedger(),
    options: countingOptions,
    ...fields,
  };
}

export type Whole = SynthesisResult & { readonly traces: Trace[] };

export async function synthesizeAll(request: SynthesisRequest): Promise<Whole> {
  const result = await synthesize(request);
  return { ...result, traces: await collectTraces(result) };
}
