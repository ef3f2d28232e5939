import { json, hasBearer, routes, type Dialect, type Handler, type JsonReply } from '../dialect.ts';
import { RefusedRequest, retryAfterHeaders, type Refusal } from '../refusals.ts';
import type { ChatReplyStyle } from './chat-reply.ts';
import { listModels, openaiChat, openaiQuotaHeaders, refuseAsOpenai } from './openai.ts';

const SAFE = Object.fromEntries(
  ['hate', 'self_harm', 'sexual', 'violence'].map((category) => [category, { filtered: false, severity: 'safe' }]),
);

const style: ChatReplyStyle = {
  choice: () => ({ content_filter_results: SAFE }),
  response: () => ({ prompt_filter_results: [{ prompt_index: 0, content_filter_results: SAFE }] }),
  tokenName: ({ text }) => text,
};

const chat: Handler = ({ body }, serving) => openaiChat(body, serving, style);

/** The deployment stands in the path, whatever model the body names; without an API version there is no such route. */
const deploymentChat =
  (deployment: string): Handler =>
  ({ body, method, path, query }, serving) => {
    if (!query.has('api-version')) throw new RefusedRequest({ kind: 'route-unknown', method, path });
    return openaiChat({ ...(body as object), model: deployment }, serving, style);
  };

const v1 = routes({ 'GET /openai/v1/models': listModels, 'POST /openai/v1/chat/completions': chat });
const DEPLOYMENT = /^\/openai\/deployments\/([^/]+)\/chat\/completions$/;

function refuse(refusal: Refusal): JsonReply {
  const error = (status: number, code: string, message: string): JsonReply =>
    json({ error: { code, message } }, status);
  switch (refusal.kind) {
    case 'unauthorized':
      return error(
        401,
        '401',
        'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.',
      );
    case 'model-unknown':
      return error(
        404,
        'DeploymentNotFound',
        'The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again.',
      );
    case 'route-unknown':
      return error(404, '404', 'Resource not found');
    case 'rate-limited':
      return {
        ...error(
          429,
          'RateLimitReached',
          `Your requests have exceeded the call rate limit of your current pricing tier. Please retry after ${Math.ceil(refusal.retryAfterMs / 1000)} seconds.`,
        ),
        headers: retryAfterHeaders(refusal.retryAfterMs),
      };
    case 'content-filter':
      return json(
        {
          error: {
            message:
              "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
            type: null,
            param: 'prompt',
            code: 'content_filter',
            status: 400,
            innererror: {
              code: 'ResponsibleAIPolicyViolation',
              content_filter_result: { ...SAFE, violence: { filtered: true, severity: 'medium' } },
            },
          },
        },
        400,
      );
    default:
      return refuseAsOpenai(refusal);
  }
}

/** Azure OpenAI (https://learn.microsoft.com/azure/ai-services/openai/reference): dated deployments and the v1 routes. */
export const azure: Dialect = {
  route: (method, path) => {
    const deployment = method === 'POST' ? DEPLOYMENT.exec(path)?.[1] : undefined;
    return deployment === undefined ? v1(method, path) : deploymentChat(decodeURIComponent(deployment));
  },
  refuse,
  authorized: (headers, key) => headers['api-key'] === key || hasBearer(headers, key),
  contentFilter: 'refusal',
  quotaHeaders: (state) => {
    const { 'x-ratelimit-reset-requests': _, 'x-ratelimit-reset-tokens': __, ...headers } = openaiQuotaHeaders(state);
    return headers;
  },
  batches: {
    bases: ['/openai/v1', '/openai'],
    chat: '/chat/completions',
    chatPath: '/openai/v1/chat/completions',
    require: ({ method, path, query }, base) => {
      if (base === '/openai' && !query.has('api-version'))
        throw new RefusedRequest({ kind: 'route-unknown', method, path });
    },
  },
};
