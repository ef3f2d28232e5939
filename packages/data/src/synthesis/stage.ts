import { setImmediate } from 'node:timers/promises';
import type { Usage } from '@vlprm/core/records';
import { contentHash, throwIfAborted, VlprmError, type Ledger, type LedgerEntry } from '@vlprm/core/runtime';
import type { z } from 'zod';

export const STAGES = ['sample', 'estimate', 'judge'] as const;
export type StageName = (typeof STAGES)[number];

/** One step of the pipeline for one problem: a ledger row under the hash of what it depends on. */
export interface Stage<Item, Value> {
  readonly name: StageName;
  readonly schema: z.ZodType<Value>;
  /** Everything that the value depends on, as JSON. */
  readonly inputs: (item: Item) => unknown;
  readonly compute: (item: Item, signal: AbortSignal | undefined) => Promise<Computed<Value>>;
}

export interface Computed<Value> {
  readonly value: Value;
  readonly usage: Usage;
}

export interface StageResult<Value> extends Computed<Value> {
  /** True when the ledger had it. */
  readonly reused: boolean;
}

function keyOf<Item, Value>(stage: Stage<Item, Value>, item: Item): string {
  return contentHash({ stage: stage.name, inputs: stage.inputs(item) });
}

/** @throws ERR_FILE_MALFORMED for a row that is not what this stage writes */
function readEntry<Item, Value>(stage: Stage<Item, Value>, entry: LedgerEntry): StageResult<Value> {
  const parsed = stage.schema.safeParse(entry.value);
  if (parsed.success) return { value: parsed.data, usage: entry.usage, reused: true };
  throw new VlprmError('ERR_FILE_MALFORMED', `the ledger row of stage ${stage.name} is not what this version writes`, {
    where: `ledger key ${entry.key}`,
    fix: 'go on in a new run folder',
    cause: parsed.error,
  });
}

async function readRows<Item, Value>(
  stage: Stage<Item, Value>,
  keys: readonly string[],
  ledger: Ledger,
): Promise<(StageResult<Value> | null)[]> {
  const entries = await ledger.getMany(keys);
  return keys.map((key) => {
    const entry = entries.get(key);
    return entry === undefined ? null : readEntry(stage, entry);
  });
}

/** What the ledger holds of a stage for each item; null where it holds nothing. */
export function readStage<Item, Value>(
  stage: Stage<Item, Value>,
  items: readonly Item[],
  ledger: Ledger,
): Promise<(StageResult<Value> | null)[]> {
  const keys = items.map((item) => keyOf(stage, item));
  return readRows(stage, keys, ledger);
}

/**
 * Values of a stage for several items: what the ledger lacks is computed by `compute` in one go and stored in one
 * transaction. Errors as {@link runStage}.
 */
export async function runStageTogether<Item, Value>(
  stage: Stage<Item, Value>,
  items: readonly Item[],
  compute: (items: readonly Item[], signal: AbortSignal | undefined) => Promise<readonly Computed<Value>[]>,
  ledger: Ledger,
  signal: AbortSignal | undefined,
): Promise<StageResult<Value>[]> {
  // A model that works synchronously would otherwise keep signals and timers from being seen.
  await setImmediate();
  throwIfAborted(signal);
  const keys = items.map((item) => keyOf(stage, item));
  const known = await readRows(stage, keys, ledger);
  const missing = items.filter((_, index) => known[index] === null);
  const computed = missing.length === 0 ? [] : await compute(missing, signal);
  // An aborted model may answer with calls that failed for that reason alone: they are not results.
  throwIfAborted(signal);
  let next = 0;
  const results = known.map((row) => row ?? { ...(computed[next++] as Computed<Value>), reused: false });
  const fresh = results.flatMap(({ value, usage, reused }, index) =>
    reused ? [] : [{ key: keys[index] as string, stage: stage.name, value, usage }],
  );
  if (fresh.length > 0) await ledger.putMany(fresh);
  return results;
}

/**
 * Takes a stage's value from the ledger, or computes and stores it.
 * @throws ERR_ABORTED, ERR_FILE_MALFORMED for a ledger row that is not what this stage writes, and what `compute` throws
 */
export async function runStage<Item, Value>(
  stage: Stage<Item, Value>,
  item: Item,
  ledger: Ledger,
  signal: AbortSignal | undefined,
): Promise<StageResult<Value>> {
  const computeOne = async ([only]: readonly Item[], stop: AbortSignal | undefined) => [
    await stage.compute(only as Item, stop),
  ];
  const [result] = await runStageTogether(stage, [item], computeOne, ledger, signal);
  return result as StageResult<Value>;
}
