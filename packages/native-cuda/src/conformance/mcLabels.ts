/** mcLabels from its definition: counting by comparison, thresholds in BigInt, Wilson's formula as printed. */
import type { GroupedRollouts, KeyedRollouts, Labelling, PackedRollouts } from '../ops/mcLabels.ts';

export interface DefinedStep {
  correct: number;
  incorrect: number;
  unparsable: number;
  failed: number;
  rate: number;
  lower: number;
  upper: number;
  label: number;
}

/** p̂ + z²/2n ± z √(p̂(1-p̂)/n + z²/4n²), over 1 + z²/n. */
function wilson(p: number, n: number, z: number): [number, number] {
  const centre = p + z ** 2 / (2 * n);
  const margin = z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  const scale = 1 + z ** 2 / n;
  return [Math.max(0, (centre - margin) / scale), Math.min(1, (centre + margin) / scale)];
}

/** With Wilson's interval. */
export function defineMcLabels(input: GroupedRollouts & Labelling): DefinedStep[] {
  const { outcomes, offsets, threshold = { numerator: 0, denominator: 1 }, interval } = input;
  const z = (interval?.kind === 'wilson' ? interval.z : undefined) ?? 1.96;
  return Array.from({ length: offsets.length - 1 }, (_, step) => {
    const rollouts = [...outcomes.subarray(offsets[step], offsets[step + 1])];
    const count = (outcome: number): number => rollouts.filter((value) => value === outcome).length;
    const [incorrect = 0, correct = 0, unparsable = 0, failed = 0] = [0, 1, 2, 3].map(count);
    const completed = correct + incorrect + unparsable;
    if (completed === 0) {
      return { correct, incorrect, unparsable, failed, rate: NaN, lower: NaN, upper: NaN, label: 0 };
    }
    const negative = BigInt(correct) * BigInt(threshold.denominator) <= BigInt(threshold.numerator) * BigInt(completed);
    const [lower, upper] = wilson(correct / completed, completed, z);
    return {
      correct,
      incorrect,
      unparsable,
      failed,
      rate: correct / completed,
      lower,
      upper,
      label: negative ? -1 : 1,
    };
  });
}

/** The same rollouts in an order that `order` gives, each with its step. */
export function keyed(
  { outcomes, offsets, ...labelling }: GroupedRollouts & Labelling,
  order: Int32Array,
): KeyedRollouts & Labelling {
  const stepCount = offsets.length - 1;
  const steps = new Int32Array(outcomes.length);
  for (let step = 0; step < stepCount; step += 1) steps.fill(step, offsets[step], offsets[step + 1]);
  return {
    ...labelling,
    outcomes: Uint8Array.from(order, (i) => outcomes[i] as number),
    steps: steps.map((_, i) => steps[order[i] as number] as number),
    stepCount,
  };
}

/** The same rollouts as bits; outcomes are 0 and 1. */
export function packed({ outcomes, offsets, ...labelling }: GroupedRollouts & Labelling): PackedRollouts & Labelling {
  const bits = new Uint8Array(Math.ceil(outcomes.length / 8));
  for (const [i, outcome] of outcomes.entries()) {
    bits[Math.floor(i / 8)] = (bits[Math.floor(i / 8)] as number) + outcome * 2 ** (i % 8);
  }
  return { ...labelling, bits, rollouts: outcomes.length, offsets };
}
