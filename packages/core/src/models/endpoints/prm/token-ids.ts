import { z } from 'zod';
import { tokenLogprobSchema, type ChatMessage, type TokenLogprob } from '../chat.ts';
import { malformed, readAnswer } from '../dialects/answer-json.ts';
import type { PrmEndpointConfig } from '../endpoint-config.ts';
import { estimateMessages } from '../estimate.ts';
import type { CallContext, Exchange, ImageSlot, ModelService, WireBody } from '../model-service.ts';
import { labelledMessages, labelledText, prmConversation, type PrmConversation } from './conversation.ts';
import { findLabels, promptAstray, type LabelPlaces } from './label-places.ts';
import { readLabels } from './labels.ts';
import { usageOfCall } from './server-calls.ts';
import { costOfPass, prmCall, type StepLogitReader } from './step-logit-reader.ts';

const PATH = '/generate';

/** [log-probability, id, text]; the first token of a prompt has no log-probability. */
const tokenSchema = z.tuple([z.number().nullable(), z.int(), z.string().nullable()]);
const rowSchema = z.array(tokenSchema).nullable();
const responseSchema = z.object({
  meta_info: z.object({
    prompt_tokens: z.int().nonnegative().nullish(),
    completion_tokens: z.int().nonnegative().nullish(),
    input_token_logprobs: z.array(tokenSchema).nullish(),
    input_token_ids_logprobs: z.array(rowSchema).nullish(),
    output_token_ids_logprobs: z.array(rowSchema).nullish(),
  }),
});
type MetaInfo = z.infer<typeof responseSchema>['meta_info'];

type LabelIds = Pick<LabelPlaces, 'positiveId' | 'negativeId'>;

/**
 * Reads a generative PRM through SGLang's `/generate`, which tells the log-probabilities of named tokens whatever their
 * rank: no label is ever missing. All steps are read in one pass, with every label filled in; a single step, where the
 * configuration names both ids, with its label open, so that the server's prefix cache serves what stands before it.
 * https://docs.sglang.ai/basic_usage/native_api.html
 */
export function tokenIdsReader(service: ModelService, config: PrmEndpointConfig): StepLogitReader {
  const { positiveId, negativeId } = config.labels;
  const named = positiveId === undefined || negativeId === undefined ? null : { positiveId, negativeId };
  return {
    readsAllStepsAtOnce: true,
    read: async (solution, steps, signal) => {
      const conversation = prmConversation(solution, config);
      const context = prmCall(solution, conversation.images, signal);
      const prompt = await planPrompt(service, config, conversation, steps, named, context);
      const answered = await service.post(generation(prompt, conversation), context);
      const labels = { ...config.labels, ...prompt.ids };
      return {
        readings: prompt.rows.map((row) => readLabels(answered.answer[row]!, labels, config.missingLabel)),
        ...costOfPass(answered, prompt.tokensAtMost),
      };
    },
  };
}

interface Prompt {
  readonly text: string;
  readonly tokensAtMost: number;
  readonly ids: LabelIds;
  /** Null when the label is the token to be written. */
  readonly labels: LabelPlaces | null;
  /** [steps] rows of the answer that are wanted. */
  readonly rows: readonly number[];
}

async function planPrompt(
  service: ModelService,
  config: PrmEndpointConfig,
  conversation: PrmConversation,
  steps: readonly number[],
  named: LabelIds | null,
  context: CallContext,
): Promise<Prompt> {
  const count = steps.at(-1)! + 1;
  const last = named !== null && steps.length === 1 ? 'open' : 'labelled';
  const messages = (label: 'positive' | 'negative'): ChatMessage[] =>
    labelledMessages(conversation, count, last, config.labels[label]);
  const text = (label: 'positive' | 'negative'): string => labelledText(messages(label), last, config);
  const prompt = { text: text('positive'), tokensAtMost: estimateMessages(messages('positive')) };
  if (named !== null && last === 'open') return { ...prompt, ids: named, labels: null, rows: [0] };
  const body = (label: 'positive' | 'negative'): WireBody => ({
    model: service.name,
    prompt: text(label),
    add_special_tokens: false,
  });
  const labels = await findLabels(service, body, count, context);
  return { ...prompt, ids: labels, labels, rows: steps };
}

/** One pass over the prompt. Answer: [labels][2]. */
function generation(
  { text, tokensAtMost, ids, labels }: Prompt,
  { images }: PrmConversation,
): Exchange<TokenLogprob[][]> {
  const slots = images.parts.map(({ sha256, mime }): ImageSlot => ({ image: { sha256, mime }, as: 'data-url' }));
  return {
    path: PATH,
    body: {
      text,
      ...(slots.length === 0 ? {} : { image_data: slots }),
      sampling_params: { max_new_tokens: 1, temperature: 0 },
      return_logprob: true,
      logprob_start_len: labels === null ? -1 : 0,
      token_ids_logprob: [ids.positiveId, ids.negativeId],
    },
    estimate: { promptTokens: tokensAtMost, completionTokens: 1 },
    answerSchema: z.array(z.array(tokenLogprobSchema)),
    read: (response) => {
      const { meta_info: told } = readAnswer(responseSchema, response);
      const answer = labels === null ? [rowOf(told.output_token_ids_logprobs?.[0])] : rowsAtLabels(told, labels);
      return { answer, usage: usageOfCall(told) };
    },
  };
}

/** Places are counted from the end, and from the first label on every token must be the one that `/tokenize` gave. */
function rowsAtLabels(
  { input_token_logprobs: tokens, input_token_ids_logprobs: rows }: MetaInfo,
  { ids, places }: LabelPlaces,
): TokenLogprob[][] {
  if (!tokens || tokens.length < ids.length) throw malformed('the tokens of the prompt have no log-probabilities');
  const shift = tokens.length - ids.length;
  const astray = ids.findIndex((id, place) => place >= places[0]! && tokens[place + shift]?.[1] !== id);
  if (astray >= 0) throw promptAstray(astray);
  return places.map((place) => rowOf(rows?.[place + shift]));
}

function rowOf(row: z.infer<typeof rowSchema> | undefined): TokenLogprob[] {
  const tokens = (row ?? []).flatMap(([logprob, id, token]) =>
    logprob === null ? [] : [{ logprob, id, token: token ?? '' }],
  );
  if (tokens.length > 0) return tokens;
  throw malformed('the answer has no log-probabilities of the label ids');
}
