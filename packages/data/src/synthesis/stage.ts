import { setImmediate } from 'node:timers/promises';
import type { Usage } from '@vlprm/core/records';
import { contentHash, throwIfAborted, VlprmError, type Ledger } from '@vlprm/core/runtime';
import type { z } from 'zod';

export const STAGES = ['sample', 'estimate', 'judge'] as const;
export type StageName = (typeof STAGES)[number];

/** One step of the pipeline for one problem: what it is called, what it depends on, and how many are computed at once. */
export interface Stage<Item, Value> {
  readonly name: StageName;
  readonly schema: z.ZodType<Value>;
  /** Everything that the value depends on, as JSON. */
  readonly inputs: (item: Item) => unknown;
  readonly compute: (
    items: readonly Item[],
    signal: AbortSignal | undefined,
  ) => Promise<{ values: Value[]; usage: Usage }>;
}

export interface StageResult<Value> {
  readonly value: Value;
  /** This problem's share of the calls that were made for its batch. */
  readonly usage: Usage;
  /** True when the ledger had it. */
  readonly reused: boolean;
}

function share(total: number, parts: number, index: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}

/** Splits a batch's usage over its problems; whole numbers add up exactly. */
export function splitUsage(usage: Usage, parts: number): Usage[] {
  const tokens = (total: number | null, index: number): number | null =>
    total === null ? null : share(total, parts, index);
  return Array.from({ length: parts }, (_, index) => ({
    calls: share(usage.calls, parts, index),
    promptTokens: tokens(usage.promptTokens, index),
    completionTokens: tokens(usage.completionTokens, index),
    usd: usage.usd === null ? null : usage.usd / parts,
  }));
}

/**
 * Runs a stage for a batch. What the ledger holds under the hash of a problem's inputs is taken from there; the rest is
 * computed in one go and stored in one transaction, so that a batch is done or not done as a whole.
 * @throws ERR_ABORTED, ERR_FILE_MALFORMED for a ledger row that is not what this stage writes, and what `compute` throws
 */
export async function runStage<Item, Value>(
  stage: Stage<Item, Value>,
  items: readonly Item[],
  ledger: Ledger,
  signal: AbortSignal | undefined,
): Promise<StageResult<Value>[]> {
  // A model that works synchronously would otherwise keep signals and timers from being seen.
  await setImmediate();
  throwIfAborted(signal);
  const keys = items.map((item) => contentHash({ stage: stage.name, inputs: stage.inputs(item) }));
  const known = await ledger.getMany(keys);
  const missing = items.flatMap((_, index) => (known.has(keys[index] as string) ? [] : [index]));
  const fresh = new Map<number, StageResult<Value>>();
  if (missing.length > 0) {
    const { values, usage } = await stage.compute(
      missing.map((index) => items[index] as Item),
      signal,
    );
    // An aborted model may answer with calls that failed for that reason alone: they are not results.
    throwIfAborted(signal);
    const shares = splitUsage(usage, missing.length);
    missing.forEach((index, i) =>
      fresh.set(index, { value: values[i] as Value, usage: shares[i] as Usage, reused: false }),
    );
    await ledger.putMany(
      [...fresh].map(([index, result]) => ({
        key: keys[index] as string,
        stage: stage.name,
        value: result.value,
        usage: result.usage,
      })),
    );
  }
  return items.map((_, index) => {
    const result = fresh.get(index);
    if (result !== undefined) return result;
    const entry = known.get(keys[index] as string);
    const parsed = stage.schema.safeParse(entry?.value);
    if (entry === undefined || !parsed.success) {
      throw new VlprmError(
        'ERR_FILE_MALFORMED',
        `the ledger row of stage ${stage.name} is not what this version writes`,
        {
          where: `ledger key ${keys[index]}`,
          fix: 'go on in a new run folder',
          cause: parsed.error,
        },
      );
    }
    return { value: parsed.data, usage: entry.usage, reused: true };
  });
}
