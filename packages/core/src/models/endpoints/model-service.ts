import type { z } from 'zod';
import type { Usage } from '../../records/index.ts';
import type { Answered, TokenEstimate } from '../../runtime/gateway/gateway.ts';
import type { EndpointCapabilities } from './capabilities.ts';
import type { ChatAnswer, ChatRequest } from './chat.ts';
import type { EndpointKind } from './endpoint-config.ts';

/** What a call brings along that its answer's identity does not need. */
export interface CallContext {
  /** For totals: `call/policy`, `call/judge`, `call/prm`, `call/probe`. */
  readonly stage: string;
  /** Calls of equal affinity go to one replica: the problem's id. */
  readonly affinity: string;
  /** Bytes of every image that the request names, by sha256. */
  readonly images: ReadonlyMap<string, Uint8Array>;
  readonly signal?: AbortSignal;
}

/** Where an image's data URL (or raw base64) goes in the body of an exchange. */
export interface ImageSlot {
  readonly image: { readonly sha256: string; readonly mime: string };
  readonly as: 'data-url' | 'base64';
}

/** A JSON value in which images are slots: filled when it is sent, hashed as they are. */
export type JsonWithImages =
  null | boolean | number | string | ImageSlot | readonly JsonWithImages[] | { readonly [key: string]: JsonWithImages };

/** The body of a request: JSON with slots for images. */
export type WireBody = Readonly<Record<string, JsonWithImages>>;

/** A call outside of chat completions: pooling, generate, tokenize. */
export interface Exchange<Answer> {
  /** Path on the server, from its root: `/pooling`. */
  readonly path: string;
  /** Without the model's name unless the body needs it; `extraBody` of the configuration is added. */
  readonly body: WireBody;
  readonly estimate: TokenEstimate;
  readonly answerSchema: z.ZodType<Answer>;
  /** Reads the parsed JSON of the response. Throws ERR_ANSWER_MALFORMED. */
  read(response: unknown): { answer: Answer; usage: Usage };
}

/** A model behind an endpoint: every call goes through the gateway. */
export interface ModelService {
  /** The model's name, as in the configuration. */
  readonly name: string;
  readonly kind: EndpointKind;
  readonly capabilities: EndpointCapabilities;
  /** Calls that it wants at once, because it sends them in files; absent: any number. */
  readonly preferredBatch?: number;
  /**
   * One chat completion. The answer has exactly `n` choices; where a server gives one at a time, several calls are made.
   * @throws ServiceError; ERR_BUDGET; ERR_ABORTED; ERR_CAPABILITY_MISSING for what the endpoint cannot do
   */
  chat(request: ChatRequest, context: CallContext): Promise<Answered<ChatAnswer>>;
  post<Answer>(exchange: Exchange<Answer>, context: CallContext): Promise<Answered<Answer>>;
  close(): Promise<void>;
}
