import type { Policy, Prefix, PresentedProblem, ProcessRewardModel, Proposal, Sampled } from '@vlprm/core';
import { NO_USAGE, type Usage } from '@vlprm/core/records';
import { canonicalAnswer, formatSteps } from '@vlprm/core/text';
import type { Candidate, Need, Reading } from '../strategies/strategy.ts';
import { proposeGroups } from './proposals.ts';
import { identityOf, readSolutions, type ReadRequest } from './readings.ts';

export interface DrawOptions {
  readonly policy: Policy;
  /** Null when nothing has to be scored. */
  readonly prm: ProcessRewardModel | null;
  /** Samples per problem. */
  readonly n: number;
  /** What to read of every candidate. */
  readonly needs: ReadonlySet<Need>;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Samples per problem in order of sampling, and what the two calls spent. */
export interface Drawn {
  readonly samples: Sampled<Candidate>[][];
  readonly policyUsage: Usage;
  readonly prmUsage: Usage;
  /** Forward passes that the PRM says it made. */
  readonly prmForwards: number;
}

/**
 * Samples n whole solutions of every problem with one call of the policy and reads all of them with one call of the
 * PRM: step-wise and whole-solution requests go together, so that a PRM can serve both from one forward pass.
 */
export async function drawCandidates(problems: readonly PresentedProblem[], options: DrawOptions): Promise<Drawn> {
  const { policy, n, seed, signal } = options;
  const prefixes = problems.map((problem): Prefix => ({ ...problem, steps: [] }));
  const drawn = await proposeGroups(
    policy,
    prefixes,
    prefixes.map(() => n),
    { stop: 'end', seed },
    signal,
  );
  const reads = await readProposals(problems, drawn.proposals, options);
  const samples = drawn.proposals.map((proposals, owner) => {
    const { options: answers } = (problems[owner] as PresentedProblem).problem;
    return proposals.map((proposal, sample): Sampled<Candidate> => {
      if (!proposal.ok) return proposal;
      const { steps, finalAnswer, tokens } = proposal.value;
      return {
        ok: true,
        value: {
          sample,
          steps,
          finalAnswer,
          answerClass: canonicalAnswer(finalAnswer, answers),
          tokens,
          identity: identityOf(steps),
          stepwise: reads.take('stepwise', owner, sample),
          whole: reads.take('whole', owner, sample),
        },
      };
    });
  });
  return { samples, policyUsage: drawn.usage, prmUsage: reads.usage, prmForwards: reads.forwards };
}

/** Readings by need, problem and sample. */
interface Reads {
  take(need: 'stepwise' | 'whole', owner: number, sample: number): Sampled<Reading> | null;
  readonly usage: Usage;
  readonly forwards: number;
}

async function readProposals(
  problems: readonly PresentedProblem[],
  proposals: readonly (readonly Sampled<Proposal>[])[],
  { prm, needs, signal }: DrawOptions,
): Promise<Reads> {
  const asked = (['stepwise', 'whole'] as const).filter((need) => needs.has(need));
  if (prm === null || asked.length === 0) return { take: () => null, usage: NO_USAGE, forwards: 0 };
  const placeOf = new Map<string, number>();
  const requests: ReadRequest[] = [];
  proposals.forEach((samples, owner) => {
    samples.forEach((proposal, sample) => {
      if (!proposal.ok || proposal.value.steps.length === 0) return;
      for (const need of asked) {
        placeOf.set(`${need} ${owner} ${sample}`, requests.length);
        requests.push(readRequest(need, owner, problems[owner] as PresentedProblem, proposal.value));
      }
    });
  });
  const { readings, usage, forwards } = await readSolutions(prm, requests, signal);
  return {
    take: (need, owner, sample) => readings[placeOf.get(`${need} ${owner} ${sample}`) ?? -1] ?? null,
    usage,
    forwards,
  };
}

/** A whole solution is read as one step without a kind, its text in the grammar of solutions. */
function readRequest(
  need: 'stepwise' | 'whole',
  owner: number,
  presented: PresentedProblem,
  { steps }: Proposal,
): ReadRequest {
  return { owner, presented, steps: need === 'stepwise' ? steps : [{ kind: null, text: formatSteps(steps) }] };
}
