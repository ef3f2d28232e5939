import { withoutEnding, type Dialect } from './dialect.ts';
import { openAi } from './openai.ts';

const ROUTES = [/\/openai(\/v1|\/deployments)?(\/.*)?$/];

/**
 * Azure OpenAI: the v1 routes, or with an `apiVersion` those of a deployment.
 * https://learn.microsoft.com/azure/ai-foundry/openai/reference
 */
export const azure: Dialect = {
  ...openAi,
  kind: 'azure',
  addresses(baseUrl, model, apiVersion) {
    const root = withoutEnding(baseUrl, ROUTES);
    const version = apiVersion ?? baseUrl.searchParams.get('api-version');
    const query = version === null ? '' : `?api-version=${encodeURIComponent(version)}`;
    // The v1 routes know `preview` and `latest`.
    const dated = version !== null && /^\d{4}-/.test(version);
    const chat = `${root}/openai/${dated ? `deployments/${encodeURIComponent(model)}` : 'v1'}/chat/completions${query}`;
    const base = `${root}/openai${dated ? '' : '/v1'}`;
    // The list holds base models; calls name deployments.
    return { root, chat, models: null, batch: { base, query, route: '/chat/completions' } };
  },
  authorization: (key) => ({ 'api-key': key }),
};
