import type { Outcome, Problem, Step, StepLabel, Usage } from '../records/index.ts';

/** An image as bytes (PNG, JPEG or WebP) beside the problem that shows it. Models get this, never the scene. */
export interface PresentedProblem {
  readonly problem: Omit<Problem, 'answer'>;
  readonly images: readonly Uint8Array[];
}

/** A problem and its first t steps. */
export interface Prefix extends PresentedProblem {
  readonly steps: readonly Step[];
}

/** One sampled continuation of a prefix: the steps that follow, and the answer when it came to one. */
export interface Proposal {
  readonly steps: readonly Step[];
  /** Null when the policy stopped at `stop: 'step'` before answering, or the answer cannot be parsed. */
  readonly finalAnswer: string | null;
  /** True when the solution has ended. */
  readonly ended: boolean;
  /** Tokens written; null where the service does not count them. */
  readonly tokens: number | null;
}

/** A call that did not come back is a failure by type, never an empty proposal. */
export type Sampled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: Error };

export interface ProposeOptions {
  /** Continuations per prefix. */
  readonly n: number;
  /** `step`: write one step (the answer counts with the last step); `end`: write to the end. */
  readonly stop: 'step' | 'end';
  /** Number in [0, 2^53); the i-th continuation of a prefix depends on (policy, prefix, seed, i) alone. */
  readonly seed: number;
  readonly temperature?: number;
}

export interface ModelCapabilities {
  readonly images: boolean;
  /** Most steps that one solution may have; null when unbounded. */
  readonly maxSteps: number | null;
}

/** Samples continuations. Result shape: [prefixes][n]. */
export interface Policy {
  readonly name: string;
  readonly capabilities: ModelCapabilities;
  propose(
    prefixes: readonly Prefix[],
    options: ProposeOptions,
    signal?: AbortSignal,
  ): Promise<{ proposals: Sampled<Proposal>[][]; usage: Usage }>;
  close?(): Promise<void>;
}

/** A judge's reading of one trace: a verdict per step; null from the first error on. */
export interface Review {
  readonly verdicts: readonly StepLabel[];
  /** Flat 0-based index of the first wrong step, null when it found none. */
  readonly firstError: number | null;
  /** Answers before this one that could not be read. Absent: none. */
  readonly unreadable?: number;
}

/** A solution to look at: problem, image bytes and all its steps. */
export type Solution = Prefix;

/** Reviews whole solutions without the reference answer. Result shape: [solutions]. */
export interface Judge {
  readonly name: string;
  readonly capabilities: ModelCapabilities;
  /** Solutions that it wants in one call, for a judge that works offline in large files; absent: any number. */
  readonly preferredBatch?: number;
  review(
    solutions: readonly Solution[],
    options: { readonly seed: number },
    signal?: AbortSignal,
  ): Promise<{ reviews: Sampled<Review>[]; usage: Usage }>;
  close?(): Promise<void>;
}

/** Scores of one solution, one entry a step. */
export interface StepScores {
  /** Uncalibrated logit difference log P(+) - log P(-) per step. */
  readonly logits: Float32Array;
  /** Calibrated probability in [0, 1] that the step is right. */
  readonly probabilities: Float32Array;
  /**
   * Tokens that the PRM read for it, 0 when every step was known. Where a server does not tell, as many as were reserved:
   * `usage` leaves them unknown.
   */
  readonly tokens: number;
  /** Probability mass on the two label tokens together, per step, in [0, 1]; absent where there is no vocabulary. */
  readonly mass?: Float32Array;
  /**
   * 0: the score is exact; 1: a lower bound of it, -1: an upper bound, because one label was not among the tokens that
   * the server reported. Absent where all are exact.
   */
  readonly bounds?: Int8Array;
}

/**
 * Scores every step of every solution in one pass. Result shape: [solutions][steps].
 * A whole solution given as one step is scored as one step (one-shot).
 */
export interface ProcessRewardModel {
  readonly name: string;
  readonly capabilities: ModelCapabilities;
  /** Called wrong when p < threshold. */
  readonly threshold: number;
  scoreSteps(
    solutions: readonly Solution[],
    signal?: AbortSignal,
  ): Promise<{ scores: StepScores[]; forwards: number; usage: Usage }>;
  close?(): Promise<void>;
}

/** Compares answers with references: correct, incorrect or unparsable. */
export interface AnswerChecker {
  check(pairs: readonly { answer: string | null; reference: string; options: readonly string[] | null }[]): Outcome[];
}
