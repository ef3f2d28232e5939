import { expect, test } from 'vitest';
import { fuzz } from './conformance/fuzz.ts';
import { Random } from './conformance/random.ts';
import { mcLabels } from './ops/mcLabels.ts';

const CASES = 100_000;

test(`of ${CASES} bad calls, every one ends in a result or a refusal with a code`, async () => {
  const counts = await fuzz(new Random(1), CASES);
  expect(counts.accepted + counts.refused + counts.planted).toBe(CASES);
  // Else the cases would be too tame, or all turned away at the first check.
  expect(counts.accepted).toBeGreaterThan(CASES / 10);
  expect(counts.refused).toBeGreaterThan(CASES / 3);
  expect(counts.planted).toBeGreaterThan(0);
});

test('more elements than an index can number are refused', () => {
  const outcomes = new Uint8Array(2 ** 31);
  expect(() => mcLabels({ outcomes, offsets: Int32Array.of(0, -1) })).toThrow(
    expect.objectContaining({ code: 'ERR_VLPRM_RANGE', where: 'mcLabels.outcomes' }),
  );
});
