import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { tokenize, tokenText } from './tokenizer.ts';

describe('tokenize', () => {
  test.prop([fc.string({ unit: 'grapheme' })])('loses nothing, and every id is the id of its text', (text) => {
    const tokens = tokenize(text);
    expect(tokens.map((token) => token.text).join('')).toBe(text);
    expect(tokens.map(({ id }) => tokenText(id))).toEqual(tokens.map((token) => token.text));
  });

  it('knows labels and special tokens by the ids of Qwen2.5', () => {
    expect(tokenize('+-<|im_end|><extra_0>').map(({ id }) => id)).toEqual([10, 12, 151_645, 151_651]);
  });

  it('has no text for ids outside of the vocabulary', () => {
    expect([-1, 94, 151_000, 200_000, 2 ** 31].map(tokenText)).toEqual([null, null, null, null, null]);
  });
});
