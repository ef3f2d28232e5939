import { z } from 'zod';
import type { ServedRequest } from '../brain.ts';
import { IMAGE_MARK, readChat } from '../chat-template.ts';
import type { CompletedChoice, CompletedToken, Completion } from '../completion.ts';
import { json, type Handler, type JsonReply } from '../dialect.ts';
import { refuseInvalid } from '../refusals.ts';
import { logprobOf, topTokens, type RankedToken } from '../token-distribution.ts';
import { tokenText } from '../tokenizer.ts';
import { decodeImage, parseBody, requireImages } from './chat-body.ts';

/** Seeds are 32 bits wide; what is beyond is cut off, as a conversion in C++ does. */
export const seed32 = (seed: number | null | undefined): number | null => (seed == null ? null : seed >>> 0);

/** Texts of a grammar that is a choice of literals: `root ::= "+" | "-"`. */
export function grammarChoices(grammar: string | null | undefined): string[] | null {
  if (grammar == null) return null;
  const rule = /^root ::= ((?:"(?:[^"\\]|\\.)*"(?: \| )?)+)$/s.exec(grammar.trim())?.[1];
  if (rule === undefined) return refuseInvalid('Failed to parse grammar');
  return (rule.match(/"(?:[^"\\]|\\.)*"/gs) ?? []).map((literal) => z.string().parse(JSON.parse(literal)));
}

const completionSchema = z.object({
  prompt: z.union([
    z.string(),
    z.array(z.int()),
    z.object({ prompt_string: z.string(), multimodal_data: z.array(z.string()) }),
  ]),
  n_predict: z.int().min(-1).default(-1),
  temperature: z.number().optional(),
  seed: z.int().optional(),
  n_probs: z.int().nonnegative().default(0),
  stop: z.array(z.string()).default([]),
  grammar: z.string().optional(),
  stream: z.literal(false).optional(),
});
type NativeCompletion = z.infer<typeof completionSchema>;

/** Marks the place of an image in a rendered prompt. */
export const MEDIA = '<__media__>';

function readPrompt({ prompt }: NativeCompletion): ReturnType<typeof readChat> {
  if (typeof prompt === 'string') return readChat(prompt, []);
  if (Array.isArray(prompt)) {
    return readChat(prompt.map((id) => tokenText(id) ?? refuseInvalid('Prompt contains invalid tokens')).join(''), []);
  }
  const images = prompt.multimodal_data.map(decodeImage);
  if (prompt.prompt_string.split(MEDIA).length - 1 !== images.length) {
    return refuseInvalid('number of bitmaps does not match number of markers');
  }
  return readChat(prompt.prompt_string.replaceAll(MEDIA, IMAGE_MARK), images);
}

const STOP_TYPES = { length: 'limit', content_filter: 'eos' } as const;
const stopType = ({ finish, stoppedBy }: CompletedChoice): string =>
  finish === 'stop' ? (stoppedBy === null ? 'eos' : 'word') : STOP_TYPES[finish];

function probabilities({ token, distribution }: CompletedToken, count: number): unknown {
  const encode = ({ token: { id, text }, logprob }: RankedToken): object => ({
    id,
    token: text,
    bytes: [...Buffer.from(text)],
    logprob,
  });
  return {
    ...encode({ token, logprob: logprobOf(distribution, token.text) }),
    top_logprobs: topTokens(distribution, count).map(encode),
  };
}

const nativeReply = (completion: Completion, fields: NativeCompletion, logprobsMissing: boolean): JsonReply => {
  const [choice] = completion.choices;
  if (choice === undefined) return json({ index: 0, stop: true });
  return json({
    index: 0,
    content: choice.text,
    tokens: [],
    stop: true,
    model: 'tiny-vl',
    tokens_predicted: choice.tokens.length,
    tokens_evaluated: completion.prompt.tokens.length,
    tokens_cached: completion.cachedTokens,
    truncated: false,
    stop_type: stopType(choice),
    stopping_word: choice.stoppedBy ?? '',
    ...(fields.n_probs > 0 && !logprobsMissing
      ? { completion_probabilities: choice.tokens.map((token) => probabilities(token, fields.n_probs)) }
      : {}),
  });
};

/** llama.cpp's native route: a rendered prompt with images beside it. */
export const completion: Handler = async ({ body }, serving) => {
  const fields = parseBody(completionSchema, body);
  const prompt = readPrompt(fields);
  requireImages(prompt.messages, serving.model);
  const request: ServedRequest = {
    ...prompt,
    model: serving.model.names[0] ?? '',
    n: 1,
    seed: seed32(fields.seed),
    temperature: fields.temperature ?? null,
    maxTokens: fields.n_predict < 0 ? null : fields.n_predict,
    stop: fields.stop,
    choices: grammarChoices(fields.grammar),
    schema: null,
  };
  return nativeReply(await serving.complete(request, { keepStop: false }), fields, serving.logprobsMissing);
};
