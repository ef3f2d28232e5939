import type { Step } from '../records/index.ts';
import type { ParsedSolution } from './step-grammar.ts';

/**
 * What ended a text: a stop text; null when none did and it came to its own end; undefined when the server does not say
 * which of the two.
 */
export type EndedBy = string | null | undefined;

/** The first step of a continuation. Without a step there was only an answer, or nothing to read. */
export interface FirstStep extends ParsedSolution {
  /** Has the solution ended? Null when only what would follow can tell; the answer then counts if nothing does. */
  readonly ended: boolean | null;
}

/** Cuts what a policy writes into steps, and joins steps to the text that it goes on from. */
export interface StepSplitter {
  /** Steps from index `from` on, as the policy would have written them up to where the next begins; '' for none. */
  join(steps: readonly Step[], from?: number): string;
  /**
   * The steps that `text` adds to a prefix, and the answer of the whole.
   * @throws ERR_TRACE_MALFORMED for text that breaks the step grammar
   */
  split(prefix: readonly Step[], text: string): ParsedSolution;
  /** At most 4 texts that end a continuation when its first step is complete. */
  stops(prefix: readonly Step[]): readonly string[];
  /** The first step that `text`, written under these stop texts, adds to a prefix. Errors as `split`. */
  first(prefix: readonly Step[], text: string, endedBy: EndedBy): FirstStep;
}
