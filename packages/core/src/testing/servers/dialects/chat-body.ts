import { z } from 'zod';
import type { ServedMessage, ServedRequest } from '../brain.ts';
import type { ServedModel } from '../dialect.ts';
import { jsonSchema } from '../constrained-json.ts';
import { RefusedRequest, refuseInvalid } from '../refusals.ts';

const partSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({
    type: z.literal('image_url'),
    image_url: z.object({ url: z.string(), detail: z.enum(['auto', 'low', 'high']).optional() }),
  }),
]);

export const messagesSchema = z
  .array(
    z.object({
      role: z.enum(['system', 'user', 'assistant']),
      content: z.union([z.string(), z.array(partSchema)]),
    }),
  )
  .min(1);
type WireMessage = z.infer<typeof messagesSchema>[number];

const count = z.int().nonnegative();

const responseFormatSchema = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['text', 'json_object']) }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({ name: z.string(), schema: jsonSchema, strict: z.boolean().nullish() }),
  }),
]);

/** Fields of a chat completion that every server with OpenAI's route reads. */
export const chatFields = {
  model: z.string().optional(),
  messages: messagesSchema,
  n: z.int().min(1).max(128).nullish(),
  seed: z.int().nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_tokens: count.nullish(),
  max_completion_tokens: count.nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().nullish(),
  stream: z.boolean().nullish(),
  response_format: responseFormatSchema.nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
};
export type ChatFields = z.infer<z.ZodObject<typeof chatFields>>;

const SIGNATURES: readonly (readonly number[])[] = [
  [0x89, 0x50, 0x4e, 0x47],
  [0xff, 0xd8, 0xff],
  [0x52, 0x49, 0x46, 0x46],
];

/** Bytes of a base64 image; refused when it is no PNG, JPEG or WebP. */
export function decodeImage(base64: string): Uint8Array {
  const bytes = Buffer.from(base64, 'base64');
  const known = SIGNATURES.some((signature) => signature.every((byte, i) => bytes[i] === byte));
  if (!known || bytes.toString('base64') !== base64) throw new RefusedRequest({ kind: 'image-unreadable' });
  return new Uint8Array(bytes);
}

const DATA_URL = /^data:image\/(?:png|jpeg|webp|gif);base64,(.*)$/s;

/** Bytes of an image that stands in a data URL. */
export function readImageUrl(url: string): Uint8Array {
  const base64 = DATA_URL.exec(url)?.[1];
  if (base64 === undefined) throw new RefusedRequest({ kind: 'image-unreadable' });
  return decodeImage(base64);
}

function readMessage({ role, content }: WireMessage): ServedMessage {
  if (typeof content === 'string') return { role, text: content, images: [] };
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  const images = content.flatMap((part) => (part.type === 'image_url' ? [readImageUrl(part.image_url.url)] : []));
  return { role, text, images };
}

/** Messages with their images as bytes, refused when the model cannot take the images. */
export function readMessages(messages: readonly WireMessage[], model: ServedModel): ServedMessage[] {
  const read = messages.map(readMessage);
  requireImages(read, model);
  return read;
}

/** Refuses images that the model cannot see, or more than it takes. */
export function requireImages(messages: readonly ServedMessage[], model: ServedModel): void {
  const images = messages.reduce((total, message) => total + message.images.length, 0);
  if (images > 0 && !model.images)
    throw new RefusedRequest({ kind: 'images-unsupported', model: model.names[0] ?? '' });
  if (model.maxImages !== null && images > model.maxImages) {
    throw new RefusedRequest({ kind: 'images-too-many', limit: model.maxImages, count: images });
  }
}

/** Parses a body as the dialect's schema; the first violation is the server's answer. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return refuseInvalid(issue?.message ?? 'invalid request', { param: issue?.path.join('.') ?? '' });
}

export const stopTexts = (stop: ChatFields['stop']): string[] =>
  stop == null ? [] : typeof stop === 'string' ? [stop] : stop;

/** The part of a chat completion that no server reads differently. */
export function readChatFields(
  fields: ChatFields,
  model: ServedModel,
  own: Pick<ServedRequest, 'continueFinal' | 'generationPrompt' | 'choices'>,
): ServedRequest {
  const { response_format: format } = fields;
  return {
    model: fields.model ?? model.names[0] ?? '',
    messages: readMessages(fields.messages, model),
    n: fields.n ?? 1,
    seed: fields.seed ?? null,
    temperature: fields.temperature ?? null,
    maxTokens: fields.max_completion_tokens ?? fields.max_tokens ?? null,
    stop: stopTexts(fields.stop),
    schema: format?.type === 'json_schema' && model.jsonSchema ? format.json_schema.schema : null,
    ...own,
  };
}

export function requireModel(name: string | undefined, model: ServedModel): void {
  if (name !== undefined && !model.names.includes(name))
    throw new RefusedRequest({ kind: 'model-unknown', model: name });
}
