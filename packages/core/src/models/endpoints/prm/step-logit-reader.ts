import { addUsage, NO_USAGE, type Usage } from '../../../records/index.ts';
import type { Answered } from '../../../runtime/gateway/gateway.ts';
import type { Solution } from '../../ports.ts';
import type { StepReading } from '../../step-reading.ts';
import type { CallContext } from '../model-service.ts';
import type { ProblemImages } from '../problem-images.ts';

/** What reading took. */
export interface ReadingCost {
  /** Passes of the model. */
  readonly forwards: number;
  /** Tokens of those passes; where the server does not tell, as many as were reserved. `usage` leaves them unknown. */
  readonly tokens: number;
  readonly usage: Usage;
}

/** Readings of some steps of one solution. */
export interface StepReadings extends ReadingCost {
  /** In the order of the steps that were asked for. */
  readonly readings: readonly StepReading[];
}

/** One way to read step logits from a server. A step's reading depends on the problem and on the steps up to it alone. */
export interface StepLogitReader {
  /** One call reads every step of a solution; without it each step is a call of its own. */
  readonly readsAllStepsAtOnce: boolean;
  /**
   * Reads these steps (0-based, ascending, at least one) of a solution.
   * @throws ServiceError; ERR_BUDGET; ERR_ABORTED; ERR_TRACE_EMPTY, ERR_TRACE_MALFORMED, ERR_IMAGE_DECODE
   */
  read(solution: Solution, steps: readonly number[], signal?: AbortSignal): Promise<StepReadings>;
}

export const NO_COST: ReadingCost = { forwards: 0, tokens: 0, usage: NO_USAGE };

export function addCost(a: ReadingCost, b: ReadingCost): ReadingCost {
  return { forwards: a.forwards + b.forwards, tokens: a.tokens + b.tokens, usage: addUsage(a.usage, b.usage) };
}

/** Cost of one pass. A pass that another caller waits for as well is that caller's. */
export function costOfPass({ usage, source }: Answered<unknown>, reserved: number): ReadingCost {
  return source === 'in-flight' ? NO_COST : { forwards: 1, tokens: usage.promptTokens ?? reserved, usage };
}

export function prmCall(solution: Solution, { bytes }: ProblemImages, signal: AbortSignal | undefined): CallContext {
  return {
    stage: 'call/prm',
    affinity: solution.problem.id,
    images: bytes,
    ...(signal === undefined ? {} : { signal }),
  };
}
