import { join } from 'node:path';
import type { Reject } from '@vlprm/core/records';
import { parseRecord, readJsonFile, readJsonlRows, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';
import { NOT_STATED, type ImportedDataset } from './imported-dataset.ts';
import { SetAside } from './set-aside.ts';
import { RequestImages } from './vlprm-reference/requests.ts';
import { ReviewJoin } from './vlprm-reference/reviews.ts';
import { Rollouts } from './vlprm-reference/rollouts.ts';
import { problemRow, requestRow, resultRow, rolloutRow } from './vlprm-reference/rows.ts';
import { SOURCE, toTrace } from './vlprm-reference/traces.ts';

const LOSSES = [
  'failed calls and unreadable answers were counted as wrong there; nothing tells them from wrong answers any more',
  'of the rollouts only the counts of right ones are there: no texts, no seeds, no cost, and not who the policy was',
  "of the judge's analyses only the verdicts are kept",
  "of the policy's prompt only the question is kept",
  'pictures are those that the judge was sent; a solution whose problem no request shows has none',
];

/** Takes in one row; what it throws sets the row aside. */
interface RowUse<T> {
  readonly schema: z.ZodType<T>;
  readonly stage: Reject['stage'];
  readonly problemOf: (row: T) => string | null;
  readonly use: (row: T, line: number) => void | Promise<void>;
}

/** Uses the rows of a JSONL file; gives their number. @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED for the file */
async function useLines<T>(path: string, rows: RowUse<T>, aside: SetAside): Promise<number> {
  let count = 0;
  for await (const row of readJsonlRows(path, rows.schema)) {
    count += 1;
    const problem = 'error' in row ? null : rows.problemOf(row.value);
    await aside.using(rows.stage, `${path}:${row.line}`, problem, () => {
      if ('error' in row) throw row.error;
      return rows.use(row.value, row.line);
    });
  }
  return count;
}

/** As {@link useLines} for a file that holds one JSON array; places are named by the 0-based index. */
async function useElements<T>(path: string, rows: RowUse<T>, aside: SetAside): Promise<number> {
  const elements = await readJsonFile(path, z.array(z.unknown()));
  for (const [index, element] of elements.entries()) {
    const where = `${path}: [${index}]`;
    await aside.using(rows.stage, where, null, () => rows.use(parseRecord(rows.schema, element, where), index));
  }
  return elements.length;
}

/** Number of rows, or null for a file that is not there. */
async function unlessMissing(rows: Promise<number>): Promise<number | null> {
  return rows.catch((error: unknown) => {
    if (VlprmError.is(error) && error.code === 'ERR_FILE_MISSING') return null;
    throw error;
  });
}

/**
 * Reads a folder of files as the pipeline of arXiv 2509.23250 wrote them: `rollouts.jsonl` (solutions with Monte-Carlo
 * counts), and where they are there `problems.jsonl`, `judge_batch_requests.jsonl` and `judge_results.json`. Requests
 * are joined to solutions by the solution's text, results to requests by `custom_id`. Traces come in the order of the
 * solutions, unlabelled; the reviews of a judge are named after its model.
 *
 * A row that cannot be used is set aside, and the rest is read: steps whose number or texts differ between response and
 * counts, a solution that is there twice, an answer key that no checker understands, a request without a
 * picture or for no solution that was read, a result without request or verdict.
 * @throws ERR_FILE_MISSING without `rollouts.jsonl`; ERR_FILE_MALFORMED for a file that is no text, or results that are no JSON array
 */
export async function readVlprmReference(dir: string): Promise<ImportedDataset> {
  const aside = new SetAside();
  const questions = new Map<string, string>();
  const images = new RequestImages();
  const rollouts = new Rollouts();
  const reviews = new ReviewJoin(rollouts, images);
  const path = (name: string): string => join(dir, name);

  const problems: RowUse<z.infer<typeof problemRow>> = {
    schema: problemRow,
    stage: 'problem',
    problemOf: ({ uid }) => uid,
    use: ({ uid, question }) => void questions.set(uid, question),
  };
  const solutions: RowUse<z.infer<typeof rolloutRow>> = {
    schema: rolloutRow,
    stage: 'sample',
    problemOf: ({ uid }) => uid,
    use: (row, line) => rollouts.add(row, line, questions),
  };
  const requests: RowUse<z.infer<typeof requestRow>> = {
    schema: requestRow,
    stage: 'judge',
    problemOf: () => null,
    use: (row) => reviews.ask(row),
  };
  const results: RowUse<z.infer<typeof resultRow>> = {
    schema: resultRow,
    stage: 'judge',
    problemOf: () => null,
    use: (row) => reviews.answer(row),
  };
  const rows = {
    'problems.jsonl': await unlessMissing(useLines(path('problems.jsonl'), problems, aside)),
    'rollouts.jsonl': await useLines(path('rollouts.jsonl'), solutions, aside),
    'judge_batch_requests.jsonl': await unlessMissing(useLines(path('judge_batch_requests.jsonl'), requests, aside)),
    'judge_results.json': await unlessMissing(useElements(path('judge_results.json'), results, aside)),
  };
  return {
    traces: rollouts.all.map((rollout) => toTrace(rollout, rollouts.pictureOf(rollout))),
    image: (image) => images.bytes(image),
    rejects: aside.rejects,
    rows,
    losses: LOSSES,
    licenses: { [SOURCE]: NOT_STATED },
  };
}
