import { canonicalJson } from '../src/runtime/content-hash.ts';
import { createMemoryLedger, type Ledger } from '../src/runtime/ledger.ts';
import { systemClock, type Clock } from '../src/runtime/flow/index.ts';
import { createRandom, seedFrom } from '../src/runtime/random.ts';
import type { Brain } from '../src/testing/index.ts';
import { seededFaults, startModelServer, type FaultKind, type ModelServer } from '../src/testing/index.ts';
import { VlprmError } from '../src/runtime/errors.ts';
import type { ChatAnswer, ChatRequest } from '../src/models/endpoints/chat.ts';
import { endpointSchema, type EndpointConfigInput } from '../src/models/endpoints/endpoint-config.ts';
import { openModelService } from '../src/models/endpoints/service.ts';
import { context, imageMessage, request } from '../src/models/endpoints/fixtures/requests.ts';

export interface FaultRunOptions {
  readonly calls: number;
  /** Share of the calls that a fault befalls. */
  readonly share: number;
  readonly seed: number;
  /** Most calls that are made at once. */
  readonly inFlight: number;
}

/** Waits of retries and of servers that cool down pass this many times faster than they would. */
const SPEED = 20;
/** Long enough for a busy machine, short enough for the servers that hang. */
const TIMEOUT_SECONDS = 1;
const fastClock: Clock = {
  now: () => performance.now() * SPEED,
  after: (ms, callback) => systemClock.after(ms / SPEED, callback),
};

/** What a call came to: its answer, or the code of its error. */
type Outcome = { readonly answer: ChatAnswer } | { readonly code: string };

/** A run of the same calls on undisturbed and on misbehaving servers, and what differed. */
export interface FaultRun {
  /** Faults done on purpose, by kind. */
  readonly injected: Readonly<Record<string, number>>;
  /** Calls whose requests were filtered on purpose. */
  readonly filtered: number;
  /** Calls that ended in an error, by code. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that ended in an answer other than the undisturbed one. */
  readonly wrong: number;
  /** Requests that the misbehaving servers got. */
  readonly requests: number;
  /** The same calls again, undisturbed, with what the misbehaving run had stored. */
  readonly again: {
    readonly wrong: number;
    readonly errors: number;
    readonly requests: number;
    /** Whether both ledgers say that the same was spent. */
    readonly sameUsage: boolean;
  };
}

/** Writes a few words that depend on question, seed and place alone. */
const brain: Brain = {
  write: async ({ messages, n, seed }) => {
    const random = createRandom(seedFrom(messages.at(-1)?.text ?? '', seed ?? 0));
    return Array.from({ length: n }, () => `I see ${random.int(1e9)} circles.`);
  },
};

/** Distinct calls: every tenth shows an image, every third wants two choices. */
function callOf(index: number): ChatRequest {
  const text = { type: 'text', text: `Question ${index}: how many circles?` } as const;
  const content = index % 10 === 0 ? [...imageMessage.content.slice(0, 1), text] : [text];
  return request({ messages: [{ role: 'user', content }], seed: index, n: index % 3 === 0 ? 2 : 1, topLogprobs: 1 });
}

async function runCalls(
  { calls, inFlight }: FaultRunOptions,
  servers: readonly ModelServer[],
  ledger: Ledger,
  limits: Pick<EndpointConfigInput, 'timeoutSeconds'> = {},
): Promise<Outcome[]> {
  const [first, ...others] = servers.map(({ url }) => ({ baseUrl: url, maxConcurrency: inFlight }));
  const config = {
    kind: 'vllm',
    model: 'tiny-vl',
    ...first,
    replicas: others,
    ...limits,
    maxAttempts: 12,
  };
  const options = { endpoint: 'policy', env: {}, ledger, clock: fastClock };
  const service = openModelService(endpointSchema.parse(config), options);
  const outcomes: Outcome[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < calls; index = next++) {
      outcomes[index] = await service.chat(callOf(index), { ...context, affinity: `problem-${index % 100}` }).then(
        ({ answer }) => ({ answer }),
        (error: unknown) => ({ code: VlprmError.is(error) ? error.code : String(error) }),
      );
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  await service.close();
  return outcomes;
}

function countBy<T>(items: readonly T[], key: (item: T) => string | null): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of items.map(key)) if (name !== null) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

async function withServers<T>(
  count: number,
  faults: Pick<Parameters<typeof startModelServer>[0], 'faults'>,
  use: (servers: readonly ModelServer[]) => Promise<T>,
): Promise<T> {
  const start = () => startModelServer({ dialect: 'vllm', brain, slowMs: 20, ...faults });
  const servers = await Promise.all(Array.from({ length: count }, start));
  try {
    return await use(servers);
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}

const wrongOnes = (outcomes: readonly Outcome[], right: readonly Outcome[]): number =>
  outcomes.filter((outcome, i) => 'answer' in outcome && canonicalJson(outcome) !== canonicalJson(right[i])).length;

/**
 * Makes the same calls undisturbed, disturbed, and undisturbed again with the ledger of the disturbed run.
 * Each of three misbehaving servers does its fault once to a call that it befalls.
 */
export async function runUnderFaults(options: FaultRunOptions): Promise<FaultRun> {
  const { seed, share } = options;
  const clean = createMemoryLedger();
  const right = await withServers(1, {}, (servers) => runCalls(options, servers, clean));
  const kept = createMemoryLedger();
  const faults = seededFaults({ seed, share });
  const disturbed = await withServers(3, { faults }, async (servers) => {
    const limits = { timeoutSeconds: TIMEOUT_SECONDS * SPEED };
    const outcomes = await runCalls(options, servers, kept, limits);
    return { outcomes, received: servers.flatMap(({ requests }) => [...requests]) };
  });
  const again = await withServers(1, {}, async (servers) => {
    const outcomes = await runCalls(options, servers, kept);
    return { outcomes, requests: servers.reduce((total, { requests }) => total + requests.length, 0) };
  });
  const { outcomes, received } = disturbed;
  const ofKind = (kind: FaultKind) => received.filter(({ fault }) => fault === kind);
  return {
    injected: countBy(received, ({ fault }) => fault),
    filtered: new Set(ofKind('content-filter').map(({ body }) => canonicalJson(body))).size,
    errors: countBy(outcomes, (outcome) => ('code' in outcome ? outcome.code : null)),
    wrong: wrongOnes(outcomes, right),
    requests: received.length,
    again: {
      wrong: wrongOnes(again.outcomes, right),
      errors: again.outcomes.filter((outcome) => 'code' in outcome).length,
      requests: again.requests,
      sameUsage: canonicalJson(await kept.usage()) === canonicalJson(await clean.usage()),
    },
  };
}
