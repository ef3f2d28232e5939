import { z } from 'zod';
import { VlprmError } from '../../../runtime/errors.ts';
import { ServiceError } from '../../../runtime/gateway/service-error.ts';
import { formatBlocks } from '../../../text/step-grammar.ts';
import type { Solution } from '../../ports.ts';
import type { StepReading } from '../../step-reading.ts';
import type { ChatMessage } from '../chat.ts';
import { readAnswer } from '../dialects/answer-json.ts';
import { encodeMessage } from '../dialects/openai-messages.ts';
import type { PrmEndpointConfig } from '../endpoint-config.ts';
import { estimateMessages } from '../estimate.ts';
import type { CallContext, ModelService } from '../model-service.ts';
import { problemImages, type ProblemImages } from '../problem-images.ts';
import { withoutImages } from './conversation.ts';
import { tokenize, tokenUsageSchema, usageOfCall } from './server-calls.ts';
import { costOfPass, prmCall, type StepLogitReader } from './step-logit-reader.ts';

const PATH = '/pooling';
/** Marks the end of a step for Qwen2.5-Math-PRM: https://huggingface.co/Qwen/Qwen2.5-Math-PRM-7B */
const STEP_TAG = '<extra_0>';

/** [rows][values] */
const rowsSchema = z.array(z.array(z.number()).min(1));
const responseSchema = z.object({ data: z.array(z.object({ data: rowsSchema })).length(1), usage: tokenUsageSchema });

/**
 * Reads all steps of a solution in one pass of a PRM with a head of its own, through vLLM's `/pooling`: the steps are one
 * answer with a tag after each, and a row of probabilities comes back for each tag, or for each token, of which those of
 * the tags are taken. https://docs.vllm.ai/en/latest/models/pooling_models.html
 */
export function poolingReader(service: ModelService, config: PrmEndpointConfig): StepLogitReader {
  const tag = config.stepTag ?? STEP_TAG;
  return {
    readsAllStepsAtOnce: true,
    read: async (solution, steps, signal) => {
      const count = steps.at(-1)! + 1;
      const images = problemImages(solution);
      const context = prmCall(solution, images, signal);
      const messages = taggedMessages(solution, count, tag, images, config.instruction ?? '');
      const promptTokens = estimateMessages(messages);
      const answered = await service.post(
        {
          path: PATH,
          body: {
            model: service.name,
            messages: messages.map(encodeMessage),
            add_generation_prompt: false,
            encoding_format: 'float',
          },
          estimate: { promptTokens, completionTokens: 0 },
          answerSchema: rowsSchema,
          read: (response) => {
            const { data, usage } = readAnswer(responseSchema, response);
            return { answer: data[0]!.data, usage: usageOfCall(usage) };
          },
        },
        context,
      );
      const rows =
        answered.answer.length === count
          ? answered.answer
          : await rowsOfTags(service, answered.answer, messages, count, tag, config.stepTagId, context);
      return {
        readings: steps.map((step) => readProbabilities(rows[step]!, config.positiveIndex)),
        ...costOfPass(answered, promptTokens),
      };
    },
  };
}

function taggedMessages(
  { problem, steps }: Solution,
  count: number,
  tag: string,
  { parts }: ProblemImages,
  instruction: string,
): ChatMessage[] {
  const blocks = formatBlocks(steps.slice(0, count));
  const marked = blocks.findIndex((block) => block.includes(tag));
  if (marked >= 0 || problem.question.includes(tag)) {
    throw new VlprmError(
      'ERR_TRACE_MALFORMED',
      `${marked < 0 ? 'the question' : `step ${marked}`} contains the tag ${tag}`,
      {
        where: `problem ${problem.id}`,
        fix: 'remove the tag from the text, or set another prm.stepTag',
      },
    );
  }
  const text = (role: ChatMessage['role'], content: string): ChatMessage => ({
    role,
    content: [{ type: 'text', text: content }],
  });
  return [
    ...(instruction === '' ? [] : [text('system', instruction)]),
    { role: 'user', content: [...parts, { type: 'text', text: problem.question }] },
    text('assistant', blocks.map((block) => block + tag).join('')),
  ];
}

/** Of a row for each token, those of the tags: found from the end, since images add tokens before the answer. */
async function rowsOfTags(
  service: ModelService,
  rows: readonly (readonly number[])[],
  messages: readonly ChatMessage[],
  steps: number,
  tag: string,
  knownTagId: number | undefined,
  context: CallContext,
): Promise<(readonly number[])[]> {
  const ids = await tokenize(
    service,
    { model: service.name, messages: messages.map(withoutImages), add_generation_prompt: false },
    context,
  );
  const [tagId] =
    knownTagId === undefined
      ? await tokenize(service, { model: service.name, prompt: tag, add_special_tokens: false }, context)
      : [knownTagId];
  const shift = rows.length - ids.length;
  const tagged = ids.flatMap((id, place) => (id === tagId && shift >= 0 ? [rows[place + shift]!] : []));
  if (tagged.length === steps) return tagged;
  throw new ServiceError('ERR_ANSWER_MALFORMED', `${rows.length} rows for ${steps} steps`, {
    where: service.name,
    fix: 'serve the PRM with STEP pooling, and set prm.stepTag and prm.stepTagId to its tag',
  });
}

/** By which rounding to 16-bit floats may move the sum of a row. */
const ROUNDING = 0.02;
/** The smallest number above 0 of a 16-bit float: a probability that a server gives as 0 is at most about this. */
const SMALLEST = 2 ** -24;

/**
 * The logit of a step from its row of probabilities. Where one of them is 0 after rounding, the logit is a bound.
 * @throws ServiceError ERR_ANSWER_MALFORMED for what is no probability
 */
export function readProbabilities(row: readonly number[], positiveIndex = row.length === 1 ? 0 : 1): StepReading {
  const right = row[positiveIndex];
  const sum = row.reduce((some, value) => some + value, 0);
  const normal = row.length === 1 || Math.abs(sum - 1) <= ROUNDING;
  if (right === undefined || !normal || row.some((value) => !(value >= 0 && value <= 1))) {
    throw new ServiceError('ERR_ANSWER_MALFORMED', `a row [${row.slice(0, 4).join(', ')}] is no row of probabilities`, {
      fix: 'check prm.positiveIndex, and that the server applies softmax to the head',
    });
  }
  const wrong =
    row.length === 1 ? 1 - right : row.reduce((sum, value, index) => sum + (index === positiveIndex ? 0 : value), 0);
  const logit = Math.log(Math.max(right, SMALLEST)) - Math.log(Math.max(wrong, SMALLEST));
  return { logit, mass: null, bound: right === 0 ? -1 : wrong === 0 ? 1 : 0 };
}
