import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { Answered } from '../../runtime/gateway/index.ts';
import type { ChatAnswer, ChatChoice } from './chat.ts';
import { holdToRequest, joinParts, splitChoices } from './choices.ts';
import { request } from './fixtures/requests.ts';

const choice = (text: string, changes: Partial<ChatChoice> = {}): ChatChoice => ({
  text,
  finish: 'length',
  tokens: null,
  logprobs: null,
  ...changes,
});

describe('splitChoices', () => {
  test.prop([fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 50 })])(
    'asks for every choice once, in order, in calls that the server takes',
    (n, most) => {
      const parts = splitChoices(request({ n }), most);
      const asked = parts.flatMap(({ request: { n: count }, first }) =>
        Array.from({ length: count }, (_, i) => first + i),
      );
      expect(asked).toEqual(Array.from({ length: n }, (_, i) => i));
      expect(parts.every(({ request: { n: count } }) => count >= 1 && count <= most)).toBe(true);
    },
  );

  test.prop([fc.maxSafeNat(), fc.integer({ min: 1, max: 20 })])(
    'draws a choice that is asked for alone with one seed, whatever n is',
    (seed, n) => {
      const seeds = (count: number): (number | null)[] =>
        splitChoices(request({ n: count, seed }), 1).map((part) => part.request.seed);
      expect(seeds(n)).toEqual(seeds(20).slice(0, n));
      expect(new Set(seeds(20)).size).toBe(20);
    },
  );

  it('keeps the seed of a request that fits into one call', () => {
    expect(splitChoices(request({ n: 8, seed: 5 }), Infinity)[0]!.request.seed).toBe(5);
  });
});

describe('joinParts', () => {
  const part = (text: string, changes: Partial<Answered<ChatAnswer>>): Answered<ChatAnswer> => ({
    answer: { choices: [choice(text)] },
    usage: { calls: 1, promptTokens: 10, completionTokens: 2, usd: null },
    source: 'ledger',
    ...changes,
  });

  it('adds up what the parts cost; what one part does not tell is unknown of the whole', () => {
    const joined = joinParts([
      part('a', { cachedPromptTokens: 4 }),
      part('b', { source: 'service', cachedPromptTokens: 6 }),
    ]);
    expect(joined).toEqual({
      answer: { choices: [choice('a'), choice('b')] },
      usage: { calls: 2, promptTokens: 20, completionTokens: 4, usd: null },
      cachedPromptTokens: 10,
      source: 'service',
    });
    expect(joinParts([part('a', { cachedPromptTokens: 4 }), part('b', {})])).not.toHaveProperty('cachedPromptTokens');
    expect(joinParts([part('a', {}), part('b', { source: 'in-flight' })]).source).toBe('in-flight');
  });
});

describe('holdToRequest', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', '\n') });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', '\n'), minLength: 1, maxLength: 3 }), { maxLength: 3 });

  test.prop([texts, stops])(
    'leaves no stop text in an answer, and takes nothing away but from a stop text on',
    (text, stop) => {
      const [held] = holdToRequest({ choices: [choice(text)] }, request({ stop })).choices;
      expect(stop.some((end) => held!.text.includes(end))).toBe(false);
      expect(text.startsWith(held!.text + (held!.stoppedBy ?? ''))).toBe(true);
      expect(held!.finish === 'stop').toBe(held!.text !== text || held!.stoppedBy !== undefined);
    },
  );

  it('does not cut log-probabilities, which it could not match to the text', () => {
    const logprobs = [{ token: 'a\n', logprob: -1, id: null, top: [] }];
    expect(() => holdToRequest({ choices: [choice('a\n', { logprobs })] }, request({ stop: ['\n'] }))).toThrow(
      expect.objectContaining({ code: 'ERR_CAPABILITY_MISSING' }) as Error,
    );
  });
});
