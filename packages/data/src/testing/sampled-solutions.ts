import type { Policy } from '@vlprm/core/models';
import type { Step } from '@vlprm/core/records';
import { createScriptedPolicy, type PolicyScript, type ScriptedPolicy } from '@vlprm/core/testing';
import { createAnswerChecker } from '@vlprm/core/text';
import { estimateProblem, type Estimate, type EstimationSettings } from '../synthesis/estimation.ts';
import type { Estimator } from '../synthesis/estimators/estimator.ts';
import type { SampledProblem } from '../synthesis/sampling.ts';
import { countingProblem } from './counting-world.ts';

export const steps = (...texts: readonly string[]): Step[] => texts.map((text) => ({ kind: null, text }));

/** A problem whose right answer is 7, with solutions of given steps and answers. */
export function solvedProblem(
  solutions: readonly { readonly steps: readonly Step[]; readonly answer: string | null }[],
) {
  const samples = solutions.map(({ steps: own, answer }) => ({
    ok: true as const,
    steps: [...own],
    finalAnswer: answer,
    tokens: null,
  }));
  return { loaded: countingProblem(7), samples } satisfies SampledProblem;
}

/**
 * Goes on to `length` steps in new words, and answers right unless the prefix has a step that begins with "slip".
 */
export function slipPolicy(length: number): ScriptedPolicy {
  const script: PolicyScript = ({ steps: done }, _, random) => ({
    steps: Array.from({ length: length - done.length }, (_unused, i) => ({
      kind: null,
      text: `step ${done.length + i} ${random.uint32()}`,
    })),
    finalAnswer: done.some(({ text }) => text.startsWith('slip')) ? '8' : '7',
  });
  return createScriptedPolicy({ script });
}

/** What an estimator makes of a sampled problem, without temperature. */
export async function estimate(
  sampled: SampledProblem,
  estimator: Estimator,
  policy: Policy,
  settings: Partial<Pick<EstimationSettings, 'seed' | 'rolloutsPerProblem'>> = {},
): Promise<Estimate> {
  const { value } = await estimateProblem(sampled, {
    estimator,
    policy,
    checker: createAnswerChecker(),
    temperature: null,
    seed: 3,
    rolloutsPerProblem: null,
    ...settings,
  });
  return value;
}
