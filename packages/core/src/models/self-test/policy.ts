import type { Policy, Prefix, PresentedProblem, Proposal, ProposeOptions, Sampled } from '../ports.ts';
import { failedFinding, finding, latency, leftOut, timed, type SelfTestFinding } from './finding.ts';

const SEED = 7;
const END: ProposeOptions = { n: 1, stop: 'end', seed: SEED };

/**
 * Samples solutions of a few problems with their own pictures and with each other's, step by step, and from a prefix: the
 * answers are readable, the picture matters (unless the policy declares that it sees none), `stop`, `n` and the seed are
 * honoured, a solution that was begun is continued, and how long it takes.
 * Takes at least two problems. What fails is a finding; only an abort is thrown.
 */
export async function selfTestPolicy(
  policy: Policy,
  problems: readonly PresentedProblem[],
  signal?: AbortSignal,
): Promise<SelfTestFinding[]> {
  const prefixes = problems.map((problem): Prefix => ({ ...problem, steps: [] }));
  const sample = async (from: readonly Prefix[], options: ProposeOptions): Promise<Proposal[][]> =>
    (await policy.propose(from, options, signal)).proposals.map((row) => row.map(valueOf));
  try {
    const { result: whole, elapsedMs } = await timed(() => sample(prefixes, END));
    const solutions = whole.map(([solution]) => solution!);
    const swapped = prefixes.map((prefix, index) => ({
      ...prefix,
      images: prefixes[(index + 1) % prefixes.length]!.images,
    }));
    const pairs = await sample(prefixes, { ...END, n: 2 });
    return [
      answersFinding(solutions),
      sightFinding(policy, solutions, await sample(swapped, END)),
      stopFinding((await sample(prefixes, { ...END, stop: 'step' })).flat()),
      seedFinding(solutions, pairs),
      prefillFinding(await sample(begun(prefixes, solutions), END)),
      latency('policy latency', elapsedMs, solutions.length),
    ];
  } catch (error) {
    if (signal?.aborted) throw error;
    return [failedFinding('policy self-test', error)];
  }
}

function valueOf(sampled: Sampled<Proposal>): Proposal {
  if (sampled.ok) return sampled.value;
  throw sampled.error;
}

const written = ({ steps, finalAnswer }: Proposal): string => JSON.stringify([steps, finalAnswer]);
const readable = (proposals: readonly Proposal[]): number => proposals.filter(({ steps }) => steps.length > 0).length;
const count = (some: number, all: number): string => `${some} of ${all}`;

/** Each problem with the first step of its solution. */
function begun(prefixes: readonly Prefix[], solutions: readonly Proposal[]): Prefix[] {
  return prefixes
    .map((prefix, index) => ({ ...prefix, steps: solutions[index]!.steps.slice(0, 1) }))
    .filter((_, index) => solutions[index]!.steps.length > 1);
}

function answersFinding(solutions: readonly Proposal[]): SelfTestFinding {
  const holds = readable(solutions) > 0;
  return finding('policy answers', holds, `${count(readable(solutions), solutions.length)} solutions can be read`, {
    fix: 'set `steps` of the endpoint to how this model writes its steps, or raise maxTokens',
  });
}

function sightFinding(policy: Policy, own: readonly Proposal[], other: readonly Proposal[][]): SelfTestFinding {
  if (!policy.capabilities.images) return leftOut('policy sight', 'this policy declares that it sees no picture');
  const changed = own.filter((solution, index) => written(solution) !== written(other[index]![0]!)).length;
  return finding('policy sight', changed > 0, `${count(changed, own.length)} solutions change under another picture`, {
    fix: 'it does not look at the picture: check that the server takes images',
  });
}

function stopFinding(steps: readonly Proposal[]): SelfTestFinding {
  const most = Math.max(...steps.map((proposal) => proposal.steps.length));
  return finding('policy stop', most === 1, `at most ${most} steps where one was asked for`, {
    fix: 'check `steps` of the endpoint, and that the server honours stop texts',
  });
}

function seedFinding(once: readonly Proposal[], twice: readonly Proposal[][]): SelfTestFinding {
  const same = once.filter((solution, index) => written(solution) === written(twice[index]![0]!)).length;
  const detail = `${count(same, once.length)} solutions are the same with a second one beside them`;
  return finding('policy seed', same === once.length && twice.every((pair) => pair.length === 2), detail, {
    status: 'missing',
    fix: 'this server does not keep to seeds: only the ledger makes a run repeatable',
  });
}

function prefillFinding(rest: readonly Proposal[][]): SelfTestFinding {
  const name = 'policy continuation';
  if (rest.length === 0) return leftOut(name, 'there is no solution of two steps to continue');
  const some = readable(rest.flat());
  return finding(name, some > 0, `${count(some, rest.length)} solutions are continued after their first step`, {
    fix: 'set capabilities.prefill to what the server can do',
  });
}
