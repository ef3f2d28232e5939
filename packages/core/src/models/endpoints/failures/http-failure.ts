import type { ServiceError, ServiceErrorCode, ServiceErrorDetail } from '../../../runtime/gateway/index.ts';
import { readRetryAfter } from './quota-headers.ts';
import { isHtml, oneLine, readServerWords, type ServerWords } from './server-words.ts';
import { failureAt, type FailureSite } from './site.ts';

/** A response that is no answer. */
export interface FailedResponse {
  /** HTTP status; that of the error when it came with status 200 or inside a stream. */
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

type Read = readonly [code: ServiceErrorCode, fix: string];

const CONTENT_FILTER = /content_?filter|content_policy|responsibleaipolicy|content management policy|safety system/;
// Not the words of messages alone: services speak of quotas and billing in their rate limits too.
const QUOTA =
  /insufficient_quota|billing_(hard_limit_reached|not_active)|credit balance|insufficient (credits|balance|funds)/;
const CONTEXT =
  /context_length_exceeded|exceed_context_size|maximum context length|maximum model length|available context size|context (length|window)|(prompt|input)( length)? (is )?(too long|longer than|exceeds)|too many tokens|(max_tokens|max_completion_tokens).{0,30}too large/;
const IMAGE =
  /\bimages?\b|image_url|image_parse|multi-?modal|mmproj|vision (input|support|model)|\bpixels\b|limit-mm-per-prompt|pil\.|unidentifiedimage/;
const BROKEN_IMAGE = /identify image|image input|decode image|load image|process(ing)? image|unidentifiedimage|mmproj/;
const UNKNOWN_MODEL =
  /model_not_found|deploymentnotfound|model.{0,80}(does not exist|not found|not exist|is not available|unknown)|(unknown|invalid|no such) model|server is pinned to/;
const OVERLOAD =
  /overloaded|queue is full|queue full|too many (concurrent|pending)|server is busy|no available server|capacity/;
const REFUSED_PARAMETER =
  /unsupported_(parameter|value)|unrecognized (request )?argument|unknown (parameter|field|name)|extra_forbidden|extra inputs|unexpected fields|(is|are) not (supported|permitted)|does not support|not implemented|max(imum)? allowed.{0,20}logprobs|logprobs.{0,60}(greater than|max)/;

function readClientError(words: ServerWords, said: string, site: FailureSite): Read {
  if (site.withImages && IMAGE.test(said)) {
    return ['ERR_IMAGE_REFUSED', "resize or convert the image, or raise the server's limits for images"];
  }
  if (REFUSED_PARAMETER.test(said)) {
    return ['ERR_CAPABILITY_MISSING', `leave ${words.param ?? 'it'} out, or use another \`kind\` or server`];
  }
  return ['ERR_REQUEST_REFUSED', 'change what the server names'];
}

function readServerError(status: number, said: string, site: FailureSite): Read {
  if (status === 504)
    return ['ERR_TIMEOUT', 'raise the time limit of the proxy before the server, or set `stream: true`'];
  if (status === 503 || status === 529 || OVERLOAD.test(said)) {
    return ['ERR_OVERLOADED', 'lower `maxConcurrency`, or add replicas'];
  }
  if (site.withImages && BROKEN_IMAGE.test(said)) {
    return ['ERR_IMAGE_REFUSED', 'serve the model with its vision part, or convert the image'];
  }
  if (status === 501) return ['ERR_DIALECT', `check \`kind\` ("${site.kind}")`];
  return ['ERR_SERVER_FAILED', "look at the server's log"];
}

const KEY_FIX = (site: FailureSite): string =>
  site.apiKeyEnv === null
    ? 'set `apiKeyEnv` to the name of the variable that holds the key'
    : `check the key in the variable ${site.apiKeyEnv}`;

function dialectFix({ kind, url }: FailureSite): string {
  if (kind === 'openai-compatible') return `does \`baseUrl\` end in /v1? ${url} was called`;
  return `check \`kind\` ("${kind}") and the path of \`baseUrl\`: ${url} was called`;
}

/** What the words say whatever the status is; but with 429, too many tokens are those of a minute. */
function readWords(said: string, status: number): Read | null {
  if (CONTENT_FILTER.test(said)) {
    return ['ERR_CONTENT_FILTER', 'leave the problem out, or change the filter at the service'];
  }
  if (QUOTA.test(said)) return ['ERR_QUOTA_EXHAUSTED', 'raise the quota or the credit at the service'];
  if (status !== 429 && CONTEXT.test(said)) {
    return ['ERR_CONTEXT_OVERFLOW', 'shorten the problem, lower `maxTokens`, or serve a longer context'];
  }
  return null;
}

function readStatus(status: number, words: ServerWords, body: string, site: FailureSite): Read {
  const said = `${words.kind} ${words.message}`.toLowerCase();
  const told = readWords(said, status);
  if (told) return told;
  if (status === 429) {
    if (OVERLOAD.test(said)) return ['ERR_OVERLOADED', 'lower `maxConcurrency`, or add replicas'];
    return ['ERR_RATE_LIMITED', 'set `requestsPerMinute` and `tokensPerMinute` to your limits'];
  }
  if (status === 402) return ['ERR_QUOTA_EXHAUSTED', 'raise the quota or the credit at the service'];
  if (status >= 400 && status < 500 && UNKNOWN_MODEL.test(said)) {
    return ['ERR_MODEL_UNKNOWN', 'set `model` to a name that the server serves'];
  }
  if (status === 401 || status === 403) return ['ERR_AUTH', KEY_FIX(site)];
  if (status === 408) return ['ERR_TIMEOUT', 'raise the time limit of the server'];
  if (status === 413 && site.withImages) return ['ERR_IMAGE_REFUSED', "resize the images, or raise the server's limit"];
  if (status >= 500) return readServerError(status, said, site);
  if (status === 404 || status === 405 || isHtml(body)) return ['ERR_DIALECT', dialectFix(site)];
  return readClientError(words, said, site);
}

/**
 * The error that a response stands for, by its status, its headers and the words of the servers that are known.
 * @param now Unix time in milliseconds, for waits given as a date
 */
export function httpFailure({ status, headers, body }: FailedResponse, site: FailureSite, now: number): ServiceError {
  const location = headers.get('location');
  if (status >= 300 && status < 400 && location !== null) {
    const fix = `set \`baseUrl\` to the address that it names: ${oneLine(location, site.secrets)}`;
    return failureAt(site, 'ERR_DIALECT', `the server sends elsewhere (${status})`, { fix, status });
  }
  const words = readServerWords(body, site.secrets);
  const [code, fix] = readStatus(status, words, body, site);
  const retryAfterMs = readRetryAfter(headers, now);
  const detail: Omit<ServiceErrorDetail, 'where'> = {
    fix,
    status,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  };
  return failureAt(site, code, `the server answered ${status}: ${words.message}`, detail);
}

/** Name of the request's parameter that the response refuses; null when it refuses for another reason. */
export function refusedParameter({ status, body }: FailedResponse): string | null {
  if (status !== 400 && status !== 422) return null;
  const words = readServerWords(body, []);
  return REFUSED_PARAMETER.test(`${words.kind} ${words.message}`.toLowerCase()) ? words.param : null;
}
