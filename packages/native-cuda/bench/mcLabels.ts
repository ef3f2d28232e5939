import type { NativeAddon } from '../src/addon.ts';
import { kernelsFor } from '../src/backends.ts';
import { keyed, packed } from '../src/conformance/mcLabels.ts';
import { Random } from '../src/conformance/random.ts';
import { planMcLabels, type GroupedRollouts, type McLabelsInput, type McLabelsPlan } from '../src/ops/mcLabels.ts';
import type { OpBench } from './context.ts';
import type { Comparison, Peer } from './measure.ts';
import { cpuKernel } from './native.ts';

const STEPS = 65_536;
const ROLLOUTS = 8;
const POOL = 16;

interface Rollout {
  step: string;
  outcome: string;
}

const NAMES = ['incorrect', 'correct', 'unparsable', 'failed'];

/** How scripts do it: a list of rollout objects, counted in a map by step id, then rate, interval and label per entry. */
function labelObjects(rollouts: readonly Rollout[]): number {
  const counts = new Map<string, Record<string, number>>();
  for (const { step, outcome } of rollouts) {
    const entry = counts.get(step) ?? { incorrect: 0, correct: 0, unparsable: 0, failed: 0 };
    entry[outcome] = (entry[outcome] ?? 0) + 1;
    counts.set(step, entry);
  }
  const labels = [...counts.values()].map(({ correct = 0, incorrect = 0, unparsable = 0 }) => {
    const completed = correct + incorrect + unparsable;
    const rate = correct / completed;
    const half = 1.96 * Math.sqrt((rate * (1 - rate)) / completed + 1.96 ** 2 / (4 * completed ** 2));
    const scale = 1 + 1.96 ** 2 / completed;
    const centre = rate + 1.96 ** 2 / (2 * completed);
    return { rate, lower: (centre - half) / scale, upper: (centre + half) / scale, label: correct > 0 ? 1 : -1 };
  });
  return labels.length;
}

function objects({ outcomes }: GroupedRollouts): Peer {
  const rollouts = Array.from(outcomes, (outcome, i) => ({
    step: `step-${Math.floor(i / ROLLOUTS)}`,
    outcome: NAMES[outcome] as string,
  }));
  return { peer: 'objects and a Map by step id', tier: 'as-used', run: () => void labelObjects(rollouts), samples: 9 };
}

/** What memory allows: reading the inputs and filling the outputs, and no more. */
function floor(addon: NativeAddon, threads: number, planOf: (sample: number) => McLabelsPlan): Peer {
  return {
    peer: 'read of the inputs and fill of the outputs',
    tier: 'floor',
    run: (sample) => {
      const { outcomes, offsets, keys, output } = planOf(sample);
      for (const input of [outcomes, offsets, keys]) if (input !== null) addon.readFloor(input, threads);
      for (const array of Object.values(output) as Int32Array[]) array.fill(sample & 1);
    },
  };
}

interface Shape {
  readonly name: string;
  readonly what: string;
  readonly inputs: readonly McLabelsInput[];
  readonly others: (threads: number) => Peer[];
}

function comparison(addon: NativeAddon, { name, what, inputs, others }: Shape, threads: number): Comparison {
  const plans = inputs.map(planMcLabels);
  const planOf = (sample: number): McLabelsPlan => plans[sample % plans.length] as McLabelsPlan;
  const { outcomes, offsets, keys, output } = planOf(0);
  const arrays = [outcomes, offsets, keys, ...(Object.values(output) as Int32Array[])];
  const kernel = cpuKernel('mcLabels', threads);
  const { mcLabels: definition } = kernelsFor('mcLabels', { backend: 'js' });
  const js: Peer = {
    peer: 'js backend',
    tier: 'as-used',
    run: (sample) => {
      definition(planOf(sample));
    },
  };
  return {
    name: `mcLabels ${name}`,
    subject: 'cpu backend, outputs allocated beforehand',
    threads,
    bytes: arrays.reduce((sum, array) => sum + (array?.byteLength ?? 0), 0),
    work: `${what}: counts, rates, Wilson intervals, labels`,
    run: (sample) => kernel(planOf(sample)),
    // One thread fills the floor's outputs, so it is the floor of one thread.
    peers: [...(threads === 1 ? [floor(addon, threads, planOf)] : []), js, ...others(threads)],
    samples: 60,
  };
}

function rollouts(random: Random, offsets: Int32Array): GroupedRollouts {
  const length = offsets[offsets.length - 1] as number;
  const outcomes = Uint8Array.from({ length }, () => (random.uniform() < 0.6 ? 1 : random.integer(0, 3)));
  return { outcomes, offsets };
}

function python(name: string, peer: string, threads: number): Peer {
  const parameters = { threads, steps: STEPS, rollouts: ROLLOUTS };
  return { peer, tier: 'best-tuned', python: { case: `numpy_peers.${name}`, parameters }, samples: 30 };
}

function shapes(): Shape[] {
  const random = new Random(4);
  const pool = <T>(make: () => T): T[] => Array.from({ length: POOL }, make);
  const equal = Int32Array.from({ length: STEPS + 1 }, (_, i) => i * ROLLOUTS);
  const grouped = pool(() => rollouts(random, equal.slice()));
  const ragged = pool(() => rollouts(random, random.offsets(STEPS, 2 * ROLLOUTS)));
  const either = grouped.map((input) => ({ ...input, outcomes: input.outcomes.map((outcome) => outcome & 1) }));
  const first = grouped.slice(0, 4);
  return [
    {
      name: `grouped ${STEPS}x${ROLLOUTS}`,
      what: `${STEPS} steps of ${ROLLOUTS} rollouts`,
      inputs: grouped,
      others: (threads) => [
        objects(grouped[0] as GroupedRollouts),
        python('grouped_labels', 'NumPy, add.reduceat for correct and completed, rate alone', threads),
      ],
    },
    { name: `ragged ${STEPS}`, what: `${STEPS} steps of 0 to 16 rollouts`, inputs: ragged, others: () => [] },
    {
      name: `keyed ${STEPS}x${ROLLOUTS}`,
      what: `${STEPS * ROLLOUTS} rollouts of ${STEPS} steps in random order`,
      inputs: first.map((input) => keyed(input, random.permutation(input.outcomes.length))),
      others: (threads) => [python('keyed_labels', 'NumPy, bincount for correct and completed, rate alone', threads)],
    },
    {
      name: `packed ${STEPS}x${ROLLOUTS}`,
      what: `${STEPS} steps of ${ROLLOUTS} rollouts in bits`,
      inputs: either.map(packed),
      others: () => [],
    },
  ];
}

export const mcLabelsBench: OpBench = function* ({ addon, threadCounts }) {
  for (const shape of shapes()) for (const threads of threadCounts) yield comparison(addon, shape, threads);
};
