/** How a batch ends. */
export interface BatchEnding {
  /** Default `completed`. */
  readonly status?: string;
  /** How many of its requests are answered, the first ones. Default all; none when it has failed. */
  readonly answered?: number;
  /** What made it fail; `line` counts from 1. */
  readonly errors?: readonly { readonly code: string; readonly message: string; readonly line: number | null }[];
  /** The lines of its output and error file in place of what they would be. */
  readonly output?: (lines: readonly string[]) => readonly string[];
  readonly error?: (lines: readonly string[]) => readonly string[];
}

/** What goes wrong with a request to the batch API itself: it is refused, or carried out and its answer lost. */
export type BatchDisturbance = 'refused' | 'lost';

/** How a server's batch API behaves. */
export interface BatchScript {
  /** How often a batch is looked at before it ends. Default 1. */
  readonly looks?: number;
  /** How often a file is looked at before it may be used. Default 0. */
  readonly fileLooks?: number;
  /** How the n-th batch of the server ends, from 0. Default: every request is answered. */
  readonly ending?: (number: number, ids: readonly string[]) => BatchEnding;
  /** Disturbs the n-th call of a route (`POST /batches`), from 0. */
  readonly disturb?: (route: string, number: number) => BatchDisturbance | null;
  /** Default 50,000. */
  readonly maxRequests?: number;
  /** Default 200,000,000. */
  readonly maxBytes?: number;
  /** Most tokens of prompts in all open batches. Default: any number. */
  readonly maxQueuedTokens?: number;
}
