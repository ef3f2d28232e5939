import type { Policy, Prefix, Proposal, ProposeOptions, Sampled } from '../models/ports.ts';
import { addCounts, type Step, type Usage } from '../records/index.ts';
import { contentHash } from '../runtime/content-hash.ts';
import { VlprmError } from '../runtime/errors.ts';
import { createRandom, seedFrom } from '../runtime/random.ts';
import type { Random } from '../runtime/random.ts';
import { parseSolution } from '../text/step-grammar.ts';
import { countWords, receiveCall } from './faults.ts';
import type { Faults } from './faults.ts';

/** The rest of a solution: the steps after the prefix and the answer. */
export interface ScriptedContinuation {
  readonly steps: readonly Step[];
  readonly finalAnswer: string | null;
}

/**
 * Says how the i-th continuation of a prefix goes on to the end. A text is read in the step grammar, and what cannot be
 * read gives a proposal without steps or answer; an Error is a sample that failed.
 * `random` depends on the policy's name, the prefix, the seed of the call and i alone.
 */
export type PolicyScript = (prefix: Prefix, sample: number, random: Random) => ScriptedContinuation | string | Error;

export interface ScriptedPolicyOptions extends Faults {
  readonly name?: string;
  readonly script: PolicyScript;
}

export interface ProposeCall {
  readonly prefixes: readonly Prefix[];
  readonly options: ProposeOptions;
}

/** A policy that follows a script and remembers its calls, failed ones included. */
export interface ScriptedPolicy extends Policy {
  readonly calls: readonly ProposeCall[];
}

const UNREADABLE: ScriptedContinuation = { steps: [], finalAnswer: null };

function readText(text: string): ScriptedContinuation {
  try {
    return parseSolution(text);
  } catch (error) {
    if (VlprmError.is(error)) return UNREADABLE;
    throw error;
  }
}

function toProposal({ steps, finalAnswer }: ScriptedContinuation, stop: ProposeOptions['stop']): Proposal {
  const written = stop === 'step' ? steps.slice(0, 1) : steps;
  const ended = written.length === steps.length;
  return {
    steps: written,
    finalAnswer: ended ? finalAnswer : null,
    ended,
    tokens: countWords([...written.map(({ text }) => text), ended ? (finalAnswer ?? '') : '']),
  };
}

function usageOf(proposals: readonly Sampled<Proposal>[][]): Usage {
  const flat = proposals.flat();
  const completionTokens = flat.reduce<number | null>(
    (total, sampled) => (sampled.ok ? addCounts(total, sampled.value.tokens) : total),
    0,
  );
  return { calls: flat.length, promptTokens: 0, completionTokens, usd: 0 };
}

export function createScriptedPolicy(options: ScriptedPolicyOptions): ScriptedPolicy {
  const { script, name = 'scripted-policy' } = options;
  const calls: ProposeCall[] = [];
  const sample = (prefix: Prefix, i: number, { seed, stop }: ProposeOptions): Sampled<Proposal> => {
    const random = createRandom(seedFrom(name, contentHash([prefix.problem.id, prefix.steps]), seed, i));
    const continuation = script(prefix, i, random);
    if (continuation instanceof Error) return { ok: false, error: continuation };
    const value = toProposal(typeof continuation === 'string' ? readText(continuation) : continuation, stop);
    return { ok: true, value };
  };
  return {
    name,
    calls,
    capabilities: { images: true, maxSteps: null },
    propose: async (prefixes, proposeOptions, signal) => {
      await receiveCall(calls, { prefixes, options: proposeOptions }, options, signal);
      const proposals = prefixes.map((prefix) =>
        Array.from({ length: proposeOptions.n }, (_, i) => sample(prefix, i, proposeOptions)),
      );
      return { proposals, usage: usageOf(proposals) };
    },
  };
}
