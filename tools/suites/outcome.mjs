// What a run of tests came to.
import { skipFailure } from '../skips.mjs';

/**
 * @typedef {{ name: string, reason: string | null }} Skip
 * @typedef {{ passed: number, failed: string[], skipped: Skip[] }} Outcome
 * @typedef {{ name: string, folder: string }} Project
 */

/** @param {string} what @returns {Outcome} a run that could not even be counted */
export function failedOutcome(what) {
  return { passed: 0, failed: [what], skipped: [] };
}

/** @param {string} name @param {string} reason @returns {Outcome} */
export function skippedOutcome(name, reason) {
  return { passed: 0, failed: [], skipped: [{ name, reason }] };
}

/**
 * The sum. A skip that is an error here counts as a failure.
 *
 * @param {readonly Outcome[]} outcomes
 * @param {NodeJS.ProcessEnv} environment
 * @returns {Outcome}
 */
export function sumOutcomes(outcomes, environment) {
  /** @type {Outcome} */
  const sum = { passed: 0, failed: [], skipped: [] };
  for (const { passed, failed, skipped } of outcomes) {
    sum.passed += passed;
    sum.failed.push(...failed);
    for (const skip of skipped) {
      const failure = skipFailure(skip, environment);
      if (failure === null) sum.skipped.push(skip);
      else sum.failed.push(`${skip.name}: ${failure}`);
    }
  }
  return sum;
}
