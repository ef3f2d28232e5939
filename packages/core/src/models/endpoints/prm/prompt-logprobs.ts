import { z } from 'zod';
import { tokenLogprobSchema, type ChatMessage, type TokenLogprob } from '../chat.ts';
import { malformed, readAnswer } from '../dialects/answer-json.ts';
import { encodeMessage } from '../dialects/openai-messages.ts';
import type { PrmEndpointConfig } from '../endpoint-config.ts';
import { estimateMessages } from '../estimate.ts';
import type { ModelService, WireBody } from '../model-service.ts';
import { labelledMessages, prmConversation, withoutImages } from './conversation.ts';
import { findLabels, promptAstray, type LabelPlaces } from './label-places.ts';
import { readLabels } from './labels.ts';
import { tokenUsageSchema, usageOfCall } from './server-calls.ts';
import { costOfPass, prmCall, type StepLogitReader } from './step-logit-reader.ts';

const PATH = '/v1/chat/completions';
/** Most likely tokens told at each place of the prompt, images included: few, for prompts are long. */
const PROMPT_LOGPROBS = 5;

const toldSchema = z.object({ logprob: z.number(), decoded_token: z.string().nullish() });
const responseSchema = z.object({
  prompt_logprobs: z.array(z.record(z.string(), toldSchema).nullable()),
  usage: tokenUsageSchema,
});
type PromptLogprobs = z.infer<typeof responseSchema>['prompt_logprobs'];

/**
 * Reads all steps of a solution in one pass of vLLM: the whole conversation with every label filled in is the prompt, and
 * `prompt_logprobs` tells at each label's own place how likely either label was there. vLLM gives up its prefix cache for
 * such prompts, and fails on them for some models with images; `chat-token` reads the same scores.
 * https://docs.vllm.ai/en/latest/serving/openai_compatible_server/
 */
export function promptLogprobsReader(service: ModelService, config: PrmEndpointConfig): StepLogitReader {
  return {
    readsAllStepsAtOnce: true,
    read: async (solution, steps, signal) => {
      const conversation = prmConversation(solution, config);
      const context = prmCall(solution, conversation.images, signal);
      const count = steps.at(-1)! + 1;
      const whole = (label: 'positive' | 'negative'): ChatMessage[] =>
        labelledMessages(conversation, count, 'labelled', config.labels[label]);
      // Without its images: they stand before the first label, and labels are counted from the end.
      const tokenizeBody = (label: 'positive' | 'negative'): WireBody => ({
        model: service.name,
        messages: whole(label).map(withoutImages),
        add_generation_prompt: false,
      });
      const labels = await findLabels(service, tokenizeBody, count, context);
      const messages = whole('positive');
      const promptTokens = estimateMessages(messages);
      const answered = await service.post(
        {
          path: PATH,
          body: {
            model: service.name,
            messages: messages.map(encodeMessage),
            add_generation_prompt: false,
            max_tokens: 1,
            temperature: 0,
            prompt_logprobs: PROMPT_LOGPROBS,
          },
          estimate: { promptTokens, completionTokens: 1 },
          answerSchema: z.array(z.array(tokenLogprobSchema)),
          read: (response) => {
            const { prompt_logprobs: told, usage } = readAnswer(responseSchema, response);
            return { answer: atLabels(told, labels), usage: usageOfCall(usage) };
          },
        },
        context,
      );
      const { positiveId, negativeId } = labels;
      const named = { ...config.labels, positiveId, negativeId };
      return {
        readings: steps.map((step) => readLabels(answered.answer[step]!, named, config.missingLabel)),
        ...costOfPass(answered, promptTokens),
      };
    },
  };
}

/**
 * [steps] Tokens told at each label. Places are counted from the end. The token of the prompt itself is always told, so
 * from the first label on every token of the conversation must be found in its place.
 */
function atLabels(told: PromptLogprobs, { ids, places }: LabelPlaces): TokenLogprob[][] {
  const shift = told.length - ids.length;
  const astray = ids.findIndex((id, place) => {
    if (place < places[0]!) return false;
    const entry = told[place + shift];
    if (entry == null) throw malformed(`token ${place} of the prompt has no log-probabilities`);
    return !(String(id) in entry);
  });
  if (astray >= 0) throw promptAstray(astray);
  return places.map((place) =>
    Object.entries(told[place + shift]!).map(([id, { logprob, decoded_token: token }]) => ({
      id: Number(id),
      token: token ?? '',
      logprob,
    })),
  );
}
