import type { TokenDistribution } from './brain.ts';
import { tokenize, tokenText, type Token } from './tokenizer.ts';

/** Log-probability of tokens that a distribution does not name. */
const UNNAMED = -30;
const ALTERNATIVES = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.split('');

export interface RankedToken {
  readonly token: Token;
  readonly logprob: number;
}

/** A made-up distribution in which `written` is by far the likeliest token; equal tokens have equal distributions. */
export function plausibleDistribution(written: Token): TokenDistribution {
  const probability = 0.6 + (written.id % 97) / 300;
  const distribution = new Map([[written.text, Math.log(probability)]]);
  let rest = 1 - probability;
  for (const text of ALTERNATIVES) {
    if (text === written.text) continue;
    rest /= 2;
    distribution.set(text, Math.log(rest));
  }
  return distribution;
}

export function logprobOf(distribution: TokenDistribution, text: string): number {
  return distribution.get(text) ?? UNNAMED;
}

/** The `count` likeliest tokens, likeliest first. */
export function topTokens(distribution: TokenDistribution, count: number): RankedToken[] {
  return [...distribution]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([text, logprob]) => ({ token: tokenOf(text), logprob }));
}

/** Tokens of the given ids whatever their rank; an id outside of the vocabulary is refused by returning null. */
export function tokensOfIds(distribution: TokenDistribution, ids: readonly number[]): RankedToken[] | null {
  const ranked = ids.map((id) => {
    const text = tokenText(id);
    return text === null ? null : { token: { id, text }, logprob: logprobOf(distribution, text) };
  });
  return ranked.every((item) => item !== null) ? ranked : null;
}

export function tokenOf(text: string): Token {
  const [token, ...rest] = tokenize(text);
  if (token === undefined || rest.length > 0) throw new TypeError(`${JSON.stringify(text)} is not one token`);
  return token;
}
