import { z } from 'zod';
import type { JsonWithImages } from './model-service.ts';

/** A part of a message. An image is named by hash: its bytes travel beside the request and never reach ledger or log. */
export type ChatPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image'; readonly sha256: string; readonly mime: 'image/png' | 'image/jpeg' | 'image/webp' };

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  /** Images only in messages of the user. */
  readonly content: readonly ChatPart[];
}

/** How tokens are drawn. Null leaves a parameter to the server. */
export interface Sampling {
  readonly temperature: number | null;
  readonly topP: number | null;
  readonly topK: number | null;
  readonly minP: number | null;
  readonly repetitionPenalty: number | null;
  /** Most tokens that one choice may have. */
  readonly maxTokens: number;
}

/** One chat completion in no server's dialect. JSON: with the model's name it is what the answer depends on. */
export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  /** Completions wanted. */
  readonly n: number;
  /** In [0, 2^53); a dialect narrows it where its servers take less. Null where nothing is drawn. */
  readonly seed: number | null;
  readonly sampling: Sampling;
  /** Texts that end a choice. A choice's text ends before them. */
  readonly stop: readonly string[];
  /** The last message is the assistant's, and the completion goes on where it ends (prefill). */
  readonly continueFinal: boolean;
  /** Most likely tokens reported at each place, in addition to the written one; 0 for no log-probabilities. */
  readonly topLogprobs: number;
  /** Ids of tokens whose log-probabilities are wanted whatever their rank, where the server has that; null for none. */
  readonly labelTokenIds: readonly number[] | null;
  /** The completion must be one of these texts (structured output); null for free text. */
  readonly choices: readonly string[] | null;
  /** The completion must be JSON of this schema (structured output); absent for free text. */
  readonly responseSchema?: ResponseSchema;
}

/** A JSON Schema that an answer is held to, in the subset that strict servers take: every field required, none beyond. */
export interface ResponseSchema {
  /** Letters, digits, `_` and `-`. */
  readonly name: string;
  readonly schema: Readonly<Record<string, JsonWithImages>>;
}

export const tokenLogprobSchema = z.object({
  token: z.string(),
  /** Natural logarithm, at most 0. */
  logprob: z.number(),
  /** Null where the server names tokens by text alone. */
  id: z.int().nullable(),
});
export type TokenLogprob = z.infer<typeof tokenLogprobSchema>;

const writtenTokenSchema = tokenLogprobSchema.extend({
  /** Null when the server does not tell it, because the token was too unlikely. */
  logprob: z.number().nullable(),
  /** Most likely tokens at this place, and the label tokens that were asked for; the written one may be among them. */
  top: z.array(tokenLogprobSchema),
});
export type WrittenToken = z.infer<typeof writtenTokenSchema>;

const chatChoiceSchema = z.object({
  text: z.string(),
  /**
   * `stop`: it came to its end or to a stop text; `length`: it was cut at the limit of tokens; `content-filter`: it was
   * withheld. When all are, there is no answer but ERR_CONTENT_FILTER.
   */
  finish: z.enum(['stop', 'length', 'content-filter']),
  /** The stop text that ended it; null: none did, it came to its end; absent: the server does not tell. */
  stoppedBy: z.string().nullable().optional(),
  /** Tokens written; null where the server counts all choices together. */
  tokens: z.int().nonnegative().nullable(),
  /** [tokens]; null when none were asked for. */
  logprobs: z.array(writtenTokenSchema).nullable(),
});
export type ChatChoice = z.infer<typeof chatChoiceSchema>;

/** What a server answered: as many choices as were asked for, in order. */
export const chatAnswerSchema = z.object({ choices: z.array(chatChoiceSchema) });
export type ChatAnswer = z.infer<typeof chatAnswerSchema>;
