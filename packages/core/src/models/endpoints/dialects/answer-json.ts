import type { z } from 'zod';
import { ServiceError } from '../../../runtime/gateway/index.ts';

/** ERR_ANSWER_MALFORMED for an answer that breaks what the server's interface promises. */
export function malformed(what: string): ServiceError {
  return new ServiceError('ERR_ANSWER_MALFORMED', what, { fix: 'check `kind` and the version of the server' });
}

/** ERR_CONNECTION_LOST for a stream without an end. */
export function streamCut(): ServiceError {
  return new ServiceError('ERR_CONNECTION_LOST', 'the stream ended before the answer was whole', {
    fix: "look at the server's log and at proxies between",
  });
}

/** Reads JSON of a server by a schema; ERR_ANSWER_MALFORMED names the first place that does not fit. */
export function readAnswer<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw malformed(`the answer is not what the server's interface promises: ${place}: ${issue?.message ?? ''}`);
}

/** ERR_DIALECT unless the JSON is an object with this field. */
export function requireField(json: unknown, field: string): void {
  if (typeof json === 'object' && json !== null && field in json) return;
  throw new ServiceError('ERR_DIALECT', `the server answers with JSON that has no \`${field}\``, {
    fix: 'check `kind` and the path of `baseUrl`',
  });
}
