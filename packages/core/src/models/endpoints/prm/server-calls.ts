import { z } from 'zod';
import type { Usage } from '../../../records/index.ts';
import { readAnswer } from '../dialects/answer-json.ts';
import type { CallContext, ModelService, WireBody } from '../model-service.ts';

/** What OpenAI-like routes tell of tokens. */
export const tokenUsageSchema = z
  .object({ prompt_tokens: z.int().nonnegative().nullish(), completion_tokens: z.int().nonnegative().nullish() })
  .nullish();

/** Usage of one call; what a server does not tell is unknown. */
export function usageOfCall(told: z.infer<typeof tokenUsageSchema>): Usage {
  return {
    calls: 1,
    promptTokens: told?.prompt_tokens ?? null,
    completionTokens: told?.completion_tokens ?? null,
    usd: null,
  };
}

const tokenIdsSchema = z.array(z.int().nonnegative());
const tokenizedSchema = z.object({ tokens: tokenIdsSchema });

/** Token ids by the server's own tokenizer (`/tokenize` of vLLM and SGLang); no pass of the model, so it costs no tokens. */
export async function tokenize(service: ModelService, body: WireBody, context: CallContext): Promise<number[]> {
  const { answer } = await service.post(
    {
      path: '/tokenize',
      body,
      estimate: { promptTokens: 0, completionTokens: 0 },
      answerSchema: tokenIdsSchema,
      read: (response) => ({
        answer: readAnswer(tokenizedSchema, response).tokens,
        usage: { calls: 1, promptTokens: 0, completionTokens: 0, usd: 0 },
      }),
    },
    context,
  );
  return answer;
}
