import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryLedger, type Ledger } from '../../runtime/ledger.ts';
import { FAULT_KINDS, everyCall, startModelServer } from '../../testing/index.ts';
import type { Brain, FaultKind, FaultPlan, ModelServer, ServerDialect } from '../../testing/index.ts';
import type { EndpointConfigInput } from './endpoint-config.ts';
import { context, imageMessage, open, request } from './fixtures/requests.ts';
import type { ModelService } from './model-service.ts';

const DIALECTS = [
  'vllm',
  'sglang',
  'openai',
  'azure',
  'llama.cpp',
  'ollama',
] as const satisfies readonly ServerDialect[];

/** What each fault is when it does not pass; null where the answer comes all the same. */
const ERRORS: Readonly<Record<FaultKind, string | null>> = {
  'rate-limit': 'ERR_RATE_LIMITED',
  'server-error': 'ERR_SERVER_FAILED',
  hang: 'ERR_TIMEOUT',
  'cut-stream': 'ERR_CONNECTION_LOST',
  'malformed-json': 'ERR_ANSWER_MALFORMED',
  'content-filter': 'ERR_CONTENT_FILTER',
  'wrong-n': 'ERR_ANSWER_MALFORMED',
  'missing-logprobs': 'ERR_ANSWER_MALFORMED',
  'slow-first-byte': null,
};

/** Faults that a dialect has no form for: Ollama has no content filter, and no list of choices to leave one out of. */
const IMPOSSIBLE: Readonly<Partial<Record<ServerDialect, readonly FaultKind[]>>> = {
  ollama: ['content-filter', 'wrong-n'],
};
/** Servers that give one choice a call: a stream that leaves it out has nothing in it. */
const ONE_BY_ONE: readonly ServerDialect[] = ['sglang', 'llama.cpp'];

function errorOf(kind: FaultKind, dialect: ServerDialect, stream: boolean): string | null {
  return kind === 'wrong-n' && stream && ONE_BY_ONE.includes(dialect) ? 'ERR_CONNECTION_LOST' : ERRORS[kind];
}

const brain: Brain = {
  write: async ({ n, seed }) => Array.from({ length: n }, (_, i) => `I see ${seed ?? 'no'} circles, and ${i} more.`),
};
const asked = request({ messages: [imageMessage], n: 2, topLogprobs: 3 });

let server: ModelServer;
afterEach(() => server.close());

async function ask(
  dialect: ServerDialect,
  config: Partial<EndpointConfigInput>,
  faults: FaultPlan = () => null,
  ledger: Ledger = createMemoryLedger(),
): Promise<Awaited<ReturnType<ModelService['chat']>>> {
  server = await startModelServer({ dialect, brain, faults });
  const endpoint = { kind: dialect, baseUrl: server.url, model: 'tiny-vl', ...config };
  return open(endpoint, { ledger, retry: { baseDelayMs: 1 } }).chat(asked, context);
}

/** Short where it is to pass, and far away where it is not. */
const timeoutSeconds = (kind: FaultKind): number => (kind === 'hang' ? 0.1 : 30);

describe.each(DIALECTS)('a misbehaving server of dialect %s', (dialect) => {
  const kinds = FAULT_KINDS.filter((kind) => IMPOSSIBLE[dialect]?.includes(kind) !== true);
  const passing = kinds.filter((kind) => kind !== 'content-filter');

  describe.each([false, true])('(stream: %s)', (stream) => {
    it.each(kinds)('%s is the error that it is', async (kind) => {
      const ledger = createMemoryLedger();
      const asking = ask(dialect, { stream, timeoutSeconds: timeoutSeconds(kind) }, everyCall(kind), ledger);
      const code = errorOf(kind, dialect, stream);
      if (code === null) await expect(asking).resolves.toMatchObject({ answer: { choices: [{}, {}] } });
      else await expect(asking).rejects.toMatchObject({ code });
      expect(await ledger.usage()).toEqual(code === null ? expect.anything() : {});
    });

    it.each(passing)('%s is passed by trying again', async (kind) => {
      const undisturbed = await ask(dialect, { stream });
      await server.close();
      const limits = { maxAttempts: 3, timeoutSeconds: timeoutSeconds(kind) };
      const disturbed = await ask(dialect, { stream, ...limits }, everyCall(kind, 2));
      expect(disturbed.answer).toEqual(undisturbed.answer);
    });
  });
});
