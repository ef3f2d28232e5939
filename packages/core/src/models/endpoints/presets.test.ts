import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { VlprmError } from '../../runtime/errors.ts';
import { resolveSampling, SAMPLING_PRESETS } from './presets.ts';
import { tokenShares } from './token-shares.ts';

const unset = { temperature: null, topP: null, topK: null, minP: null, repetitionPenalty: null, maxTokens: 4096 };

describe('resolveSampling', () => {
  it('leaves to the server what nobody asks for', () => {
    expect(resolveSampling(undefined)).toEqual(unset);
  });

  it('takes values before the preset, and the preset before the fallback', () => {
    const paper = { temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty: 1.05, maxTokens: 16_384 };
    expect(resolveSampling('qwen2.5-vl', { minP: 0.1, temperature: 0 })).toEqual({ ...unset, ...paper, minP: 0.1 });
    expect(resolveSampling({ preset: 'gemma-3', temperature: 1 })).toMatchObject({ temperature: 1, topK: 64 });
    expect(resolveSampling({ maxTokens: 9 }, { temperature: 0 })).toEqual({ ...unset, temperature: 0, maxTokens: 9 });
  });

  it.each(['qwen', 'toString'])('lists the presets for %s, in one line', (name) => {
    let error: unknown;
    try {
      resolveSampling(name);
    } catch (thrown) {
      error = thrown;
    }
    expect(VlprmError.is(error) && error.toLine()).toBe(
      `error[ERR_CONFIG]: no sampling preset is called "${name}", sampling, take one of ${Object.keys(SAMPLING_PRESETS).join(', ')}, or give values`,
    );
  });
});

describe('tokenShares', () => {
  const choice = (text: string, tokens: number | null) => ({ text, tokens, finish: 'stop', logprobs: null }) as const;

  test.prop([fc.array(fc.string({ maxLength: 30 }), { minLength: 1, maxLength: 20 }), fc.nat(10_000)])(
    'share out the exact total, each within one of its part by length',
    (texts, total) => {
      const shares = tokenShares(
        texts.map((text) => choice(text, null)),
        total,
      ) as number[];
      expect(shares.reduce((a, b) => a + b, 0)).toBe(total);
      const length = texts.join('').length;
      texts.forEach((text, i) => {
        const quota = length === 0 ? total / texts.length : (text.length * total) / length;
        expect(Math.abs(shares[i]! - quota)).toBeLessThan(1 + 1e-9);
      });
    },
  );

  it('are what the server counted, where it counts choices apart, and unknown where it counts nothing', () => {
    expect(tokenShares([choice('a', 5), choice('bcd', 1)], 6)).toEqual([5, 1]);
    expect(tokenShares([choice('a', null), choice('bcd', null)], null)).toEqual([null, null]);
  });
});
