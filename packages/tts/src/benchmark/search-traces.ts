import { NO_USAGE, SEARCH_TRACE_SCHEMA, type SearchTrace, type SearchTraceNode, type Usage } from '@vlprm/core/records';
import { treeOf } from '../solver/tree.ts';
import type { BenchmarkedProblem } from './benchmark.ts';
import type { JudgedCandidate, ProblemResult } from './outcomes.ts';

/** Which result of a benchmark to record, and the models behind it. */
export interface SearchTraceOptions {
  readonly strategy: string;
  readonly n: number;
  readonly seed: number;
  readonly policy: string;
  /** Null for a strategy that needs none. */
  readonly prm: string | null;
}

/** Calls and prices of shared samples belong to no strategy alone. */
function tokensAlone(tokens: number | null): Usage {
  return { calls: 0, promptTokens: null, completionTokens: tokens === null ? null : Math.round(tokens), usd: null };
}

function nodesOf({ samples }: BenchmarkedProblem, { chosen, walked, n }: ProblemResult): SearchTraceNode[] | null {
  if (walked !== null) return [...walked.nodes];
  const returned: JudgedCandidate[] = samples.slice(0, n).flatMap((sample) => (sample.ok ? [sample.value] : []));
  const picked = returned.find(({ sample }) => sample === chosen);
  return picked === undefined ? null : treeOf(returned, picked);
}

/**
 * What a strategy saw of every problem of a benchmark and what it chose, as `vlprm.search/1` records in the order of the
 * problems. Problems of which it could conclude nothing are left out. A bound chooses nothing and has no records.
 */
export function searchTraces(problems: readonly BenchmarkedProblem[], options: SearchTraceOptions): SearchTrace[] {
  const { strategy, n, seed, policy, prm } = options;
  return problems.flatMap((own): SearchTrace[] => {
    const result = own.results.find((one) => one.strategy === strategy && one.n === n);
    const nodes = result === undefined ? null : nodesOf(own, result);
    if (result === undefined || nodes === null) return [];
    const { policyTokens, prmForwards, prmTokens } = result.cost;
    return [
      {
        schema: SEARCH_TRACE_SCHEMA,
        problemId: own.problem.id,
        groupId: own.groupId,
        question: own.problem.question,
        strategy,
        n,
        seed,
        policy,
        prm,
        nodes,
        answer: result.answer,
        score: result.score,
        failedSamples: result.failedSamples,
        usage: {
          policy: tokensAlone(policyTokens),
          prm: prm === null ? NO_USAGE : tokensAlone(0),
          prmForwards,
          prmTokens,
        },
      },
    ];
  });
}
