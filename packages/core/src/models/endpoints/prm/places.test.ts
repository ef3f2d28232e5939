import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { solutionOf, TRICKY_STEPS } from '../../../testing/index.ts';
import { prmSchema, type EndpointConfigInput } from '../endpoint-config.ts';
import { sendJson, serveLoopback, type SeenRequest } from '../fixtures/loopback.ts';
import { open } from '../fixtures/requests.ts';
import { createEndpointPrm } from './endpoint-prm.ts';
import { readProbabilities } from './pooling.ts';

const TAG = '<extra_0>';
const TAG_ID = 9;
const STEPS = TRICKY_STEPS.length;
/** Tokens that the image adds, unseen by `/tokenize`. */
const IMAGE_TOKENS = 40;
const [POSITIVE, NEGATIVE] = [10, 12];

/** A code point a token, with ids that no label has; tags and whole messages of a label have ids of their own. */
function tokensOf({ messages, prompt }: Record<string, unknown>): number[] {
  const ids = (text: string): number[] =>
    text
      .split(TAG)
      .flatMap((part, i) => [...(i === 0 ? [] : [TAG_ID]), ...Array.from(part, (c) => 1000 + c.codePointAt(0)!)]);
  if (typeof prompt === 'string') return ids(prompt);
  return (messages as { content: string }[]).flatMap(({ content }) => {
    if (content === '+') return [1, POSITIVE, 2];
    if (content === '-') return [1, NEGATIVE, 2];
    return [3, ...ids(content), 2];
  });
}

async function score(
  prm: NonNullable<EndpointConfigInput['prm']>,
  answer: (request: SeenRequest, ids: number[]) => unknown,
) {
  let ids: number[] = [];
  const { url, requests } = await serveLoopback((response, request) => {
    const text = (message: { content: unknown }) => ({
      content: Array.isArray(message.content)
        ? (message.content as { text?: string }[]).map((part) => part.text ?? '').join('')
        : message.content,
    });
    const { messages } = request.body as { messages?: { content: unknown }[] };
    ids = tokensOf(messages === undefined ? request.body : { messages: messages.map(text) });
    sendJson(response, request.path === '/tokenize' ? { tokens: ids, count: ids.length } : answer(request, ids));
  });
  const model = createEndpointPrm(open({ baseUrl: url }), { prm: prmSchema.parse(prm) });
  const { scores, ...rest } = await model.scoreSteps([solutionOf(TRICKY_STEPS)]);
  return { ...rest, probabilities: [...scores[0]!.probabilities], requests };
}

describe('pooling with a row for every token', () => {
  const pooled = (rows: readonly (readonly number[])[]) => ({ data: [{ data: rows }], usage: { prompt_tokens: 9 } });
  /** The row of a tag says which tag it is; every other row would be certain. */
  const rowPerToken = (_: SeenRequest, ids: number[]) => {
    let tags = 0;
    const rows = ids.map((id) => (id === TAG_ID ? [1 - ++tags / 10, tags / 10] : [0, 1]));
    return pooled([...Array.from({ length: IMAGE_TOKENS }, () => [0, 1]), ...rows]);
  };
  const tenths = TRICKY_STEPS.map((_, step) => expect.closeTo((step + 1) / 10, 6) as number);

  it('takes the rows of the tags, counted from the end', async () => {
    const { probabilities, forwards, usage } = await score({ reading: 'pooling', stepTagId: TAG_ID }, rowPerToken);
    expect(probabilities).toEqual(tenths);
    expect([forwards, usage.calls]).toEqual([1, 1]);
  });

  it('asks the server for the id of the tag when it is not told', async () => {
    const { probabilities, requests } = await score({ reading: 'pooling' }, rowPerToken);
    expect(probabilities).toEqual(tenths);
    expect(requests.map(({ body }) => body['prompt'])).toContain(TAG);
  });

  it.each([STEPS - 1, STEPS + 1, 0])('refuses %d rows, which fit neither', async (rows) => {
    const answer = () => pooled(Array.from({ length: rows }, () => [0.5, 0.5]));
    await expect(score({ reading: 'pooling' }, answer)).rejects.toMatchObject({ code: 'ERR_ANSWER_MALFORMED' });
  });

  it('refuses a step with the tag in it', async () => {
    await expect(score({ reading: 'pooling', stepTag: 'dots' }, rowPerToken)).rejects.toMatchObject({
      code: 'ERR_TRACE_MALFORMED',
    });
  });
});

describe('readProbabilities', () => {
  test.prop([fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true })])('is the logit of P(right)', (p) => {
    const logit = Math.log(p) - Math.log1p(-p);
    expect(readProbabilities([1 - p, p]).logit).toBeCloseTo(logit, 6);
    expect(readProbabilities([p]).logit).toBeCloseTo(logit, 6);
    expect(readProbabilities([p, 1 - p], 0).logit).toBeCloseTo(logit, 6);
    expect(readProbabilities([(1 - p) / 2, p, (1 - p) / 2]).logit).toBeCloseTo(logit, 6);
  });

  it('takes what was rounded to 0 or 1 as a bound, never as certainty', () => {
    expect(readProbabilities([0, 1])).toMatchObject({ logit: expect.closeTo(16.6, 1) as number, bound: 1 });
    expect(readProbabilities([1, 0])).toMatchObject({ logit: expect.closeTo(-16.6, 1) as number, bound: -1 });
  });

  it.each([[[2.5, -1.5]], [[0.2, 0.3]], [[0.9, 0.8]], [[Number.NaN, 1]], [[0.5, 0.5], 2]])(
    'refuses %j',
    (row, index?: number) => {
      expect(() => readProbabilities(row, index)).toThrow(
        expect.objectContaining({ code: 'ERR_ANSWER_MALFORMED' }) as Error,
      );
    },
  );
});

describe('prompt log-probabilities', () => {
  const told = (ids: readonly number[], labels: readonly number[] = [POSITIVE, NEGATIVE]) =>
    ids.map((id, place) =>
      place === 0
        ? null
        : Object.fromEntries(
            [...(id === POSITIVE ? labels : [id]), 7].map((key) => [key, { logprob: key === 7 ? -9 : -key / 10 }]),
          ),
    );

  it('are read at the labels, wherever the image has moved them to', async () => {
    const { probabilities } = await score({ reading: 'prompt-logprobs' }, (_, ids) => ({
      prompt_logprobs: told([...Array.from({ length: IMAGE_TOKENS }, () => 5), ...ids]),
      usage: { prompt_tokens: 99 },
    }));
    expect(probabilities).toEqual(TRICKY_STEPS.map(() => expect.closeTo(1 / (1 + Math.exp(-0.2)), 6) as number));
  });

  it('of another prompt than the tokenized one are refused', async () => {
    const answer = (_: SeenRequest, ids: number[]) => ({ prompt_logprobs: told([...ids, 5]), usage: null });
    await expect(score({ reading: 'prompt-logprobs' }, answer)).rejects.toMatchObject({
      code: 'ERR_CAPABILITY_MISSING',
    });
  });

  it('need labels of one token', async () => {
    const prm = { reading: 'prompt-logprobs' as const, labels: { positive: 'yes', negative: 'no' } };
    await expect(score(prm, () => ({}))).rejects.toMatchObject({
      code: 'ERR_CAPABILITY_MISSING',
      message: expect.stringContaining('not one token each') as string,
    });
  });
});
