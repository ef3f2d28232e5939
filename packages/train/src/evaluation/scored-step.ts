import type { StepKind } from '@vlprm/core/records';

/** A step that a PRM has scored and whose truth is known. */
export interface ScoredStep {
  /** Probability in [0, 1] that the step is right. */
  readonly p: number;
  readonly right: boolean;
  readonly kind: StepKind | null;
}
