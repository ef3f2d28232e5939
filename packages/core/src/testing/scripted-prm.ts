import type { ProcessRewardModel, Solution, StepScores } from '../models/ports.ts';
import type { Step } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import { countWords, receiveCall } from './faults.ts';
import type { Faults } from './faults.ts';

/** Says how likely a step is to be right, in [0, 1]. */
export type PrmScript = (step: Step, index: number, solution: Solution) => number;

export interface ScriptedPrmOptions extends Faults {
  readonly name?: string;
  readonly threshold?: number;
  readonly script: PrmScript;
}

/** A PRM that follows a script and remembers its calls, failed ones included. */
export interface ScriptedPrm extends ProcessRewardModel {
  /** The solutions of each call. */
  readonly calls: readonly (readonly Solution[])[];
}

function scoreOne(solution: Solution, script: PrmScript): StepScores {
  if (solution.steps.length === 0) throw new VlprmError('ERR_TRACE_EMPTY', 'a solution without steps cannot be scored');
  const probabilities = Float32Array.from(solution.steps, (step, index) => script(step, index, solution));
  return {
    logits: probabilities.map((p) => Math.log(p) - Math.log1p(-p)),
    probabilities,
    tokens: countWords(solution.steps.map(({ text }) => text)),
  };
}

/** Counts one forward a solution. ERR_TRACE_EMPTY for a solution without steps, as a trained PRM. */
export function createScriptedPrm(options: ScriptedPrmOptions): ScriptedPrm {
  const { script, name = 'scripted-prm', threshold = 0.5 } = options;
  const calls: (readonly Solution[])[] = [];
  return {
    name,
    threshold,
    calls,
    capabilities: { images: true, maxSteps: null },
    scoreSteps: async (solutions, signal) => {
      await receiveCall(calls, solutions, options, signal);
      const scores = solutions.map((solution) => scoreOne(solution, script));
      const promptTokens = scores.reduce((total, { tokens }) => total + tokens, 0);
      const usage = { calls: solutions.length, promptTokens, completionTokens: 0, usd: 0 };
      return { scores, forwards: solutions.length, usage };
    },
  };
}
