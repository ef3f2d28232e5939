import { TRACE_SCHEMA, type LabelSemantics, type StepLabel, type Trace } from '@vlprm/core/records';
import { contentHash, parseRecord, parseTrace, readJsonl, VlprmError } from '@vlprm/core/runtime';
import { z } from 'zod';

/** What a benchmark row says, whatever its format. */
interface LabelledSolution {
  readonly sourceId: string;
  readonly source: string;
  readonly policy: string | null;
  readonly images: readonly string[];
  readonly question: string;
  readonly answer: string | null;
  readonly outcome: Trace['outcome'];
  readonly steps: readonly string[];
  readonly labels: readonly StepLabel[];
  readonly semantics: LabelSemantics;
}

/** A human-labelled solution as a canonical trace. Its pictures stay where they are: metrics need none. */
function toTrace(solution: LabelledSolution): Trace {
  const { sourceId, source, policy, images, question, answer, outcome, steps, labels, semantics } = solution;
  const firstError = labels.indexOf(-1);
  const problemId = contentHash({ images, question });
  return {
    schema: TRACE_SCHEMA,
    id: contentHash({ problemId, source, sourceId, policy, steps }),
    problemId,
    groupId: problemId,
    images: [],
    question,
    answer,
    steps: steps.map((text, index) => ({
      index,
      kind: null,
      text,
      mc: null,
      judge: [],
      label: labels[index] ?? null,
      soft: null,
      origin: 'human',
    })),
    finalAnswer: null,
    outcome,
    firstError: firstError < 0 ? null : firstError,
    consensus: { rule: 'human', semantics, kept: true, reason: 'human labels' },
    provenance: { source, policy, judges: [], seed: null, usd: null, sourceId },
  };
}

const text = z.union([z.string(), z.number()]).transform(String);

const visualProcessBenchRow = z.object({
  id: text.optional(),
  image: z.union([z.string().transform((path) => [path]), z.array(z.string())]),
  question: z.string().min(1),
  answer: text.nullish(),
  response: z.object({
    steps: z.array(z.string().min(1)).min(1),
    process_correctness: z.array(z.union([z.literal(1), z.literal(0), z.literal(-1)])),
  }),
  policy_model: z.string().nullish(),
  data_source: z.string().min(1),
});

function parseVisualProcessBench(value: unknown, row: number, where: string): Trace {
  const { id, image, question, answer, response, policy_model, data_source } = parseRecord(
    visualProcessBenchRow,
    value,
    where,
  );
  const { steps, process_correctness: labels } = response;
  if (steps.length !== labels.length) {
    throw new VlprmError('ERR_STEP_COUNT', `${labels.length} labels for ${steps.length} steps`, {
      where: `${where}: response.process_correctness`,
      fix: 'give one label a step',
    });
  }
  return toTrace({
    sourceId: id ?? String(row),
    source: data_source,
    policy: policy_model ?? null,
    images: image,
    question,
    answer: answer ?? null,
    outcome: 'unparsable',
    steps,
    labels,
    semantics: 'local',
  });
}

const processBenchRow = z.object({
  id: z.string().min(1),
  generator: z.string().nullish(),
  problem: z.string().min(1),
  steps: z.array(z.string().min(1)).min(1),
  final_answer_correct: z.boolean(),
  label: z.int().min(-1),
});

function parseProcessBench(value: unknown, _row: number, where: string): Trace {
  const { id, generator, problem, steps, final_answer_correct, label } = parseRecord(processBenchRow, value, where);
  if (label >= steps.length) {
    throw new VlprmError('ERR_STEP_COUNT', `an error at step ${label} of ${steps.length} steps`, {
      where: `${where}: label`,
      fix: 'give the 0-based index of the first error, or -1',
    });
  }
  return toTrace({
    sourceId: id,
    source: id.replace(/-\d+$/, ''),
    policy: generator ?? null,
    images: [],
    question: problem,
    answer: null,
    outcome: final_answer_correct ? 'correct' : 'incorrect',
    steps,
    labels: steps.map((_, step) => (label < 0 || step < label ? 1 : step === label ? -1 : null)),
    semantics: 'first-error',
  });
}

const isCanonical = (value: unknown): boolean => typeof value === 'object' && value !== null && 'schema' in value;

async function* readRows(
  path: string,
  parse: (value: unknown, row: number, where: string) => Trace,
): AsyncGenerator<Trace> {
  let row = 0;
  for await (const { line, value } of readJsonl(path, z.unknown())) {
    const where = `${path}:${line}`;
    yield isCanonical(value) ? parseTrace(value, where) : parse(value, row, where);
    row += 1;
  }
}

/**
 * VisualProcessBench's `test.jsonl` (https://huggingface.co/datasets/OpenGVLab/VisualProcessBench) as traces with human
 * labels of 1, 0 (neutral) and -1, each step on its own. The benchmark does not tell perception from reasoning, nor
 * whether the final answer was right. Canonical rows are taken as they are.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_STEP_COUNT
 */
export const readVisualProcessBench = (path: string): AsyncGenerator<Trace> => readRows(path, parseVisualProcessBench);

/**
 * ProcessBench (https://huggingface.co/datasets/Qwen/ProcessBench) as JSON lines: the first error is labelled, what
 * follows it is not. The source of a row is its id without the number, such as `gsm8k`. Canonical rows are taken as they are.
 * @throws ERR_FILE_MISSING, ERR_FILE_MALFORMED, ERR_STEP_COUNT
 */
export const readProcessBench = (path: string): AsyncGenerator<Trace> => readRows(path, parseProcessBench);
