import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import type { TokenLogprob } from '../chat.ts';
import { readLabels, tokensAt, type Labels } from './labels.ts';

const LABELS: Labels = { positive: '+', negative: '-' };
const WITH_IDS: Labels = { ...LABELS, positiveId: 10, negativeId: 12 };

const token = (text: string, logprob: number, id: number | null = null): TokenLogprob => ({ token: text, logprob, id });
const logprob = fc.double({ min: -40, max: 0, noNaN: true });
const read = (tokens: readonly TokenLogprob[], labels = LABELS) => readLabels(tokens, labels, 'bound');

describe('readLabels', () => {
  test.prop([logprob, logprob])('is the difference of the two log-probabilities, and their mass', (plus, minus) => {
    const reading = read([token('+', plus), token('-', minus), token('yes', -3)]);
    expect(reading.logit).toBe(plus - minus);
    expect(reading.mass).toBeCloseTo(Math.min(1, Math.exp(plus) + Math.exp(minus)), 12);
    expect(reading.bound).toBe(0);
  });

  test.prop([logprob, logprob])('turns its sign when the labels are exchanged', (plus, minus) => {
    const tokens = [token('+', plus), token('-', minus)];
    const exchanged = read(tokens, { positive: '-', negative: '+' });
    expect(exchanged.logit).toBeCloseTo(-read(tokens).logit, 12);
  });

  test.prop([
    fc.subarray(['+', ' +', '▁+', 'Ġ+'], { minLength: 1 }),
    fc.array(logprob, { minLength: 4, maxLength: 4 }),
  ])('sums the spellings of a label', (spellings, logprobs) => {
    const tokens = spellings.map((text, index) => token(text, logprobs[index]!));
    const mass = tokens.reduce((sum, known) => sum + Math.exp(known.logprob), 0);
    expect(read([...tokens, token('-', -2)]).logit).toBeCloseTo(Math.log(mass) + 2, 9);
  });

  test.prop([fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.array(logprob, { minLength: 4, maxLength: 4 })])(
    'does not depend on the order, or on the written token standing there twice',
    (order, logprobs) => {
      const tokens = ['+', '-', ' -', 'the'].map((text, index) => token(text, logprobs[index]!));
      const top = order.map((index) => tokens[index]!);
      expect(read(tokensAt({ ...top[0]!, top })).logit).toBeCloseTo(read(tokens).logit, 12);
    },
  );

  it('sums tokens of one spelling, as SentencePiece has with and without the space before', () => {
    const top = [token('+', -0.5), token('-', -2), token('+', -1)];
    const mass = Math.exp(-0.5) + Math.exp(-1);
    expect(read(tokensAt({ ...top[0]!, top })).logit).toBeCloseTo(Math.log(mass) + 2, 12);
  });

  it('counts a written token that is not among the most likely ones', () => {
    const top = [token('a', -1), token('-', -2)];
    expect(read(tokensAt({ ...token('+', -3), top })).logit).toBe(-1);
    expect(tokensAt({ token: '+', id: null, logprob: null, top })).toEqual(top);
  });

  it('goes by ids alone where both sides have them', () => {
    const tokens = [token('+', -1, 10), token(' +', -1, 11), token('-', -2, 12), token('+', -0.1, 99)];
    expect(read(tokens, WITH_IDS).logit).toBe(1);
    expect(read([token('+', -1), token('-', -2)], WITH_IDS).logit).toBe(1);
  });

  test.prop([logprob, logprob, logprob])('bounds a missing label from the truth’s side', (plus, minus, other) => {
    const floor = Math.max(other, minus);
    const rest = [token('a', floor), token('b', Math.max(floor, -1))];
    const truth = plus - minus;
    const lower = read([token('+', plus), ...rest]);
    expect(lower).toMatchObject({ bound: 1, mass: Math.min(1, Math.exp(plus)) });
    expect(lower.logit).toBeLessThanOrEqual(truth);
    const upper = read([token('-', plus), ...rest]);
    expect(upper.bound).toBe(-1);
    expect(upper.logit).toBeGreaterThanOrEqual(-truth);
  });

  it('takes no floor from a label that was asked for whatever its rank', () => {
    expect(read([token('+', -25, 10), token('a', -1, 1), token('b', -4, 2)], WITH_IDS)).toMatchObject({
      logit: -21,
      bound: 1,
    });
  });

  it.each<[string, TokenLogprob[], 'error' | 'bound']>([
    ['both labels', [token('yes', -0.1), token('no', -3)], 'bound'],
    ['both labels, absent by −9999', [token('+', -9999), token('-', -9999), token('a', -1)], 'bound'],
    ['one label and all that would bound it', [token('+', -0.1)], 'bound'],
    ['one label where a bound is not wanted', [token('+', -0.1), token('a', -4)], 'error'],
    ['everything', [], 'bound'],
  ])('throws ERR_LABEL_MISSING when an answer lacks %s', (_, tokens, missingLabel) => {
    expect(() => readLabels(tokens, LABELS, missingLabel)).toThrow(
      expect.objectContaining({ code: 'ERR_LABEL_MISSING' }) as Error,
    );
  });

  it('takes −9999 as absent', () => {
    expect(read([token('+', -1), token('-', -9999), token('a', -5)])).toMatchObject({ logit: 4, bound: 1 });
  });

  it.each([Number.NaN, 0.5, Number.POSITIVE_INFINITY])('refuses a log-probability of %d', (bad) => {
    expect(() => read([token('+', bad), token('-', -1)])).toThrow(
      expect.objectContaining({ code: 'ERR_ANSWER_MALFORMED' }) as Error,
    );
  });
});
