import type { Step, Trace } from '@vlprm/core/records';
import { createRandom, seedFrom } from '@vlprm/core/runtime';

/** A solution as a forecast knows it. */
export interface SolutionOutline {
  readonly steps: readonly Step[];
  /** Probability in (0, 1) that a continuation after each step comes to the right answer, [steps]. */
  readonly values: readonly number[];
  readonly right: boolean;
}

/** The solutions of one problem; steps that they share are one prefix. */
export type ProblemOutline = readonly SolutionOutline[];

/** What the solutions of problems are like. */
export interface Population {
  /** By problem: the problem's own solutions where they were measured, anybody's where they are assumed. */
  readonly outlines: ReadonlyMap<string, ProblemOutline>;
  readonly measured: boolean;
}

export interface PopulationSummary {
  readonly measured: boolean;
  readonly problems: number;
  readonly solutions: number;
  readonly stepsPerSolution: number;
  /** Share of the solutions that have the right answer. */
  readonly right: number;
}

/** The population at a glance. */
export function summarizePopulation({ outlines, measured }: Population): PopulationSummary {
  const solutions = [...outlines.values()].flat();
  const mean = (of: (solution: SolutionOutline) => number): number =>
    solutions.reduce((sum, solution) => sum + of(solution), 0) / Math.max(1, solutions.length);
  return {
    measured,
    problems: outlines.size,
    solutions: solutions.length,
    stepsPerSolution: mean(({ steps }) => steps.length),
    right: mean(({ right }) => (right ? 1 : 0)),
  };
}

/** Posterior mean of a success rate under Jeffreys' prior, as in soft labels. */
const posteriorMean = (correct: number, completed: number): number => (correct + 0.5) / (completed + 1);

/** Values of every step; a step without rollouts has the value of the one before it, the first that of the answer. */
function measuredValues({ steps, outcome }: Trace): number[] {
  let value = posteriorMean(outcome === 'correct' ? 1 : 0, 1);
  return steps.map(({ mc }) => {
    const completed = mc === null ? 0 : mc.correct + mc.incorrect + mc.unparsable;
    if (mc !== null && completed > 0) value = posteriorMean(mc.correct, completed);
    return value;
  });
}

/** The population of traces with rollouts, of at most `limit` problems. Null when there is no trace. */
export async function measuredPopulation(
  traces: Iterable<Trace> | AsyncIterable<Trace>,
  limit: number,
): Promise<Population | null> {
  const outlines = new Map<string, SolutionOutline[]>();
  for await (const trace of traces) {
    if (!outlines.has(trace.problemId) && outlines.size === limit) continue;
    const solutions = outlines.get(trace.problemId) ?? [];
    const steps = trace.steps.map(({ kind, text }) => ({ kind, text }));
    solutions.push({ steps, values: measuredValues(trace), right: trace.outcome === 'correct' });
    outlines.set(trace.problemId, solutions);
  }
  return outlines.size === 0 ? null : { outlines, measured: true };
}

/**
 * What is assumed of solutions that nobody has seen: as the 21 traces are that come with the code of VL-PRM300K
 * (arXiv 2509.23250): 7 to 12 steps, 9 on average; of 16 rollouts all came out right after every step of 15 traces, and none
 * after the steps of the other 6.
 */
export const ASSUMED = { steps: 9, rightShare: 15 / 21, rolloutsPerStep: 16 } as const;
const ASSUMED_PROBLEMS = 100;

/** A population of such problems, the same for the same seed. Its solutions share no step. */
export function assumedPopulation(tracesPerProblem: number, seed: number): Population {
  const { steps: count, rightShare, rolloutsPerStep } = ASSUMED;
  const outlines = Array.from({ length: ASSUMED_PROBLEMS }, (_, problem): [string, ProblemOutline] => {
    const random = createRandom(seedFrom(seed, 'forecast', problem));
    const solution = (sample: number): SolutionOutline => {
      const right = random.uniform() < rightShare;
      const value = posteriorMean(right ? rolloutsPerStep : 0, rolloutsPerStep);
      const steps = Array.from({ length: count }, (_, i): Step => ({ kind: 'reasoning', text: `${sample}.${i}` }));
      return { steps, values: steps.map(() => value), right };
    };
    return [`assumed-${problem}`, Array.from({ length: tracesPerProblem }, (_, sample) => solution(sample))];
  });
  return { outlines: new Map(outlines), measured: false };
}
