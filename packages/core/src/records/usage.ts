import { z } from 'zod';

const count = z.int().nonnegative();

/** What a call, trace or run has spent. `null` means unknown, which is not zero. */
export const usageSchema = z.object({
  calls: count,
  promptTokens: count.nullable(),
  completionTokens: count.nullable(),
  usd: z.number().nonnegative().nullable(),
});
export type Usage = z.infer<typeof usageSchema>;

export const NO_USAGE: Usage = { calls: 0, promptTokens: 0, completionTokens: 0, usd: 0 };

/** Sum of two counts; unknown when one of them is. */
export function addCounts(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

/** Sum of two usages; an unknown part makes the sum of that part unknown. */
export function addUsage(a: Usage, b: Usage): Usage {
  return {
    calls: a.calls + b.calls,
    promptTokens: addCounts(a.promptTokens, b.promptTokens),
    completionTokens: addCounts(a.completionTokens, b.completionTokens),
    usd: addCounts(a.usd, b.usd),
  };
}
