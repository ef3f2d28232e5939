import type { Judge, Solution } from '../ports.ts';
import { failedFinding, finding, latency, timed, type SelfTestFinding } from './finding.ts';

/** Reviews solutions: verdicts can be read, one a step, and how long it takes. What fails is a finding; only an abort is thrown. */
export async function selfTestJudge(
  judge: Judge,
  solutions: readonly Solution[],
  signal?: AbortSignal,
): Promise<SelfTestFinding[]> {
  try {
    const { result, elapsedMs } = await timed(() => judge.review(solutions, { seed: 7 }, signal));
    const { reviews } = result;
    const failed = reviews.find((review) => !review.ok);
    if (failed !== undefined) return [failedFinding('judge verdicts', failed.error)];
    const rows = reviews.map((review) => (review.ok ? review.value.verdicts.length : 0));
    const fits = solutions.every(({ steps }, index) => rows[index] === steps.length);
    return [
      finding('judge verdicts', fits, fits ? 'one verdict a step' : `${rows.join(', ')} verdicts`, {
        fix: 'use a model that keeps to the form of the prompt',
      }),
      latency('judge latency', elapsedMs, solutions.length),
    ];
  } catch (error) {
    if (signal?.aborted) throw error;
    return [failedFinding('judge self-test', error)];
  }
}
