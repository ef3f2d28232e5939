import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Step } from '../../records/index.ts';
import {
  startModelServer,
  type Brain,
  type ModelServer,
  type ServedRequest,
  type ServerDialect,
} from '../../testing/servers/index.ts';
import { formatSolution } from '../../text/step-grammar.ts';
import type { Prefix, Proposal, ProposeOptions } from '../ports.ts';
import type { EndpointConfigInput, StepSplitterConfig } from './endpoint-config.ts';
import { completion, sendJson, serveLoopback } from './fixtures/loopback.ts';
import { jpeg, prefixOf } from './fixtures/problems.ts';
import { open, png } from './fixtures/requests.ts';
import { createEndpointPolicy, type EndpointPolicyConfig } from './policy.ts';

const steps: Step[] = [
  { kind: 'perception', text: 'The left cell holds a 3.' },
  { kind: 'perception', text: 'The right cell holds a 4.' },
  { kind: 'perception', text: 'Both are red.' },
  { kind: 'reasoning', text: '3 + 4 = 7.' },
  { kind: 'reasoning', text: 'Colour does not matter.' },
];
const TAGGED = formatSolution(steps, '7');
const PARAGRAPHS = 'A 3 and a 4.\n\nTheir sum is \\boxed{7}.\n\nColour does not matter, so \\boxed{7} stands.';
const NUMBERED = '1. A 3 and a 4.\n2. 3 + 4 = 7.\n3. The answer is \\boxed{7}.';
const DASHED = 'A 3 and a 4.\n---\n3 + 4 = 7.\n---\nThe answer is \\boxed{7}.';

const lastWritten = ({ messages }: ServedRequest): string =>
  messages.findLast(({ role }) => role === 'assistant')?.text ?? '';

/** A model that has one solution in mind and goes on with it. */
function author(solution: string, begins: (rest: string, written: string) => string = (rest) => rest): Brain {
  return {
    write: async (request) => {
      const written = lastWritten(request);
      const rest = solution.startsWith(written)
        ? solution.slice(written.length)
        : solution.slice(written.trimEnd().length);
      return Array.from({ length: request.n }, () => begins(rest, written));
    },
  };
}

async function serve(dialect: ServerDialect, brain: Brain): Promise<ModelServer> {
  const server = await startModelServer({ dialect, brain, model: { names: ['vlm-7b'] } });
  onTestFinished(() => server.close());
  return server;
}

function policyAt(
  { url }: { url: string },
  kind: EndpointConfigInput['kind'],
  config: EndpointPolicyConfig = {},
): ReturnType<typeof createEndpointPolicy> {
  return createEndpointPolicy(open({ baseUrl: url, kind }), config);
}

async function proposeOne(
  policy: ReturnType<typeof createEndpointPolicy>,
  prefix: Prefix,
  options: Partial<ProposeOptions> = {},
): Promise<Proposal> {
  const { proposals } = await policy.propose([prefix], { n: 1, stop: 'step', seed: 5, ...options });
  const sample = proposals[0]?.[0];
  if (sample?.ok !== true) throw sample?.error ?? new Error('no sample');
  return sample.value;
}

/** Takes a solution step by step. */
async function search(
  policy: ReturnType<typeof createEndpointPolicy>,
): Promise<Pick<Proposal, 'steps' | 'finalAnswer'>> {
  let taken: readonly Step[] = [];
  for (;;) {
    const proposal = await proposeOne(policy, prefixOf({}, taken));
    taken = [...taken, ...proposal.steps];
    if (proposal.ended) return { steps: taken, finalAnswer: proposal.finalAnswer };
    expect(proposal).toMatchObject({ steps: { length: 1 }, finalAnswer: null });
  }
}

describe.each<[string, StepSplitterConfig, string]>([
  ['tagged', 'tagged', TAGGED],
  ['paragraphs', 'paragraphs', PARAGRAPHS],
  ['numbered', 'numbered', NUMBERED],
  ['separated', { separator: '\\n-{3,}\\n', stop: '\n---\n' }, DASHED],
])('a policy of %s steps', (_, marks, solution) => {
  const config = { steps: marks };

  it('comes to the same solution with prefill and without, in one call and step by step', async () => {
    const [prefilling, asking] = [await serve('vllm', author(solution)), await serve('openai', author(solution))];
    const whole = await proposeOne(policyAt(prefilling, 'vllm', config), prefixOf({}), { stop: 'end' });
    expect(whole).toMatchObject({ finalAnswer: '7', ended: true });
    expect(whole.steps.length).toBeGreaterThan(2);
    const expected = { steps: whole.steps, finalAnswer: '7' };
    expect(await search(policyAt(prefilling, 'vllm', config))).toEqual(expected);
    expect(await search(policyAt(asking, 'openai', config))).toEqual(expected);
  });

  it('goes on from a prefix to the same end', async () => {
    const server = await serve('openai', author(solution));
    const whole = await proposeOne(policyAt(server, 'openai', config), prefixOf({}), { stop: 'end' });
    const prefix = prefixOf({}, whole.steps.slice(0, 2));
    const rest = await proposeOne(policyAt(server, 'openai', config), prefix, { stop: 'end' });
    expect([...prefix.steps, ...rest.steps]).toEqual(whole.steps);
    expect(rest.finalAnswer).toBe('7');
  });

  it('cuts off what a model without prefill repeats, step by step as well', async () => {
    const repeating = await serve(
      'openai',
      author(solution, (rest, written) => `${written.replaceAll('\n', '\n ')}${rest}`),
    );
    const policy = policyAt(repeating, 'openai', config);
    const whole = await proposeOne(policy, prefixOf({}), { stop: 'end' });
    const prefix = prefixOf({}, whole.steps.slice(0, 2));
    expect((await proposeOne(policy, prefix, { stop: 'end' })).steps).toEqual(whole.steps.slice(2));
    expect((await proposeOne(policy, prefix)).steps).toEqual(whole.steps.slice(2, 3));
  });

  it('is not stopped by a chat template that trims the end of the prefix', async () => {
    const trimming = author(solution, (rest, written) => written.slice(written.trimEnd().length) + rest);
    const policy = policyAt(await serve('vllm', trimming), 'vllm', config);
    const whole = await proposeOne(policy, prefixOf({}), { stop: 'end' });
    expect(await search(policy)).toEqual({ steps: whole.steps, finalAnswer: '7' });
  });
});

describe.each(['vllm', 'sglang', 'openai', 'azure', 'llama.cpp', 'ollama'] as const)('a policy behind %s', (kind) => {
  it('comes to the same solution in one call and step by step', async () => {
    const policy = policyAt(await serve(kind, author(TAGGED)), kind);
    const { proposals, usage } = await policy.propose([prefixOf({})], { n: 3, stop: 'end', seed: 1 });
    expect(proposals).toMatchObject([Array(3).fill({ ok: true, value: { steps, finalAnswer: '7', ended: true } })]);
    const tokens = proposals[0]!.map((sample) => (sample.ok ? sample.value.tokens! : 0));
    expect(tokens.reduce((a, b) => a + b)).toBe(usage.completionTokens);
    expect(await search(policy)).toEqual({ steps, finalAnswer: '7' });
  });
});

describe('what is asked', () => {
  const asked = (server: ModelServer): Record<string, unknown>[] =>
    server.requests.map(({ body }) => body as Record<string, unknown>);

  it('shows all images, byte for byte and of their own type, before the prompt', async () => {
    const seen: Uint8Array[] = [];
    const brain = author(TAGGED);
    const server = await serve('vllm', {
      write: (request) => {
        seen.push(...request.messages.flatMap(({ images }) => images));
        return brain.write(request);
      },
    });
    await proposeOne(policyAt(server, 'vllm'), prefixOf({ images: [jpeg, png] }, steps.slice(0, 1)), { stop: 'end' });
    expect(seen.map((bytes) => Buffer.from(bytes))).toEqual([jpeg, png]);
    const [request] = asked(server);
    expect(request).toMatchObject({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${jpeg.toString('base64')}` } },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${png.toString('base64')}` } },
            { type: 'text', text: expect.stringContaining('How many circles?') as string },
          ],
        },
        { role: 'assistant', content: '[Visual Elements]\n<step_1>The left cell holds a 3.</step_1>\n' },
      ],
      continue_final_message: true,
    });
  });

  it('keeps calls of different parameters apart', async () => {
    const server = await serve('vllm', author(TAGGED));
    const warm = policyAt(server, 'vllm', { sampling: { preset: 'qwen2.5-vl', maxTokens: 900 } });
    const cold = policyAt(server, 'vllm', { sampling: 'gemma-3' });
    const ask = (i: number): Promise<Proposal> =>
      proposeOne(i % 2 === 0 ? warm : cold, prefixOf({ id: `p${i}`, question: `Q${i}?` }), {
        stop: 'end',
        seed: i,
        ...(i < 4 && { temperature: i / 10 + 0.1 }),
      });
    await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i)));
    const requests = asked(server);
    for (let i = 0; i < 8; i++) {
      const own = requests.filter((request) => JSON.stringify(request['messages']).includes(`Q${i}?`));
      expect(own).toHaveLength(1);
      expect(own[0]).toMatchObject({
        seed: i,
        temperature: i < 4 ? i / 10 + 0.1 : 0.7,
        ...(i % 2 === 0
          ? { top_p: 0.8, top_k: 20, repetition_penalty: 1.05, max_tokens: 900 }
          : { top_p: 0.95, top_k: 64, max_tokens: 16_384 }),
      });
    }
  });

  it('asks once where nothing is drawn', async () => {
    const server = await serve('vllm', author(TAGGED));
    const policy = policyAt(server, 'vllm', { sampling: 'greedy' });
    const { proposals, usage } = await policy.propose([prefixOf({})], { n: 3, stop: 'end', seed: 1 });
    expect(asked(server)).toMatchObject([{ temperature: 0 }]);
    expect(asked(server)[0]).not.toHaveProperty('n');
    const samples = proposals[0]!.map((sample) => (sample.ok ? sample.value : null));
    expect(samples).toHaveLength(3);
    expect(samples.map((sample) => sample?.finalAnswer)).toEqual(['7', '7', '7']);
    expect(samples.map((sample) => sample?.tokens)).toEqual([usage.completionTokens, 0, 0]);
  });

  it('asks for every sample where the model draws whatever it is told', async () => {
    const server = await serve('openai', author(TAGGED));
    const service = open({ baseUrl: server.url, kind: 'openai', capabilities: { sampling: false } });
    const policy = createEndpointPolicy(service, { sampling: 'greedy' });
    await policy.propose([prefixOf({})], { n: 3, stop: 'end', seed: 1 });
    expect(asked(server)).toMatchObject([{ n: 3 }]);
  });

  it('takes a prompt of its own', async () => {
    const server = await serve('vllm', author(TAGGED));
    await proposeOne(policyAt(server, 'vllm', { prompt: 'Q: {question} A: {answer}' }), prefixOf({}));
    expect(JSON.stringify(asked(server)[0])).toContain('Q: How many circles? A: a number or a few words');
    expect(() => policyAt(server, 'vllm', { prompt: 'Say something.' })).toThrow('no place for the question');
  });

  it('looks behind an answer that a separator follows', async () => {
    const server = await serve('vllm', author(PARAGRAPHS));
    const policy = policyAt(server, 'vllm', { steps: 'paragraphs' });
    const done: Step[] = [{ kind: null, text: 'A 3 and a 4.' }];
    expect(await proposeOne(policy, prefixOf({}, done))).toMatchObject({ ended: false, finalAnswer: null });
    expect(asked(server)).toHaveLength(2);
    expect(asked(server)[1]).toMatchObject({ max_tokens: 8, continue_final_message: true });
  });

  it('takes an answer for the end where nobody can look behind it', async () => {
    const server = await serve(
      'openai',
      author(PARAGRAPHS, (rest) => rest.trimStart()),
    );
    const done: Step[] = [{ kind: null, text: 'A 3 and a 4.' }];
    const proposal = await proposeOne(policyAt(server, 'openai', { steps: 'paragraphs' }), prefixOf({}, done));
    expect(proposal).toMatchObject({ steps: [{ text: 'Their sum is \\boxed{7}.' }], ended: true, finalAnswer: '7' });
    expect(asked(server)).toHaveLength(1);
  });
});

describe('what comes back', () => {
  const answers = (reply: (question: string, n: number) => [body: unknown, status?: number]) =>
    serveLoopback((response, { body }) => {
      const question = /Q\d/.exec(JSON.stringify(body['messages']))?.[0] ?? '';
      const [json, status] = reply(question, body['n'] as number);
      sendJson(response, json, status);
    });
  const prefixes = (count: number): Prefix[] =>
    Array.from({ length: count }, (_, i) => prefixOf({ id: `p${i}`, question: `Q${i}` }));
  const all = { n: 2, stop: 'end', seed: 1 } as const;

  it('shares the tokens of a call out by length, and adds up what was spent', async () => {
    const server = await answers((_, n) => [completion([TAGGED, TAGGED.slice(0, 50)].slice(0, n))]);
    const { proposals, usage } = await policyAt(server, 'vllm').propose(prefixes(3), all);
    expect(usage).toEqual({ calls: 3, promptTokens: 300, completionTokens: 42, usd: null });
    const tokens = proposals.map((samples) => samples.map((sample) => (sample.ok ? sample.value.tokens : null)));
    expect(tokens).toEqual([
      [12, 2],
      [12, 2],
      [12, 2],
    ]);
    expect(proposals[0]![1]).toMatchObject({ ok: true, value: { steps: [], finalAnswer: null, ended: true } });
  });

  it('does not know what nobody counts', async () => {
    const server = await answers((_, n) => [{ ...completion(Array<string>(n).fill(TAGGED)), usage: null }]);
    const { proposals, usage } = await policyAt(server, 'vllm').propose(prefixes(1), all);
    expect(usage).toEqual({ calls: 1, promptTokens: null, completionTokens: null, usd: null });
    expect(proposals).toMatchObject([Array(2).fill({ ok: true, value: { finalAnswer: '7', tokens: null } })]);
  });

  it.each([
    ['length', 'ERR_ANSWER_TRUNCATED'],
    ['content_filter', 'ERR_CONTENT_FILTER'],
  ])('takes finish %s for a failed sample', async (finish_reason, code) => {
    const server = await answers((_, n) => [completion(Array<string>(n).fill(TAGGED), { finish_reason })]);
    const { proposals } = await policyAt(server, 'vllm').propose(prefixes(1), all);
    expect(proposals).toMatchObject([Array(2).fill({ ok: false, error: { code } })]);
  });

  it('lets a call fail alone', async () => {
    const server = await answers((question, n) =>
      question === 'Q1' ? [{ error: { message: 'down' } }, 500] : [completion(Array<string>(n).fill(TAGGED))],
    );
    const { proposals, usage } = await policyAt(server, 'vllm').propose(prefixes(3), all);
    expect(proposals.map((samples) => samples.map(({ ok }) => ok))).toEqual([
      [true, true],
      [false, false],
      [true, true],
    ]);
    expect(proposals[1]).toMatchObject(Array(2).fill({ error: { code: 'ERR_SERVER_FAILED' } }));
    expect(usage).toEqual({ calls: 3, promptTokens: null, completionTokens: null, usd: null });
  });

  it('lets a prefix fail alone that cannot be written', async () => {
    const server = await answers((_, n) => [completion(Array<string>(n).fill(TAGGED))]);
    const broken = [
      prefixOf({ question: 'Q1' }, [{ kind: 'reasoning', text: '</step_1>' }]),
      prefixOf({ question: 'Q2', images: [Buffer.from('GIF89a')] }),
    ];
    const { proposals, usage } = await policyAt(server, 'vllm').propose([...broken, ...prefixes(1)], all);
    expect(proposals).toMatchObject([
      Array(2).fill({ ok: false, error: { code: 'ERR_TRACE_MALFORMED' } }),
      Array(2).fill({ ok: false, error: { code: 'ERR_IMAGE_DECODE' } }),
      Array(2).fill({ ok: true }),
    ]);
    expect(usage).toMatchObject({ calls: 1, promptTokens: 100 });
  });

  it.each([
    [401, { message: 'Unauthorized' }, 'ERR_AUTH'],
    [404, { message: 'The model `vlm-7b` does not exist.', code: 'model_not_found' }, 'ERR_MODEL_UNKNOWN'],
  ])('ends the whole for status %i', async (status, error, code) => {
    const server = await answers(() => [{ error }, status]);
    await expect(policyAt(server, 'vllm').propose(prefixes(40), all)).rejects.toMatchObject({ code });
  });

  it('ends the whole when it is aborted, and leaves no listener', async () => {
    const server = await serveLoopback(() => undefined);
    const controller = new AbortController();
    const drawn = policyAt(server, 'vllm').propose(prefixes(30), all, controller.signal);
    const failed = expect(drawn).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    controller.abort();
    await failed;
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    await expect(policyAt(server, 'vllm').propose([], all, controller.signal)).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
  });

  it('warns nobody of many calls at once', async () => {
    const warnings: unknown[] = [];
    const note = (warning: unknown): void => void warnings.push(warning);
    process.on('warning', note);
    const server = await answers((_, n) => [completion(Array<string>(n).fill(TAGGED))]);
    const { signal } = new AbortController();
    await policyAt(server, 'vllm').propose(prefixes(30), all, signal);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('asks once more where a stop text came before anything new, and says when nothing came at all', async () => {
    const server = await answers(() => [completion([' \n'])]);
    const proposal = await proposeOne(policyAt(server, 'openai'), prefixOf({ question: 'Q0' }));
    expect(proposal).toMatchObject({ steps: [], finalAnswer: null, ended: true, tokens: 14 });
    expect(server.requests.map(({ body }) => body['stop'])).toEqual([['<step_2>', '</correct_answer>'], undefined]);
  });
});
