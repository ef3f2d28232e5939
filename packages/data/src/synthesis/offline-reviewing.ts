import { createInProcessEngine, type VlprmError } from '@vlprm/core/runtime';
import { chunksOf } from './chunks.ts';
import { isBudgetError, type Gathering } from './gathering.ts';
import { admit } from './intake.ts';
import { RejectGauge } from './reject-gauge.ts';
import type { Reviews, ReviewStage } from './reviewing.ts';
import { isTrace, type SampledProblem } from './sampling.ts';
import { readStage, runStageTogether, type StageResult } from './stage.ts';

/** Rows of the source whose samples are read from the ledger together. */
const ROWS_AT_ONCE = 64;
/** Bytes of images after which a call is made, whatever the judge would take. */
const MAX_IMAGE_BYTES = 128 * 2 ** 20;

const solutionsIn = ({ samples }: SampledProblem): number => samples.filter(isTrace).length;

const imageBytes = ({ loaded }: SampledProblem): number =>
  loaded.images.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Progress is told by the first of the judges: it counts problems, not reviews. */
function countReview(stage: ReviewStage, result: StageResult<Reviews>, { plan, tally, progress }: Gathering): void {
  tally.addStage('judge', result);
  if (stage === plan.offline[0]) progress.judge?.advance(1, result);
}

/** Problems whose samples are there and whom this stage has not reviewed; those that it has are counted. */
async function* unreviewed(stage: ReviewStage, gathering: Gathering): AsyncGenerator<SampledProblem> {
  const { plan, source, ledger, signal } = gathering;
  for await (const rows of chunksOf(admit(source, signal), ROWS_AT_ONCE)) {
    const problems = rows.flatMap((row) => (row.reject === null ? [row.loaded] : []));
    const sampled = await readStage(plan.sampling, problems, ledger);
    const items = problems.flatMap((loaded, i) => {
      const samples = sampled[i]?.value;
      return samples === undefined ? [] : [{ loaded, samples }];
    });
    const reviewed = await readStage(stage, items, ledger);
    for (const [i, item] of items.entries()) {
      const known = reviewed[i] ?? null;
      if (known === null) yield item;
      else countReview(stage, known, gathering);
    }
  }
}

/** Problems for one call of the judge: as many solutions as it wants, one problem at least. */
async function* calls(stage: ReviewStage, gathering: Gathering): AsyncGenerator<SampledProblem[]> {
  const most = stage.batch ?? Infinity;
  let items: SampledProblem[] = [];
  let solutions = 0;
  let bytes = 0;
  for await (const item of unreviewed(stage, gathering)) {
    if (items.length > 0 && (solutions + solutionsIn(item) > most || bytes + imageBytes(item) > MAX_IMAGE_BYTES)) {
      yield items;
      [items, solutions, bytes] = [[], 0, 0];
    }
    items.push(item);
    solutions += solutionsIn(item);
    bytes += imageBytes(item);
  }
  if (items.length > 0) yield items;
}

/** Lets one judge with its vote review all problems; null or ERR_BUDGET as {@link reviewOffline}. */
async function reviewAll(stage: ReviewStage, gathering: Gathering, signal: AbortSignal): Promise<VlprmError | null> {
  const { plan, ledger } = gathering;
  const gauge = new RejectGauge(plan.options.maxRejectRate);
  try {
    for await (const items of calls(stage, { ...gathering, signal })) {
      const results = await runStageTogether(stage, items, stage.computeTogether, ledger, signal);
      for (const [i, result] of results.entries()) {
        countReview(stage, result, gathering);
        const failures = result.value.flatMap((review) =>
          review?.ok === false ? [{ code: review.code, reason: review.error }] : [],
        );
        gauge.add(solutionsIn(items[i] as SampledProblem), failures.length, failures);
      }
      gauge.check(false);
    }
  } catch (error) {
    if (isBudgetError(error)) return error;
    throw error;
  }
  return null;
}

/**
 * The pass of the judges that want many solutions in one call: each reads the problems and their samples back and reviews
 * them in calls of the size it wants, all judges and votes at once.
 * @returns ERR_BUDGET when the budget did not reach all problems, else null
 * @throws as the first pass
 */
export async function reviewOffline(gathering: Gathering): Promise<VlprmError | null> {
  const { plan, signal } = gathering;
  const jobs = plan.offline.map((stage) => ({ key: stage.by, input: stage }));
  const work = (stage: ReviewStage, stop: AbortSignal) => reviewAll(stage, gathering, stop);
  const engine = createInProcessEngine();
  let exhausted: VlprmError | null = null;
  for await (const result of engine.run(jobs, work, {
    concurrency: Math.max(1, jobs.length),
    ...(signal && { signal }),
  })) {
    if (!result.ok) throw result.error;
    exhausted ??= result.output;
  }
  return exhausted;
}
