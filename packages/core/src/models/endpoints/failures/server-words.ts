import { z } from 'zod';

/** What a server says of its failure, in one line and without secrets. */
export interface ServerWords {
  readonly message: string;
  /** `code` and `type` of the error, lower case, in one text. */
  readonly kind: string;
  /** Parameter that the server names as the culprit. */
  readonly param: string | null;
}

const MOST_CHARACTERS = 300;

const text = z.string().nullish().catch(null);
const word = z
  .union([z.string(), z.number().transform(String)])
  .nullish()
  .catch(null);
const errorSchema = z.object({ message: text, code: word, type: text, param: text });
/** Shapes in use: OpenAI and most others; vLLM before 0.10; Ollama; FastAPI, with a text or with places; plain text. */
const bodySchema = z.union([
  z.object({ error: errorSchema }).transform(({ error }) => error),
  z.object({ error: z.string() }).transform(({ error }) => ({ message: error })),
  z.object({ detail: z.string() }).transform(({ detail }) => ({ message: detail })),
  z
    .object({ detail: z.array(z.object({ loc: z.array(z.union([z.string(), z.number()])), msg: z.string() })) })
    .transform(({ detail }) => ({
      message: detail.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '),
      param: String(detail[0]?.loc.at(-1) ?? ''),
    })),
  errorSchema,
]);

/** One short line: data URLs and secrets taken out, control characters made blanks. */
export function oneLine(words: string, secrets: readonly string[]): string {
  const clean = secrets
    .reduce((line, secret) => line.replaceAll(secret, '[key]'), words)
    .replace(/data:[\w/+.-]+;base64,[\w+/=]*/g, 'data:[image]')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return clean.length > MOST_CHARACTERS ? `${clean.slice(0, MOST_CHARACTERS - 1)}…` : clean;
}

/** Parses JSON; undefined when it is none. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

export const isHtml = (body: string): boolean => /^\s*<(!doctype|html|head|body|\?xml)/i.test(body);

function describeHtml(page: string): string {
  const title = /<title>([^<]+)/i.exec(page)?.[1];
  return title === undefined ? 'a page of HTML' : `a page of HTML, "${title.trim()}"`;
}

/** Reads the error of a response's body, in whichever shape it is. */
export function readServerWords(body: string, secrets: readonly string[]): ServerWords {
  const parsed = bodySchema.safeParse(parseJson(body));
  const error: Partial<z.infer<typeof errorSchema>> = parsed.success ? parsed.data : {};
  const message = oneLine(error.message ?? (isHtml(body) ? describeHtml(body) : body), secrets);
  const kind = `${error.code ?? ''} ${error.type ?? ''}`.toLowerCase().trim();
  const quoted = /(?:parameter|value|argument|fields?)[^'`"]{0,20}['`"](\w+)['`"]/i.exec(message)?.[1];
  const named = /argument supplied: (\w+)/i.exec(message)?.[1];
  return {
    message: message === '' ? 'without a word' : message,
    kind,
    param: quoted ?? named ?? (error.param || null),
  };
}
