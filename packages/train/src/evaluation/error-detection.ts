import type { ScoredStep } from './scored-step.ts';

/** Counts of calls and truths; `wrong` is the positive class, a step is called wrong when p < threshold. */
export interface Confusion {
  /** Wrong and called wrong. */
  readonly hits: number;
  /** Right but called wrong. */
  readonly falseAlarms: number;
  /** Wrong but called right. */
  readonly misses: number;
  /** Right and called right. */
  readonly passes: number;
}

/** How well wrong steps are found. A ratio without a denominator is null, never 0. */
export interface ErrorDetection {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
  readonly steps: number;
  readonly errors: number;
}

export const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);

/** F1 of a class: 2 tp / (2 tp + fp + fn); null when the class is neither there nor called. */
export function f1Of(truePositives: number, falsePositives: number, falseNegatives: number): number | null {
  return ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives);
}

export function confusionOf(steps: readonly ScoredStep[], threshold: number): Confusion {
  const counts = { hits: 0, falseAlarms: 0, misses: 0, passes: 0 };
  for (const { p, right } of steps) {
    if (p < threshold) counts[right ? 'falseAlarms' : 'hits']++;
    else counts[right ? 'passes' : 'misses']++;
  }
  return counts;
}

/** Precision, recall and F1 of the class *incorrect*. */
export function errorDetection(steps: readonly ScoredStep[], threshold: number): ErrorDetection {
  const { hits, falseAlarms, misses } = confusionOf(steps, threshold);
  return {
    precision: ratio(hits, hits + falseAlarms),
    recall: ratio(hits, hits + misses),
    f1: f1Of(hits, falseAlarms, misses),
    steps: steps.length,
    errors: hits + misses,
  };
}
