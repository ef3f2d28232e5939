import { expect, it } from 'vitest';
import { duration, pace } from './format-number.ts';

it.each([
  [4.25, '4.3 s'],
  [42, '42 s'],
  [192, '3 min 12 s'],
  [3600, '1 h'],
  [19_180, '5 h 20 min'],
  [86_399, '24 h'],
  [3.5 * 86_400, '3 days 12 h'],
])('%d seconds are %s', (seconds, text) => expect(duration(seconds)).toBe(text));

it.each([
  [117, '117/s'],
  [3.14, '3.1/s'],
  [0.2, '12/min'],
  [0.001, '3.6/h'],
])('%d a second is %s', (perSecond, text) => expect(pace(perSecond)).toBe(text));
