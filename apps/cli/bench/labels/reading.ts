import type { StepKind, Trace } from '@vlprm/core/records';
import { isWrong, type RuleVerdict } from '../../src/report/label-quality.ts';

/** What a rule made of one trace. */
export interface Reading extends RuleVerdict {
  /** [steps] P(nothing is wrong up to and with this step); null where the rule says no more than right or wrong. */
  readonly right: readonly number[] | null;
  /** Probability that the labels are right, where the rule has one. */
  readonly confidence: number | null;
}

/** A trace as far as it is compared: what is true of it, beside what was read of it by name. */
export interface ReadTrace {
  /** Unit of resampling: a group of one seed's puzzles. */
  readonly group: string;
  readonly seed: number;
  readonly kinds: readonly (StepKind | null)[];
  readonly wrongAnswer: boolean;
  readonly trueFirstError: number | null;
  /** Whether its truth was told to the rules that learn. */
  readonly audited: boolean;
}

/** Right up to a step, or wrong from the first error on; null for a dropped trace. */
export function stepIsWrong({ kept, firstError }: RuleVerdict, step: number): boolean | null {
  return kept ? isWrong(firstError, step) : null;
}

/** P(right) of a step: the rule's own, or its label as 0 or 1. */
export function probabilityRight({ right, firstError }: Reading, step: number): number {
  return right?.[step] ?? (isWrong(firstError, step) ? 0 : 1);
}

/** The verdict that labels on a trace stand for. */
export function readingOf({ consensus, firstError }: Trace, right: readonly number[] | null): Reading {
  return {
    kept: consensus?.kept === true,
    firstError,
    ownWrong: null,
    right,
    confidence: consensus?.confidence ?? null,
  };
}
