import { Random } from '../src/conformance/random.ts';
import { mcLabels, planMcLabels, type McLabelsInput } from '../src/ops/mcLabels.ts';
import type { OpBench } from './context.ts';
import { cpuKernel } from './native.ts';

const STEPS = 65_536;
const ROLLOUTS = 8;
const POOL = 16;

function pool(): McLabelsInput[] {
  const random = new Random(4);
  const offsets = Int32Array.from({ length: STEPS + 1 }, (_, i) => i * ROLLOUTS);
  return Array.from({ length: POOL }, () => ({
    outcomes: Uint8Array.from({ length: STEPS * ROLLOUTS }, () => (random.uniform() < 0.6 ? 1 : random.integer(0, 3))),
    offsets: offsets.slice(),
  }));
}

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

export const mcLabelsBench: OpBench = function* ({ addon, threadCounts }) {
  const inputs = pool();
  const plans = inputs.map(planMcLabels);
  const at = <T>(list: readonly T[], sample: number): T => list[sample % list.length] as T;
  const objects = Array.from(at(inputs, 0).outcomes, (outcome, i) => ({
    step: `step-${Math.floor(i / ROLLOUTS)}`,
    outcome: NAMES[outcome] as string,
  }));
  const bytes = STEPS * (ROLLOUTS + 4 + 29);
  for (const threads of threadCounts) {
    const kernel = cpuKernel('mcLabels', threads);
    yield {
      name: `mcLabels grouped ${STEPS}x${ROLLOUTS}`,
      subject: 'cpu backend, outputs allocated beforehand',
      threads,
      bytes,
      work: `${STEPS} steps of ${ROLLOUTS} rollouts, counts, rates, Wilson intervals, labels`,
      run: (sample) => kernel(at(plans, sample)),
      peers: [
        {
          peer: 'read of the inputs and fill of the outputs',
          tier: 'floor',
          run: (sample) => {
            const { outcomes, offsets, output } = at(plans, sample);
            addon.readFloor(outcomes, 1);
            addon.readFloor(offsets, 1);
            for (const array of Object.values(output) as Int32Array[]) array.fill(sample & 1);
          },
        },
        { peer: 'js backend', tier: 'as-used', run: (sample) => void mcLabels(at(inputs, sample), { backend: 'js' }) },
        { peer: 'objects and a Map by step id', tier: 'as-used', run: () => void labelObjects(objects) },
      ],
      samples: 60,
    };
  }
};
