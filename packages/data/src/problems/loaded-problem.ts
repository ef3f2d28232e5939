import type { Problem } from '@vlprm/core/records';

/** A problem together with the bytes of its images, in the order of `problem.images`. */
export interface LoadedProblem {
  readonly problem: Problem;
  readonly images: readonly Uint8Array[];
  /** Where it was read, `file:line`; absent for a problem that was made. */
  readonly where?: string;
}
