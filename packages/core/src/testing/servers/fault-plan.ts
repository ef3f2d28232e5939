import { createRandom, seedFrom } from '../../runtime/random.ts';

/** What can go wrong with a request on purpose. */
export const FAULT_KINDS = [
  'rate-limit',
  'server-error',
  'hang',
  'cut-stream',
  'malformed-json',
  'content-filter',
  'wrong-n',
  'missing-logprobs',
  'slow-first-byte',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** A request that a model is to answer. */
export interface FaultableCall {
  /** Hash of path and body: equal for a request that is sent again. */
  readonly content: string;
  /** How often this content has been asked for before. */
  readonly attempt: number;
}

/** Says what goes wrong with a call; null for nothing. */
export type FaultPlan = (call: FaultableCall) => FaultKind | null;

export interface SeededFaultOptions {
  readonly seed: number;
  /** Share of the contents that a fault befalls, in [0, 1]. */
  readonly share: number;
  /** Kinds that befall them, each as likely; default: all. */
  readonly kinds?: readonly FaultKind[];
  /** Attempts that fail before the content is answered: 1 by default, Infinity for ever. */
  readonly attempts?: number;
}

/**
 * Faults that depend on seed and content alone: whatever the order of the calls, the same contents are befallen.
 * A content-filtered content is filtered at every attempt, as it is at real services.
 */
export function seededFaults({ seed, share, kinds = FAULT_KINDS, attempts = 1 }: SeededFaultOptions): FaultPlan {
  return ({ content, attempt }) => {
    const random = createRandom(seedFrom(seed, content));
    if (random.uniform() >= share) return null;
    const kind = random.pick(kinds);
    return kind === 'content-filter' || attempt < attempts ? kind : null;
  };
}

/** The same fault at the first `attempts` attempts of every call; by default at all of them. */
export function everyCall(kind: FaultKind, attempts = Infinity): FaultPlan {
  return ({ attempt }) => (attempt < attempts ? kind : null);
}
