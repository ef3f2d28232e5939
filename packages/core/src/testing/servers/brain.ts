import type { JsonSchema } from './constrained-json.ts';

/** A message as a server has read it. */
export interface ServedMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly text: string;
  /** Bytes of its images, in order. */
  readonly images: readonly Uint8Array[];
}

/** What a server asks of the model behind it, whatever dialect it was asked in. */
export interface ServedRequest {
  readonly model: string;
  readonly messages: readonly ServedMessage[];
  /** The last message is the assistant's and is to be continued. */
  readonly continueFinal: boolean;
  /** The prompt ends with the header of a turn that is to be written. */
  readonly generationPrompt: boolean;
  readonly n: number;
  readonly seed: number | null;
  readonly temperature: number | null;
  readonly maxTokens: number | null;
  readonly stop: readonly string[];
  /** The texts that structured output allows; null for any. */
  readonly choices: readonly string[] | null;
  /** The JSON Schema that structured output holds to; null for none. */
  readonly schema: JsonSchema | null;
}

/** Natural log-probabilities by text of token; what is missing to probability 1 lies on tokens that are not named. */
export type TokenDistribution = ReadonlyMap<string, number>;

/** The model behind a server. */
export interface Brain {
  /** Texts of `request.n` completions, each to the model's own end: stop texts and limits are the server's work. */
  write(request: ServedRequest): Promise<readonly string[]>;
  /** What the first token of each turn of the assistant may be, the turn that is to be written last. */
  firstTokens?(request: ServedRequest): Promise<readonly TokenDistribution[]>;
  /** Probability that a step is right, for each of the steps that end in `stepTag` (a pooling model). */
  poolSteps?(messages: readonly ServedMessage[], stepTag: string): Promise<readonly number[]>;
}
