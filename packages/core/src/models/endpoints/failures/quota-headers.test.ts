import { expect, it } from 'vitest';
import { parseDuration, readQuota } from './quota-headers.ts';

it.each([
  ['6m0s', 360_000],
  ['1h2m3.5s', 3_723_500],
  ['20ms', 20],
  ['1.25', 1250],
  ['0', 0],
  ['soon', null],
  ['-5', null],
  ['', null],
  [null, null],
])('%j lasts %j ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

const headers = new Headers({
  'x-ratelimit-limit-requests': '5000',
  'x-ratelimit-remaining-requests': '4999',
  'x-ratelimit-reset-requests': '12ms',
  'x-ratelimit-remaining-tokens': '1000',
});

it('reads limits, what is left of them and when they are whole again', () => {
  expect(readQuota(headers, true)).toEqual({
    requests: { limit: 5000, remaining: 4999, resetMs: 12 },
    tokens: { remaining: 1000 },
  });
});

it('leaves out limits that may count by the day', () => {
  expect(readQuota(headers, false)).toEqual({
    requests: { remaining: 4999, resetMs: 12 },
    tokens: { remaining: 1000 },
  });
});

it('says nothing where the service says nothing it can read', () => {
  expect(readQuota(new Headers({ 'x-ratelimit-remaining-tokens': 'plenty' }), true)).toBeNull();
});
