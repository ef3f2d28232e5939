import { afterEach, describe, expect, it } from 'vitest';
import {
  everyCall,
  prmBrain,
  startModelServer,
  type Brain,
  type ModelServer,
  type ModelServerOptions,
} from '../../../testing/servers/index.ts';
import { createMemoryLedger } from '../../../runtime/ledger.ts';
import type { ProcessRewardModel } from '../../ports.ts';
import { createStepScoreCache } from '../../step-score-cache.ts';
import { prmSchema, type EndpointConfigInput, type PrmReading } from '../endpoint-config.ts';
import { open } from '../fixtures/requests.ts';
import { prefixPrm, solutionOf, TRICKY_STEPS } from '../../../testing/tricky-solutions.ts';
import { createEndpointPrm, type EndpointPrmOptions } from './endpoint-prm.ts';

const STEPS = TRICKY_STEPS.length;
const started: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of started.splice(0)) await one.close();
});

type PrmInput = NonNullable<EndpointConfigInput['prm']>;

/** A PRM endpoint over a loopback server, and the server. */
async function serve(
  prm: PrmInput,
  server: Partial<ModelServerOptions> = {},
  options: EndpointPrmOptions = {},
  ledger = createMemoryLedger(),
): Promise<{ model: ProcessRewardModel; server: ModelServer }> {
  const dialect = prm.reading === 'token-ids' ? 'sglang' : 'vllm';
  const running = await startModelServer({ dialect, brain: prmBrain(prefixPrm()), ...server });
  const service = open({ kind: dialect, model: 'tiny-vl', baseUrl: running.url }, { ledger });
  const model = createEndpointPrm(service, { prm: prmSchema.parse(prm) }, options);
  started.push(service, running);
  return { model, server: running };
}

const calls = ({ requests }: ModelServer, path: string): number =>
  requests.filter((request) => request.path === path).length;
const truth = async (steps = TRICKY_STEPS) => (await prefixPrm().scoreSteps([solutionOf(steps)])).scores[0]!;

const READINGS: readonly PrmReading[] = ['chat-token', 'prompt-logprobs', 'pooling', 'token-ids'];

describe.each(READINGS)('reading by %s', (reading) => {
  it('gives the scores of the model behind the server, whatever signs the steps hold', async () => {
    const { model } = await serve({ reading });
    const { scores } = await model.scoreSteps([solutionOf(TRICKY_STEPS), solutionOf(TRICKY_STEPS.slice(0, 2))]);
    const { probabilities } = await truth();
    expect(scores.map((own) => own.probabilities.length)).toEqual([STEPS, 2]);
    for (const own of scores) {
      own.probabilities.forEach((p, step) => expect(p).toBeCloseTo(probabilities[step]!, 6));
      expect(own.bounds).toBeUndefined();
    }
    for (const mass of scores[0]!.mass ?? []) expect(mass).toBeCloseTo(0.98, 6);
    expect(scores[0]!.mass === undefined).toBe(reading === 'pooling');
  });

  it('divides logits by the temperature, and leaves them as they were', async () => {
    const [{ model: plain }, { model: calm }] = [await serve({ reading }), await serve({ reading, temperature: 2 })];
    const [one] = (await plain.scoreSteps([solutionOf(TRICKY_STEPS)])).scores;
    const [two] = (await calm.scoreSteps([solutionOf(TRICKY_STEPS)])).scores;
    expect(two!.logits).toEqual(one!.logits);
    expect(two!.probabilities[0]).toBeCloseTo(1 / (1 + Math.exp(-one!.logits[0]! / 2)), 6);
  });

  it('sees the image', async () => {
    const { model } = await serve({ reading });
    const other = Buffer.concat([solutionOf([]).images[0]!, Buffer.from([0])]);
    const { scores } = await model.scoreSteps([solutionOf(TRICKY_STEPS), solutionOf(TRICKY_STEPS, { image: other })]);
    expect(scores[0]!.probabilities).not.toEqual(scores[1]!.probabilities);
  });

  it('pays only for the newest step of a search when it has a cache', async () => {
    const { model, server } = await serve(
      { reading, labels: { positiveId: 10, negativeId: 12 } },
      {},
      { cache: createStepScoreCache() },
    );
    const passes: number[] = [];
    for (let count = 1; count <= STEPS; count++) {
      const { forwards } = await model.scoreSteps([solutionOf(TRICKY_STEPS.slice(0, count))]);
      passes.push(forwards);
    }
    expect(passes).toEqual(TRICKY_STEPS.map(() => 1));
    const before = server.requests.length;
    const again = await model.scoreSteps([solutionOf(TRICKY_STEPS)]);
    expect(server.requests).toHaveLength(before);
    expect(again).toMatchObject({ forwards: 0, usage: { calls: 0, promptTokens: 0 } });
    const { probabilities } = await truth();
    again.scores[0]!.probabilities.forEach((p, step) => expect(p).toBeCloseTo(probabilities[step]!, 6));
  });

  it('throws when the server leaves rows or log-probabilities out', async () => {
    const { model } = await serve({ reading }, { faults: everyCall('missing-logprobs') });
    await expect(model.scoreSteps([solutionOf(TRICKY_STEPS)])).rejects.toMatchObject({ code: 'ERR_ANSWER_MALFORMED' });
  });

  it('refuses a solution without steps before anything is sent', async () => {
    const { model, server } = await serve({ reading });
    await expect(model.scoreSteps([solutionOf(TRICKY_STEPS), solutionOf([])])).rejects.toMatchObject({
      code: 'ERR_TRACE_EMPTY',
      where: 'solution 1 of problem p1',
    });
    expect(server.requests).toHaveLength(0);
  });

  it('scores nothing for no solutions', async () => {
    const { model } = await serve({ reading });
    expect(await model.scoreSteps([])).toEqual({
      scores: [],
      forwards: 0,
      usage: { calls: 0, promptTokens: 0, completionTokens: 0, usd: 0 },
    });
  });
});

describe('what is sent', () => {
  it('is one call a step in a chat, each prompt beginning as the one before', async () => {
    const { model, server } = await serve({ reading: 'chat-token' });
    const { forwards, usage } = await model.scoreSteps([solutionOf(TRICKY_STEPS)]);
    expect([forwards, usage.calls, calls(server, '/v1/chat/completions')]).toEqual([STEPS, STEPS, STEPS]);
    const turns = server.requests
      .map(({ body }) => (body as { messages: unknown[] }).messages)
      .sort((a, b) => a.length - b.length);
    turns.forEach((messages, step) => {
      expect(messages).toHaveLength(2 * (step + 1));
      expect(messages).toEqual(turns.at(-1)!.slice(0, messages.length));
    });
    expect(server.requests[0]!.body).toMatchObject({ max_tokens: 1, temperature: 0, logprobs: true, top_logprobs: 20 });
  });

  it('is one pass for all steps in the others', async () => {
    const one = await serve({ reading: 'prompt-logprobs' });
    expect(await one.model.scoreSteps([solutionOf(TRICKY_STEPS)])).toMatchObject({ forwards: 1 });
    expect([calls(one.server, '/v1/chat/completions'), calls(one.server, '/tokenize')]).toEqual([1, 2]);
    const other = await serve({ reading: 'pooling' });
    expect(await other.model.scoreSteps([solutionOf(TRICKY_STEPS)])).toMatchObject({
      forwards: 1,
      usage: { calls: 1 },
    });
    expect(other.server.requests).toHaveLength(1);
  });
});

describe('failures', () => {
  /** Fails for solutions with this question alone. */
  const failingFor = (question: string): Brain => {
    const brain = prmBrain(prefixPrm());
    return {
      ...brain,
      firstTokens: (request) =>
        request.messages.some(({ text }) => text.includes(question)) && request.messages.length > 2
          ? Promise.reject(new Error('no'))
          : brain.firstTokens!(request),
    };
  };

  it('wait for the other solutions, whose readings are kept, and name the place of the first', async () => {
    const cache = createStepScoreCache();
    const { model, server } = await serve({ reading: 'chat-token' }, { brain: failingFor('broken') }, { cache });
    const good = solutionOf(TRICKY_STEPS, { id: 'good' });
    const bad = solutionOf(TRICKY_STEPS, { id: 'bad', question: 'broken' });
    await expect(model.scoreSteps([good, bad])).rejects.toMatchObject({
      code: 'ERR_SERVER_FAILED',
      where: expect.stringMatching(/^solution 1 of problem bad, step 1, /) as string,
    });
    const before = server.requests.length;
    expect(await model.scoreSteps([good])).toMatchObject({ forwards: 0 });
    expect(server.requests).toHaveLength(before);
  });

  it('are never scores: a label that is not reported is an error or a bound', async () => {
    const otherTokens = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ');
    const certain = {
      ...prefixPrm(),
      scoreSteps: async () => ({
        scores: [{ logits: Float32Array.of(12), probabilities: Float32Array.of(1), tokens: 1 }],
        forwards: 1,
        usage: { calls: 1, promptTokens: 1, completionTokens: 0, usd: 0 },
      }),
    };
    const brain = prmBrain(certain, { otherTokens });
    const solution = solutionOf(TRICKY_STEPS.slice(0, 1));
    const strict = await serve({ missingLabel: 'error' }, { brain });
    await expect(strict.model.scoreSteps([solution])).rejects.toMatchObject({ code: 'ERR_LABEL_MISSING' });
    const bounded = (await (await serve({}, { brain })).model.scoreSteps([solution])).scores[0]!;
    expect([...bounded.bounds!]).toEqual([1]);
    expect(bounded.logits[0]).toBeLessThan(12);
    expect(bounded.logits[0]).toBeGreaterThan(5);
  });

  it('throw ERR_ABORTED promptly, and hang up', async () => {
    const { model, server } = await serve({}, { latencyMs: 60_000 });
    const controller = new AbortController();
    const scoring = model.scoreSteps([solutionOf(TRICKY_STEPS)], controller.signal);
    while (server.inFlight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await expect(scoring).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    while (server.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.requests.every(({ abandoned }) => abandoned)).toBe(true);
  });

  it('come before the first call where an endpoint cannot be read so', () => {
    const service = open({ kind: 'openai', baseUrl: 'http://127.0.0.1:9' });
    const reading = (kind: PrmReading) => createEndpointPrm(service, { prm: prmSchema.parse({ reading: kind }) });
    expect(() => reading('pooling')).toThrow(expect.objectContaining({ code: 'ERR_CAPABILITY_MISSING' }) as Error);
    expect(() => reading('token-ids')).toThrow(expect.objectContaining({ code: 'ERR_CAPABILITY_MISSING' }) as Error);
  });
});
