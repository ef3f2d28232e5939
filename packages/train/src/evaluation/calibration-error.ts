import type { ScoredStep } from './scored-step.ts';

type Judged = Pick<ScoredStep, 'p' | 'right'>;

export const CALIBRATION_BINS = 15;

/** A bin of the reliability diagram; bins are equally wide, [low, high), the last one closed. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly steps: number;
  /** Mean p of its steps, null when it is empty. */
  readonly confidence: number | null;
  /** Share of right steps, null when it is empty. */
  readonly accuracy: number | null;
}

/** Index of the bin that holds p. */
export function binOf(p: number, bins: number = CALIBRATION_BINS): number {
  return Math.min(bins - 1, Math.floor(p * bins));
}

/** Reliability table of p = P(right) over equally wide bins. */
export function reliabilityBins(steps: readonly Judged[], bins: number = CALIBRATION_BINS): ReliabilityBin[] {
  const sums = Array.from({ length: bins }, () => ({ steps: 0, p: 0, right: 0 }));
  for (const { p, right } of steps) {
    const bin = sums[binOf(p, bins)]!;
    bin.steps++;
    bin.p += p;
    if (right) bin.right++;
  }
  return sums.map((bin, i) => ({
    low: i / bins,
    high: (i + 1) / bins,
    steps: bin.steps,
    confidence: bin.steps === 0 ? null : bin.p / bin.steps,
    accuracy: bin.steps === 0 ? null : bin.right / bin.steps,
  }));
}

/** Expected calibration error: Σ (n_b / N) |accuracy_b - confidence_b| over 15 equally wide bins. Null without steps. */
export function expectedCalibrationError(steps: readonly Judged[], bins: number = CALIBRATION_BINS): number | null {
  if (steps.length === 0) return null;
  return reliabilityBins(steps, bins).reduce(
    (sum, { steps: count, accuracy, confidence }) =>
      accuracy === null || confidence === null ? sum : sum + (count / steps.length) * Math.abs(accuracy - confidence),
    0,
  );
}

/** Brier score: mean of (p - y)², y = 1 for a right step. Null without steps. */
export function brierScore(steps: readonly Judged[]): number | null {
  if (steps.length === 0) return null;
  return steps.reduce((sum, { p, right }) => sum + (p - (right ? 1 : 0)) ** 2, 0) / steps.length;
}
