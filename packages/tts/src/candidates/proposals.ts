import type { Policy, Prefix, Proposal, ProposeOptions, Sampled } from '@vlprm/core';
import { addUsage, NO_USAGE, type Usage } from '@vlprm/core/records';
import { throwIfAborted, VlprmError } from '@vlprm/core/runtime';
import { formatSteps } from '@vlprm/core/text';
import { serviceFailure, UNKNOWN_USAGE } from './readings.ts';

/**
 * Samples `counts[i]` continuations of `prefixes[i]`: one call of the policy per distinct count.
 * A call that a service failed is a failure of every continuation in it. A continuation without steps is one that
 * came back and cannot be read, which is not a failure.
 * @returns proposals[prefix][sample] and what the calls spent.
 */
export async function proposeGroups(
  policy: Policy,
  prefixes: readonly Prefix[],
  counts: readonly number[],
  options: Omit<ProposeOptions, 'n'>,
  signal?: AbortSignal,
): Promise<{ proposals: Sampled<Proposal>[][]; usage: Usage }> {
  const proposals: Sampled<Proposal>[][] = prefixes.map(() => []);
  let usage = NO_USAGE;
  for (const n of new Set(counts)) {
    throwIfAborted(signal);
    const places = counts.flatMap((count, place) => (count === n ? [place] : []));
    const group = places.map((place) => prefixes[place] as Prefix);
    const drawn = await proposeAll(policy, group, { ...options, n }, signal);
    places.forEach((place, index) => (proposals[place] = drawn.proposals[index] as Sampled<Proposal>[]));
    usage = addUsage(usage, drawn.usage);
  }
  return { proposals, usage };
}

async function proposeAll(
  policy: Policy,
  prefixes: readonly Prefix[],
  options: ProposeOptions,
  signal: AbortSignal | undefined,
): Promise<{ proposals: Sampled<Proposal>[][]; usage: Usage }> {
  try {
    const { proposals, usage } = await policy.propose(prefixes, options, signal);
    return { proposals: prefixes.map((prefix, i) => checked(policy.name, prefix, proposals[i], options)), usage };
  } catch (error) {
    throwIfAborted(signal);
    const failed: Sampled<Proposal> = { ok: false, error: serviceFailure(error) };
    return { proposals: prefixes.map(() => Array.from({ length: options.n }, () => failed)), usage: UNKNOWN_USAGE };
  }
}

function checked(
  name: string,
  prefix: Prefix,
  samples: readonly Sampled<Proposal>[] | undefined,
  { n }: ProposeOptions,
): Sampled<Proposal>[] {
  if (samples?.length !== n) {
    throw new VlprmError('ERR_STEP_COUNT', `policy ${name} gave ${samples?.length ?? 0} of ${n} continuations`, {
      where: `problem ${prefix.problem.id}`,
      fix: 'run `vlprm doctor` on this policy',
    });
  }
  return samples.map((sample) => readable(prefix, sample));
}

/** A continuation whose steps cannot stand in a solution is one that cannot be read: no steps and no answer. */
function readable(prefix: Prefix, sample: Sampled<Proposal>): Sampled<Proposal> {
  if (!sample.ok || sample.value.steps.length === 0) return sample;
  try {
    formatSteps([...prefix.steps, ...sample.value.steps]);
    return sample;
  } catch (error) {
    if (!VlprmError.is(error)) throw error;
    return { ok: true, value: { steps: [], finalAnswer: null, ended: true, tokens: sample.value.tokens } };
  }
}
