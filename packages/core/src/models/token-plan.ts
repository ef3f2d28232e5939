import type { Step } from '../records/index.ts';
import { VlprmError } from '../runtime/errors.ts';
import { prmTurns } from '../text/step-grammar.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Where each step of a solution lies among the tokens that a PRM reads. */
export interface TokenPlan {
  /** [T] the ids of all turns, one after another. */
  readonly ids: Int32Array;
  /** [steps] end (exclusive) of each turn; step i is scored at `ends[i] - 1`. */
  readonly ends: Int32Array;
  /** Where the solution begins: what is before belongs to the question. */
  readonly solutionStart: number;
}

/** Tokens that open a section of a solution. */
const SECTION_TOKENS = ['<perception>', '<reasoning>'] as const;

export interface TokenPlanLimits {
  /** Tokens that the base reads at most. */
  readonly maxTokens: number;
}

/**
 * Token plan of a question and its steps. Turns are tokenised one by one and joined by id, so a score position never
 * moves with its neighbours; positions come from the turns, never from token ids.
 * Throws ERR_TRACE_EMPTY without steps, ERR_TOKEN_UNKNOWN for a word that the base does not know, and
 * ERR_TRACE_MALFORMED for a step without a token or a solution that the base cannot read whole: nothing is clipped.
 */
export function planTokens(
  tokenizer: Tokenizer,
  question: string,
  steps: readonly Step[],
  limits: TokenPlanLimits,
  where = 'solution',
): TokenPlan {
  const turns = prmTurns(question, steps).map((turn, step) => tokenizer.encode(turn, `${where}, step ${step}`));
  const empty = turns.findIndex((turn) => turn.length === 0);
  if (empty >= 0) {
    throw new VlprmError('ERR_TRACE_MALFORMED', 'the step has no token', {
      where: `${where}, step ${empty}`,
      fix: 'give the step words',
    });
  }
  const ids = Int32Array.from(turns.flat());
  if (ids.length > limits.maxTokens) {
    throw new VlprmError(
      'ERR_TRACE_MALFORMED',
      `the solution has ${ids.length} tokens, the base reads ${limits.maxTokens}`,
      {
        where,
        fix: 'shorten the solution or use a base with a longer context',
      },
    );
  }
  let end = 0;
  const ends = Int32Array.from(turns, (turn) => (end += turn.length));
  return { ids, ends, solutionStart: solutionStart(tokenizer, turns[0] ?? []) };
}

/** Place after the first section token of the first turn; 0 when there is none. */
function solutionStart(tokenizer: Tokenizer, turn: readonly number[]): number {
  const sections = SECTION_TOKENS.map((token) => tokenizer.idOf(token));
  return turn.findIndex((id) => sections.includes(id)) + 1;
}
