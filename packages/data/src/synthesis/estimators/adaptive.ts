import type { EstimationTask, Estimator, RolloutRequest, SampledSolution } from './estimator.ts';
import { sequentialTest, type Decision, type SuccessPrior } from './sequential-test.ts';
import { completed, sumCounts, type StepNode, type StepTree } from './step-tree.ts';

export interface AdaptiveOptions {
  /** K: rollouts from a prefix that a label rests on at most. */
  readonly rollouts: number;
  /** τ: success rate at or below which the label rule calls a step wrong. */
  readonly threshold: number;
  /** Largest probability that K rollouts would label a step otherwise. Default 0.005. */
  readonly risk?: number;
  readonly prior?: SuccessPrior;
  /** Rollouts of the first request from a prefix; each further one doubles. Default 2. */
  readonly chunk?: number;
}

/** Many prefixes always or never lead to the right answer, the others do anyhow. */
const PRIOR: SuccessPrior = { dead: 0.2, certain: 0.2, alpha: 1, beta: 1 };

/** What was asked for here or came through. A solution's own outcome is left out: one draw would speak for all its steps. */
const draws = ({ asked, passed }: StepNode) => sumCounts(asked, passed);

const spentAt = ({ asked }: StepNode): number => completed(asked) + asked.failed;

/**
 * Rollouts until the label of each step is known: a sequential test per prefix ({@link sequentialTest}) of what K rollouts
 * would say, down each solution from its first step to the first one that is wrong, because label rules read no further.
 * A rollout also counts for the prefixes further down that it passes through. With τ = 0 one success settles a step.
 * Risk, prior and chunk were chosen on development seeds, by agreement with exhaustive runs.
 * Costs at most what `exhaustive` does, in rounds: one for each request along the longest solution.
 */
export function adaptiveEstimator(options: AdaptiveOptions): Estimator {
  const { rollouts, threshold, risk = 0.005, prior = PRIOR, chunk = 2 } = options;
  const decide = sequentialTest({ rollouts, threshold, risk, prior });

  const decisionAt = (node: StepNode): Decision => {
    const counts = draws(node);
    return counts === null ? 'open' : decide(counts.correct, completed(counts));
  };

  /** The first prefix of a solution that is to be continued; null once a step was found wrong, or all were decided. */
  const frontier = ({ steps }: SampledSolution, tree: StepTree): StepNode | null => {
    let node = tree.root;
    for (const step of steps) {
      node = node.grow(step);
      const decision = decisionAt(node);
      if (decision === 'wrong') return null;
      if (decision === 'open' && spentAt(node) < rollouts) return node;
    }
    return null;
  };

  const request = (node: StepNode): RolloutRequest => {
    const undecided = rollouts - completed(draws(node) ?? node.asked);
    return { node, n: Math.min(chunk * 2 ** node.requests, undecided, rollouts - spentAt(node)) };
  };

  return {
    name: 'adaptive',
    settings: { rollouts, threshold, risk, prior, chunk },
    *estimate({ solutions, tree }: EstimationTask) {
      for (;;) {
        const nodes = new Set(solutions.flatMap((solution) => frontier(solution, tree) ?? []));
        if (nodes.size === 0) return;
        yield [...nodes].map(request);
      }
    },
    evidence: draws,
  };
}
