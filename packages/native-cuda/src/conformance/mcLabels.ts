/** mcLabels from its definition: counting by comparison, thresholds in BigInt, Wilson's formula as printed. */
import type { McLabelsInput } from '../ops/mcLabels.ts';

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

export function defineMcLabels(input: McLabelsInput): DefinedStep[] {
  const { outcomes, offsets, threshold = { numerator: 0, denominator: 1 }, z = 1.96 } = input;
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
