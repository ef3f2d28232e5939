import type { Prefix, Proposal, Sampled } from '@vlprm/core';
import { addCounts, addUsage, NO_USAGE, type Step, type Usage } from '@vlprm/core/records';
import { seedFrom, throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import { identityOf, readSolutions, type ReadRequest } from '../candidates/readings.ts';
import { proposeGroups } from '../candidates/proposals.ts';
import type { Reading, SearchContext, SearchLane, SearchNode, SearchResult, SearchStrategy } from './strategy.ts';

/** Steps after which a search ends without an answer when the policy declares no limit of its own. */
export const DEFAULT_MAX_STEPS = 40;

/** A lane under way: the steps taken so far and what they cost. */
interface Walk {
  readonly lane: SearchLane;
  steps: readonly Step[];
  scores: readonly number[];
  readonly nodes: SearchNode[];
  /** Node of the last step taken; null before the first. */
  tip: number | null;
  finalAnswer: string | null;
  policyTokens: number | null;
  prmForwards: number;
  prmTokens: number;
  failedCalls: number;
  state: 'open' | 'ended' | 'failed';
  error: Error | null;
}

/** One distinct continuation of a walk: several samples may have proposed it. */
interface Branch {
  readonly proposal: Proposal;
  samples: number;
}

/**
 * PRM-guided greedy search (the paper's guided greedy, arXiv 2509.23250): sample n next steps, take the one with the
 * largest P(right) given the steps before it (equal scores: the first sampled), until the policy ends. No backtracking.
 *
 * Its seed is derived, so that its candidates are not those that other strategies choose among.
 * All lanes advance together. A step costs one PRM call over all lanes and one policy call per distinct number of
 * candidates; equal candidate steps of one problem are scored once, also when several lanes propose them.
 */
export const guidedGreedy: SearchStrategy = {
  kind: 'search',
  id: 'guided-greedy',
  need: 'stepwise',
  benchmarkMaxN: 8,
  async search(lanes, context) {
    const walks = lanes.map(startWalk);
    const maxSteps = context.policy.capabilities.maxSteps ?? DEFAULT_MAX_STEPS;
    const problems = problemNumbers(lanes);
    let usage = NO_USAGE;
    let prmUsage = NO_USAGE;
    let prmForwards = 0;
    for (let depth = 0; depth < maxSteps; depth++) {
      const open = walks.filter((walk) => walk.state === 'open');
      if (open.length === 0) break;
      throwIfAborted(context.signal);
      const spent = await advance(open, problems, context);
      usage = addUsage(usage, spent.usage);
      prmUsage = addUsage(prmUsage, spent.prmUsage);
      prmForwards += spent.prmForwards;
      context.onEnded?.(open.filter((walk) => walk.state !== 'open').length);
    }
    const unfinished = walks.filter((walk) => walk.state === 'open').length;
    if (unfinished > 0) context.onEnded?.(unfinished);
    return { results: walks.map(resultOf), usage, prmUsage, prmForwards };
  },
};

function startWalk(lane: SearchLane): Walk {
  return {
    lane,
    steps: [],
    scores: [],
    nodes: [],
    tip: null,
    finalAnswer: null,
    policyTokens: 0,
    prmForwards: 0,
    prmTokens: 0,
    failedCalls: 0,
    state: 'open',
    error: null,
  };
}

/** Lanes of the same problem get the same number, so that their equal steps are scored once. */
function problemNumbers(lanes: readonly SearchLane[]): Map<SearchLane, number> {
  const numbers = new Map<object, number>();
  return new Map(
    lanes.map((lane) => {
      const number = numbers.get(lane.presented) ?? numbers.size;
      numbers.set(lane.presented, number);
      return [lane, number];
    }),
  );
}

/** Takes one step in every open walk. */
async function advance(
  walks: readonly Walk[],
  problems: ReadonlyMap<SearchLane, number>,
  { policy, prm, seed, signal }: SearchContext,
): Promise<{ usage: Usage; prmUsage: Usage; prmForwards: number }> {
  const prefixes = walks.map((walk): Prefix => ({ ...walk.lane.presented, steps: walk.steps }));
  const drawn = await proposeGroups(
    policy,
    prefixes,
    walks.map((walk) => walk.lane.n),
    { stop: 'step', seed: seedFrom(seed, 'guided-greedy') },
    signal,
  );
  const branches = walks.map((walk, index) => branchesOf(walk, drawn.proposals[index] ?? []));
  const requests = walks.flatMap((walk, index) =>
    (branches[index] ?? []).map((branch): ReadRequest => ({
      owner: problems.get(walk.lane) as number,
      presented: walk.lane.presented,
      steps: [...walk.steps, ...branch.proposal.steps],
    })),
  );
  const read = await readSolutions(prm, requests, signal);
  let offset = 0;
  walks.forEach((walk, index) => {
    const own = branches[index] ?? [];
    take(walk, own, read.readings.slice(offset, offset + own.length));
    offset += own.length;
  });
  return { usage: drawn.usage, prmUsage: read.usage, prmForwards: read.forwards };
}

/**
 * The distinct continuations among the samples of a walk, in order of sampling. Without any, the walk ends where it is,
 * without an answer, when the policy wrote what cannot be read; and fails when every call failed.
 */
function branchesOf(walk: Walk, samples: readonly Sampled<Proposal>[]): Branch[] {
  const branches = new Map<string, Branch>();
  let failure: Error | null = null;
  let unreadable = 0;
  for (const sample of samples) {
    if (!sample.ok) {
      walk.failedCalls++;
      failure = sample.error;
      continue;
    }
    const { steps, ended, finalAnswer, tokens } = sample.value;
    walk.policyTokens = addCounts(walk.policyTokens, tokens);
    if (steps.length === 0) {
      unreadable++;
      continue;
    }
    const key = JSON.stringify([identityOf(steps), ended, finalAnswer]);
    const branch = branches.get(key) ?? { proposal: sample.value, samples: 0 };
    branch.samples++;
    branches.set(key, branch);
  }
  if (branches.size === 0 && unreadable > 0) walk.state = 'ended';
  else if (branches.size === 0) fail(walk, failure ?? noProposals(walk));
  return [...branches.values()];
}

/** A branch that the PRM could read; `score` is P(right) of its newest step. */
interface ScoredBranch {
  readonly branch: Branch;
  readonly reading: Reading;
  readonly score: number;
}

/** Records the branches and moves the walk along the best of them. */
function take(walk: Walk, branches: readonly Branch[], readings: readonly Sampled<Reading>[]): void {
  const scored = branches.flatMap((branch, index): ScoredBranch[] => {
    const reading = readings[index] as Sampled<Reading>;
    return reading.ok ? [{ branch, reading: reading.value, score: reading.value.probabilities.at(-1) as number }] : [];
  });
  countReadings(walk, scored);
  const best = scored.reduce<ScoredBranch | null>(
    (top, next) => (top === null || next.score > top.score ? next : top),
    null,
  );
  const parent = walk.tip;
  for (const branch of branches) {
    const reading = scored.find((entry) => entry.branch === branch)?.reading ?? null;
    const leaf = pushNodes(walk, parent, branch, reading, branch === best?.branch);
    if (branch === best?.branch) walk.tip = leaf;
  }
  if (best !== null) commit(walk, best);
  else if (walk.state === 'open') fail(walk, firstError(readings));
}

/** Branches that differ only in how they end are one reading. */
function countReadings(walk: Walk, scored: readonly ScoredBranch[]): void {
  const distinct = new Map(scored.map((entry) => [identityOf(entry.branch.proposal.steps), entry.reading]));
  walk.prmForwards += distinct.size;
  for (const reading of distinct.values()) walk.prmTokens += reading.tokens;
}

/** Adds one node a step of the branch and returns the place of the last. */
function pushNodes(
  walk: Walk,
  parent: number | null,
  { proposal, samples }: Branch,
  reading: Reading | null,
  chosen: boolean,
): number | null {
  let tip = parent;
  proposal.steps.forEach((step, offset) => {
    const last = offset === proposal.steps.length - 1;
    walk.nodes.push({
      parent: tip,
      step,
      p: reading?.probabilities[walk.steps.length + offset] ?? null,
      samples,
      chosen,
      ended: last && proposal.ended,
      finalAnswer: last && proposal.ended ? proposal.finalAnswer : null,
    });
    tip = walk.nodes.length - 1;
  });
  return tip;
}

function commit(walk: Walk, { branch, reading }: ScoredBranch): void {
  walk.steps = [...walk.steps, ...branch.proposal.steps];
  walk.scores = [...reading.probabilities];
  if (!branch.proposal.ended) return;
  walk.state = 'ended';
  walk.finalAnswer = branch.proposal.finalAnswer;
}

function fail(walk: Walk, error: Error): void {
  walk.state = 'failed';
  walk.error = error;
}

function firstError(readings: readonly Sampled<Reading>[]): Error {
  for (const reading of readings) if (!reading.ok) return reading.error;
  return new VlprmError('ERR_INTERNAL', 'a step has branches and no reading of any');
}

function noProposals(walk: Walk): VlprmError {
  return new VlprmError('ERR_MODEL_FAILED', 'the policy proposed no step', {
    where: `problem ${walk.lane.presented.problem.id}, step ${walk.steps.length + 1}`,
  });
}

function resultOf(walk: Walk): Sampled<SearchResult> {
  if (walk.error !== null) return { ok: false, error: walk.error };
  const { steps, finalAnswer, nodes, policyTokens, prmForwards, prmTokens, failedCalls } = walk;
  return {
    ok: true,
    value: {
      steps,
      stepScores: Float32Array.from(walk.scores),
      finalAnswer,
      nodes,
      policyTokens,
      prmForwards,
      prmTokens,
      failedCalls,
    },
  };
}
