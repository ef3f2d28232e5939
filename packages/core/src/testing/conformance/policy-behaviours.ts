import assert from 'node:assert/strict';
import type { Policy, Prefix, Proposal, ProposeOptions } from '../../models/ports.ts';
import { abortBehaviours, assertUsage, closeBehaviour, type Behaviour, type Subject } from './behaviour.ts';

type PolicySubject = Subject<Policy>;

const END: ProposeOptions = { n: 1, stop: 'end', seed: 3 };
/** More steps than any solution of these tests has. */
const MANY = 20;

const begun = (solutions: readonly Prefix[]): Prefix[] => solutions.map((solution) => ({ ...solution, steps: [] }));

async function propose({ model }: PolicySubject, prefixes: readonly Prefix[], options = END): Promise<Proposal[][]> {
  const { proposals } = await model.propose(prefixes, options);
  return proposals.map((row) =>
    row.map((sampled) => {
      if (sampled.ok) return sampled.value;
      throw sampled.error;
    }),
  );
}

function assertWhole({ steps, finalAnswer, ended, tokens }: Proposal): void {
  assert(steps.length > 0 && ended && finalAnswer !== null, 'a solution that has not ended');
  assert(tokens !== 0, 'a solution without tokens');
}

/** What every policy does. The model behind it writes whole solutions with an answer. */
export const POLICY_BEHAVIOURS: readonly Behaviour<Policy>[] = [
  {
    name: 'gives [prefixes][n] solutions',
    check: async (subject) => {
      const prefixes = begun(subject.solutions);
      const proposals = await propose(subject, prefixes, { ...END, n: 3 });
      assert.deepEqual(
        proposals.map((row) => row.length),
        prefixes.map(() => 3),
      );
      proposals.flat().forEach(assertWhole);
    },
  },
  {
    name: 'keeps the order of prefixes, and writes each for itself',
    check: async (subject) => {
      const prefixes = begun(subject.solutions);
      const together = await propose(subject, prefixes);
      const backwards = await propose(subject, prefixes.toReversed());
      assert.deepEqual(together, backwards.toReversed());
      assert.deepEqual(await propose(subject, prefixes.slice(0, 1)), together.slice(0, 1));
    },
  },
  {
    name: 'writes one step where one is asked for, and comes to its end',
    check: async (subject) => {
      let prefix = begun(subject.solutions)[0]!;
      for (let taken = 0; taken < MANY; taken++) {
        const [[proposal]] = (await propose(subject, [prefix], { ...END, stop: 'step' })) as [[Proposal]];
        assert.equal(proposal.steps.length, 1);
        prefix = { ...prefix, steps: [...prefix.steps, ...proposal.steps] };
        if (!proposal.ended) continue;
        assert.notEqual(proposal.finalAnswer, null);
        return;
      }
      assert.fail('it never came to its end');
    },
  },
  {
    name: 'goes on from a prefix',
    check: async (subject) => {
      const [solution] = (await propose(subject, begun(subject.solutions)))[0]!;
      const prefix = { ...subject.solutions[0]!, steps: solution!.steps.slice(0, 1) };
      const [rest] = (await propose(subject, [prefix]))[0]!;
      assertWhole(rest!);
      assert.notDeepEqual(rest!.steps[0], prefix.steps[0], 'it repeats the prefix');
    },
  },
  {
    name: 'lets the image reach the model',
    check: async (subject) => {
      const [prefix] = begun(subject.solutions);
      const [own, other] = await propose(subject, [prefix!, { ...prefix!, images: [subject.otherImage] }]);
      assert.notDeepEqual(own, other);
    },
  },
  {
    name: 'reads questions and steps full of signs and other scripts',
    check: async (subject) => {
      if (subject.tricky === null) return;
      const [proposals] = await propose(subject, begun([subject.tricky]));
      assertWhole(proposals![0]!);
    },
  },
  {
    name: 'writes nothing for no prefixes',
    check: async ({ model }) => {
      const { proposals, usage } = await model.propose([], END);
      assert.deepEqual([proposals, usage.calls], [[], 0]);
    },
  },
  {
    name: 'reports what it has used',
    check: async ({ model, solutions }) => {
      const { usage } = await model.propose(begun(solutions), END);
      assertUsage(usage);
      assert(usage.calls >= 1 && usage.completionTokens !== 0);
    },
  },
  ...abortBehaviours<Policy>(({ model, solutions }, signal) => model.propose(begun(solutions), END, signal)),
  closeBehaviour(({ model, solutions }) => model.propose(begun(solutions), END)),
];
