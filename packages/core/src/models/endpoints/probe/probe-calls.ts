import type { ChatAnswer, ChatChoice, ChatMessage, ChatPart, ChatRequest, ResponseSchema } from '../chat.ts';
import type { CallContext, ModelService } from '../model-service.ts';
import { imageHash } from '../../image.ts';
import type { Answered } from '../../../runtime/gateway/gateway.ts';

/** Enough for a word, also from a model that thinks a little first. */
const MAX_TOKENS = 16;

/** Larger than the smallest side that vision models take (28 for Qwen2-VL, https://arxiv.org/abs/2409.12191). */
const PICTURE_SIDE = 56;

/** A grey square as PNG, of which the shade makes another image. */
async function grey(shade: number): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  const create = { width: PICTURE_SIDE, height: PICTURE_SIDE, channels: 3, background: { r: shade, g: shade, b: 90 } };
  return new Uint8Array(
    await sharp({ create: create as never })
      .png()
      .toBuffer(),
  );
}

const text = (value: string): ChatPart => ({ type: 'text', text: value });
const user = (...content: ChatPart[]): ChatMessage => ({ role: 'user', content });
const assistant = (words: string): ChatMessage => ({ role: 'assistant', content: [text(words)] });

const QUESTION = 'What colour is the sky? Answer in one word.';
const BEGINNING = 'The sky is';

const PLAIN: ChatRequest = {
  messages: [user(text(QUESTION))],
  n: 1,
  seed: null,
  sampling: { temperature: null, topP: null, topK: null, minP: null, repetitionPenalty: null, maxTokens: MAX_TOKENS },
  stop: [],
  continueFinal: false,
  topLogprobs: 0,
  labelTokenIds: null,
  choices: null,
};

/** Texts that nobody answers the question with unless held to them. */
export const PROBE_CHOICES = ['seventeen', 'eighteen'] as const;
/** JSON that nobody answers the question with unless held to it. */
const PROBE_SCHEMA: ResponseSchema = {
  name: 'answer',
  schema: {
    type: 'object',
    properties: { answer: { type: 'string', enum: [...PROBE_CHOICES] } },
    required: ['answer'],
    additionalProperties: false,
  },
};
/** Room for line breaks and indentation. */
const SCHEMA_TOKENS = 2 * MAX_TOKENS;
const PROBE_ANSWERS = PROBE_CHOICES.map((answer) => JSON.stringify({ answer }));

/** Whether an answer is JSON of the probe's schema, or the beginning of it where it was cut off. */
export function isProbeAnswer({ text, finish }: ChatChoice): boolean {
  const compact = text.replace(/\s+/g, '');
  if (finish === 'length') return compact !== '' && PROBE_ANSWERS.some((answer) => answer.startsWith(compact));
  return PROBE_ANSWERS.includes(compact);
}

/** Ids of tokens that are hardly among the most likely ones, in any vocabulary. `+` and `-` for Qwen. */
export const PROBE_LABEL_IDS = [10, 12] as const;

/** The tiny calls of a probe, counted. None of them depends on what the model says. */
export class ProbeCalls {
  readonly #service: Pick<ModelService, 'chat'>;
  readonly #signal: AbortSignal | undefined;
  made = 0;

  constructor(service: Pick<ModelService, 'chat'>, signal: AbortSignal | undefined) {
    this.#service = service;
    this.#signal = signal;
  }

  plain(): Promise<Answered<ChatAnswer>> {
    return this.#ask({});
  }

  sampled(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ seed: 7, sampling: { ...PLAIN.sampling, temperature: 0.5, topP: 0.9 } });
  }

  /** An answer that has begun. */
  begun(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ messages: [user(text(QUESTION)), assistant(BEGINNING)], continueFinal: true });
  }

  /** The same words, but in the question. */
  asked(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ messages: [user(text(`${QUESTION} ${BEGINNING}`))] });
  }

  logprobs(topLogprobs: number): Promise<Answered<ChatAnswer>> {
    return this.#ask({ topLogprobs });
  }

  labelLogprobs(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ topLogprobs: 1, labelTokenIds: PROBE_LABEL_IDS });
  }

  choices(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ choices: PROBE_CHOICES });
  }

  schema(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ responseSchema: PROBE_SCHEMA, sampling: { ...PLAIN.sampling, maxTokens: SCHEMA_TOKENS } });
  }

  stopped(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ stop: ['\n\n'] });
  }

  several(): Promise<Answered<ChatAnswer>> {
    return this.#ask({ n: 2 });
  }

  async pictures(count: number): Promise<Answered<ChatAnswer>> {
    const pictures = await Promise.all(Array.from({ length: count }, (_, index) => grey(20 + index * 20)));
    const images = new Map(pictures.map((bytes) => [imageHash(bytes), bytes]));
    const parts = [...images.keys()].map((sha256): ChatPart => ({ type: 'image', sha256, mime: 'image/png' }));
    return this.#ask({ messages: [user(...parts, text(QUESTION))] }, images);
  }

  #ask(change: Partial<ChatRequest>, images: CallContext['images'] = new Map()): Promise<Answered<ChatAnswer>> {
    this.made += 1;
    return this.#service.chat(
      { ...PLAIN, ...change },
      { stage: 'call/probe', affinity: 'probe', images, ...(this.#signal && { signal: this.#signal }) },
    );
  }
}
