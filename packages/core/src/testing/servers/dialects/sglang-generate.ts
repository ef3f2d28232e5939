import { z } from 'zod';
import type { ServedRequest, TokenDistribution } from '../brain.ts';
import { readChat } from '../chat-template.ts';
import type { CompletedChoice, CompletedToken, Completion } from '../completion.ts';
import { json, type Handler } from '../dialect.ts';
import { refuseInvalid } from '../refusals.ts';
import { logprobOf, plausibleDistribution, tokensOfIds, type RankedToken } from '../token-distribution.ts';
import { SPECIAL_TOKENS, tokenText } from '../tokenizer.ts';
import { chatFields, decodeImage, parseBody, readImageUrl, requireImages, stopTexts } from './chat-body.ts';

const END_OF_TURN = SPECIAL_TOKENS['<|im_end|>'];

/** The stop text, or the id of the token that ends a turn. */
export const matchedStop = ({ finish, stoppedBy }: CompletedChoice): string | number | null =>
  finish === 'stop' ? (stoppedBy ?? END_OF_TURN) : null;

const generateSchema = z
  .object({
    text: z.string().optional(),
    input_ids: z.array(z.int()).optional(),
    image_data: z.union([z.string(), z.array(z.string())]).nullish(),
    sampling_params: z
      .object({
        max_new_tokens: z.int().nonnegative().default(128),
        temperature: z.number().min(0).optional(),
        n: z.int().min(1).default(1),
        stop: chatFields.stop,
        sampling_seed: z.int().optional(),
      })
      .prefault({}),
    return_logprob: z.boolean().default(false),
    logprob_start_len: z.int().min(-1).default(-1),
    token_ids_logprob: z.array(z.int().nonnegative()).nullish(),
    return_text_in_logprobs: z.boolean().default(false),
    stream: z.literal(false).optional(),
  })
  .refine(({ text, input_ids: ids }) => (text === undefined) !== (ids === undefined), {
    error: 'Either text, input_ids or input_embeds should be provided.',
  });
type Generate = z.infer<typeof generateSchema>;

function promptText({ text, input_ids: ids = [] }: Generate): string {
  return text ?? ids.map((id) => tokenText(id) ?? refuseInvalid(`token id ${id} is out of vocabulary`)).join('');
}

/** Images are data URLs or raw base64. */
const readImages = (data: Generate['image_data']): Uint8Array[] =>
  [data ?? []].flat().map((image) => (image.startsWith('data:') ? readImageUrl(image) : decodeImage(image)));

type Entry = [number | null, number, string | null];

/** Reads a generation's log-probabilities as SGLang lists them: [log-probability, id, text or null]. */
class LogprobLists {
  readonly #fields: Generate;

  constructor(fields: Generate) {
    this.#fields = fields;
  }

  entry({ token: { id, text }, logprob }: RankedToken): Entry {
    return [logprob, id, this.#fields.return_text_in_logprobs ? text : null];
  }

  labels(distribution: TokenDistribution): Entry[] {
    const ids = this.#fields.token_ids_logprob ?? [];
    const ranked = tokensOfIds(distribution, ids) ?? refuseInvalid('token_ids_logprob has ids out of vocabulary');
    return ranked.map((token) => this.entry(token));
  }

  output(tokens: readonly CompletedToken[]): Record<string, unknown> {
    return {
      output_token_logprobs: tokens.map(({ token, distribution }) =>
        this.entry({ token, logprob: logprobOf(distribution, token.text) }),
      ),
      output_token_ids_logprobs: tokens.map(({ distribution }) => this.labels(distribution)),
    };
  }

  /** Of the prompt from `logprob_start_len` on; the first place of the list has none. */
  input({ prompt }: Completion, firstTokens: readonly TokenDistribution[]): Record<string, unknown> {
    const start = this.#fields.logprob_start_len;
    if (start < 0) return { input_token_logprobs: [], input_token_ids_logprobs: [] };
    const turns = new Map(prompt.turns.map((at, turn) => [at, firstTokens[turn]]));
    const places = prompt.tokens.slice(start).map((token, i) => ({
      token,
      distribution: turns.get(start + i) ?? plausibleDistribution(token),
    }));
    return {
      input_token_logprobs: places.map(({ token, distribution }, i) => {
        const [logprob, ...rest] = this.entry({ token, logprob: logprobOf(distribution, token.text) });
        return [i === 0 ? null : logprob, ...rest];
      }),
      input_token_ids_logprobs: places.map(({ distribution }, i) => (i === 0 ? null : this.labels(distribution))),
    };
  }
}

function generated(choice: CompletedChoice, completion: Completion, logprobs: Record<string, unknown>): unknown {
  const finish =
    choice.finish === 'length'
      ? { type: 'length', length: choice.tokens.length }
      : { type: choice.finish, matched: matchedStop(choice) };
  return {
    text: choice.text,
    output_ids: choice.tokens.map(({ token }) => token.id),
    meta_info: {
      id: 'generate-1',
      finish_reason: finish,
      prompt_tokens: completion.prompt.tokens.length,
      completion_tokens: choice.tokens.length,
      cached_tokens: completion.cachedTokens,
      ...logprobs,
    },
  };
}

/** SGLang's native route: a rendered prompt in, log-probabilities of any token ids out. */
export const generate: Handler = async ({ body }, serving) => {
  const fields = parseBody(generateSchema, body);
  const { sampling_params: sampling } = fields;
  const prompt = readChat(promptText(fields), readImages(fields.image_data));
  requireImages(prompt.messages, serving.model);
  const request: ServedRequest = {
    ...prompt,
    model: serving.model.names[0] ?? '',
    n: sampling.n,
    seed: sampling.sampling_seed ?? null,
    temperature: sampling.temperature ?? null,
    maxTokens: sampling.max_new_tokens,
    stop: stopTexts(sampling.stop),
    choices: null,
    schema: null,
  };
  const completion = await serving.complete(request, { keepStop: false });
  const lists = new LogprobLists(fields);
  const wanted = fields.return_logprob && !serving.logprobsMissing;
  const firstTokens = wanted ? ((await serving.brain.firstTokens?.(request)) ?? []) : [];
  const answers = completion.choices.map((choice) =>
    generated(
      choice,
      completion,
      wanted ? { ...lists.input(completion, firstTokens), ...lists.output(choice.tokens) } : {},
    ),
  );
  return json(sampling.n === 1 ? answers[0] : answers);
};
