import { z } from 'zod';
import { addCounts, addUsage, NO_USAGE, type Usage } from '../records/index.ts';
import { abortError, throwIfAborted, VlprmError } from './errors.ts';
import { onAbort } from './flow/abort.ts';
import { systemClock, type Clock } from './flow/clock.ts';
import { requirePrices } from './prices.ts';

/** What may be spent on calls to models; what is left out is not limited. 0: nothing beyond what the ledger holds. */
export const budgetLimitsSchema = z.strictObject({
  /** Calls that were answered, or billed all the same. */
  calls: z.int().nonnegative().optional(),
  /** Of prompts and completions together. */
  tokens: z.int().nonnegative().optional(),
  usd: z.number().nonnegative().optional(),
  /** Of this process: earlier runs do not count. */
  wallSeconds: z.number().nonnegative().optional(),
});
export type BudgetLimits = z.infer<typeof budgetLimitsSchema>;

/** The most that a call can cost. */
export interface CallCost {
  readonly model: string;
  readonly tokens: number;
  /** Null when the model has no price. */
  readonly usd: number | null;
}

/** A part of the budget that is kept for one call: given back by exactly one of the two. */
export interface Reservation {
  /** The call was billed. What its usage does not tell is taken to be what was reserved. */
  settle(usage: Usage): void;
  /** The call cost nothing. */
  release(): void;
}

interface Amounts {
  calls: number;
  tokens: number;
  usd: number;
}
type Kind = keyof Amounts;
const KINDS = ['calls', 'tokens', 'usd'] as const satisfies readonly Kind[];

export interface BudgetStatus {
  readonly limits: BudgetLimits;
  /** As the services report it, earlier runs included. */
  readonly spent: Usage;
  /** Kept for calls in flight. */
  readonly reserved: Readonly<Amounts>;
  readonly wallSeconds: number;
}

/**
 * Limits on what calls to models may spend, shared by all that call. What a call can cost at most is reserved before it
 * is sent, so that calls in flight never pass a limit together; what they did not use comes back.
 *
 * A call that does not fit beside what is spent is refused. One that would fit if calls in flight came back cheaper
 * waits for them, first come first served.
 */
export interface Budget {
  readonly limits: BudgetLimits;
  /** @throws ERR_BUDGET, ERR_ABORTED; ERR_CONFIG for a call without a price where dollars are limited */
  reserve(cost: CallCost, signal?: AbortSignal): Promise<Reservation>;
  /** Milliseconds of wall time that are left, at least 0; Infinity without a limit. */
  remainingMs(): number;
  /** What a call that the end of the wall time has cut off throws. */
  outOfTime(): VlprmError;
  status(): BudgetStatus;
}

export interface BudgetOptions {
  /** What earlier runs have spent: see {@link usageOfCalls}. */
  readonly initial?: Usage;
  readonly clock?: Clock;
}

/** What the calls in a ledger have cost: its stages `call/…`. The pipeline's stages sum the same calls once more. */
export function usageOfCalls(byStage: Readonly<Record<string, Usage>>): Usage {
  return Object.entries(byStage)
    .filter(([stage]) => stage.startsWith('call/'))
    .reduce((sum, [, usage]) => addUsage(sum, usage), NO_USAGE);
}

const UNITS: Record<Kind, string> = { calls: 'calls', tokens: 'tokens', usd: 'US dollars' };
const FIX = 'and run the same command again: what is done stays done';

function tokensOf({ promptTokens, completionTokens }: Usage): number | null {
  return addCounts(promptTokens, completionTokens);
}

function requireLimits(limits: BudgetLimits): void {
  const parsed = budgetLimitsSchema.safeParse(limits);
  if (parsed.success) return;
  const [issue] = parsed.error.issues;
  throw new VlprmError('ERR_RANGE', issue?.message ?? 'not a budget', {
    where: ['budget', ...(issue?.path ?? [])].join('.'),
    fix: 'give a number of at least 0; calls and tokens are whole',
  });
}

/** @throws ERR_CONFIG when a limit is set on what the earlier calls do not tell */
function knownSpent(initial: Usage, limits: BudgetLimits): Amounts {
  const known = { calls: initial.calls, tokens: tokensOf(initial), usd: initial.usd };
  for (const kind of KINDS) {
    if (limits[kind] === undefined || known[kind] !== null) continue;
    throw new VlprmError('ERR_CONFIG', `what earlier calls have cost in ${UNITS[kind]} is not known`, {
      where: `budget.${kind}`,
      fix: 'limit calls or wall time instead, or begin a new run',
    });
  }
  return { calls: known.calls, tokens: known.tokens ?? 0, usd: known.usd ?? 0 };
}

interface Waiter {
  readonly amounts: Amounts;
  readonly grant: (reservation: Reservation) => void;
  readonly refuse: (error: VlprmError) => void;
}

class SharedBudget implements Budget {
  readonly limits: BudgetLimits;
  readonly #clock: Clock;
  readonly #began: number;
  #spent: Usage;
  /** As `#spent`, with what was reserved in place of what is not known. */
  readonly #charged: Amounts;
  readonly #reserved: Amounts = { calls: 0, tokens: 0, usd: 0 };
  #inFlight = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(limits: BudgetLimits, { initial = NO_USAGE, clock = systemClock }: BudgetOptions) {
    this.limits = limits;
    this.#clock = clock;
    this.#began = clock.now();
    this.#spent = initial;
    this.#charged = knownSpent(initial, limits);
  }

  async reserve({ model, tokens, usd }: CallCost, signal?: AbortSignal): Promise<Reservation> {
    throwIfAborted(signal);
    if (usd === null && this.limits.usd !== undefined) requirePrices([model], {});
    const amounts = { calls: 1, tokens, usd: usd ?? 0 };
    const refusal = this.#refusal(amounts);
    if (refusal !== null) throw refusal;
    return this.#waiting.size === 0 && this.#fits(amounts) ? this.#keep(amounts) : this.#wait(amounts, signal);
  }

  remainingMs(): number {
    const { wallSeconds = Infinity } = this.limits;
    return Math.max(0, wallSeconds * 1000 - this.#elapsedMs());
  }

  outOfTime(): VlprmError {
    return new VlprmError('ERR_BUDGET', `the budget of ${this.limits.wallSeconds} s of wall time is spent`, {
      where: 'budget.wallSeconds',
      fix: `raise --budget-seconds ${FIX}`,
    });
  }

  status(): BudgetStatus {
    const { limits } = this;
    return { limits, spent: this.#spent, reserved: { ...this.#reserved }, wallSeconds: this.#elapsedMs() / 1000 };
  }

  #elapsedMs(): number {
    return this.#clock.now() - this.#began;
  }

  #fits(amounts: Amounts): boolean {
    return KINDS.every(
      (kind) => this.#charged[kind] + this.#reserved[kind] + amounts[kind] <= (this.limits[kind] ?? Infinity),
    );
  }

  /** Why the amounts would not fit even if all that is reserved came back; null when they may. */
  #refusal(amounts: Amounts): VlprmError | null {
    if (this.remainingMs() === 0) return this.outOfTime();
    const kind = KINDS.find((each) => this.#charged[each] + amounts[each] > (this.limits[each] ?? Infinity));
    if (kind === undefined) return null;
    const [spent, reserved] = [this.#charged[kind], this.#reserved[kind]];
    return new VlprmError(
      'ERR_BUDGET',
      `the budget of ${this.limits[kind]} ${UNITS[kind]} is spent: ` +
        `${spent} spent, ${reserved} reserved by calls in flight, ${amounts[kind]} for this call`,
      { where: `budget.${kind}`, fix: `raise --budget-${kind} ${FIX}` },
    );
  }

  #keep(amounts: Amounts): Reservation {
    this.#inFlight += 1;
    for (const kind of KINDS) this.#reserved[kind] += amounts[kind];
    return {
      settle: (usage) => {
        this.#spent = addUsage(this.#spent, usage);
        this.#charged.calls += usage.calls;
        this.#charged.tokens += tokensOf(usage) ?? amounts.tokens;
        this.#charged.usd += usage.usd ?? amounts.usd;
        this.#giveBack(amounts);
      },
      release: () => {
        this.#giveBack(amounts);
      },
    };
  }

  #giveBack(amounts: Amounts): void {
    this.#inFlight -= 1;
    for (const kind of KINDS) {
      // Sums of dollars are rounded: with no call in flight nothing is reserved, exactly.
      this.#reserved[kind] = this.#inFlight === 0 ? 0 : this.#reserved[kind] - amounts[kind];
    }
    this.#admit();
  }

  /** Lets calls in, in the order in which they came, up to the first that has to go on waiting. */
  #admit(): void {
    for (const waiter of this.#waiting) {
      const refusal = this.#refusal(waiter.amounts);
      if (refusal === null && !this.#fits(waiter.amounts)) return;
      this.#waiting.delete(waiter);
      if (refusal === null) waiter.grant(this.#keep(waiter.amounts));
      else waiter.refuse(refusal);
    }
  }

  #wait(amounts: Amounts, signal: AbortSignal | undefined): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      const unlink = onAbort(signal, () => {
        this.#waiting.delete(waiter);
        if (signal !== undefined) reject(abortError(signal));
        this.#admit();
      });
      const waiter: Waiter = {
        amounts,
        grant: (reservation) => {
          unlink();
          resolve(reservation);
        },
        refuse: (error) => {
          unlink();
          reject(error);
        },
      };
      this.#waiting.add(waiter);
    });
  }
}

/** @throws ERR_RANGE for a limit that is no number of at least 0; ERR_CONFIG for a limit on an unknown `initial` part */
export function createBudget(limits: BudgetLimits, options: BudgetOptions = {}): Budget {
  requireLimits(limits);
  return new SharedBudget(limits, options);
}
