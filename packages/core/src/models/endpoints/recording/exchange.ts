import { z } from 'zod';
import { contentHash } from '../../../runtime/content-hash.ts';

export const RECORDING_SCHEMA = 'vlprm.recording/1';

const requestSchema = z.object({
  method: z.string().min(1),
  /** Path and query on the server; its address is left out, so that a recording can be replayed for another one. */
  path: z.string().startsWith('/'),
  /** JSON, or the text of a body that is none; null without a body. Images are `{image: {sha256, mime, bytes}}`. */
  body: z.json(),
});
export type RecordedRequest = z.infer<typeof requestSchema>;

const responseSchema = z.object({
  status: z.int().min(200).max(599),
  /** Those that say what the body is and what the limits are. */
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  /** False when the connection broke before the body was whole. */
  whole: z.boolean(),
});

/** A line of a recording: a request and what came back. */
export const exchangeSchema = z.object({
  schema: z.literal(RECORDING_SCHEMA),
  request: requestSchema,
  /** Null when there was no response. */
  response: responseSchema.nullable(),
  /** Why there was no response: the system's code (`ECONNREFUSED`) and words. */
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** When it was sent, and how long it took in milliseconds. */
  sentAt: z.iso.datetime(),
  firstByteMs: z.number().nonnegative().nullable(),
  totalMs: z.number().nonnegative(),
});
export type RecordedExchange = z.infer<typeof exchangeSchema>;

/** Equal for requests that a replay takes to be the same. */
export const requestKey = (request: RecordedRequest): string => contentHash(request);
