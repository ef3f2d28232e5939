import { ServiceError } from '../../../runtime/gateway/service-error.ts';
import type { StepReading } from '../../step-reading.ts';
import type { TokenLogprob, WrittenToken } from '../chat.ts';
import type { PrmEndpointConfig } from '../endpoint-config.ts';
import { readLogprob } from '../log-probability.ts';

export type Labels = PrmEndpointConfig['labels'];

/** How tokenizers spell the space before a word: as it is, SentencePiece, byte-level BPE. */
const LEADING_SPACES = ['', ' ', '▁', 'Ġ'];

/** Natural logarithm of the sum of exponentials; -Infinity for none. */
function logSumExp(values: readonly number[]): number {
  const largest = Math.max(...values);
  if (largest === -Infinity) return -Infinity;
  return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
}

/** Is this token a spelling of the label? Where both ids are known the id alone tells. */
function spells(token: TokenLogprob, label: string, id: number | undefined): boolean {
  if (id !== undefined && token.id !== null) return token.id === id;
  return LEADING_SPACES.some((space) => token.token === space + label);
}

/** Tokens that have a log-probability. */
function reported(tokens: readonly TokenLogprob[]): TokenLogprob[] {
  return tokens.flatMap((token) => {
    const logprob = readLogprob(token.logprob);
    return logprob === null ? [] : [{ ...token, logprob }];
  });
}

/**
 * The tokens that a server reports at one place, each once: the written one may stand among the most likely ones again.
 * Tokens of these may be spelled alike without being the same: SentencePiece writes "▁+" and "+" both as "+".
 */
export function tokensAt({ token, id, logprob, top }: WrittenToken): readonly TokenLogprob[] {
  const again = top.some((other) => (id === null || other.id === null ? other.token === token : other.id === id));
  return logprob === null || again ? top : [{ token, id, logprob }, ...top];
}

function missing(what: string): ServiceError {
  return new ServiceError('ERR_LABEL_MISSING', what, {
    fix: 'check prm.labels and that the model is a PRM trained with them; set label ids where the server takes them',
  });
}

/**
 * The logit difference l₊ − l₋ of two labels from the tokens that a server reports at one place. The mass of the
 * spellings of a label ("+", " +", "▁+", "Ġ+") is summed.
 *
 * Of a label that is not reported it is known that its log-probability is at most the smallest one among the most likely
 * tokens: with `missingLabel: 'bound'` the difference is then a bound, and the mass that of the other label.
 * @throws ServiceError ERR_LABEL_MISSING when neither label is reported, or one is not and no bound is wanted or known;
 *   ERR_ANSWER_MALFORMED for what is no log-probability
 */
export function readLabels(
  tokens: readonly TokenLogprob[],
  labels: Labels,
  missingLabel: PrmEndpointConfig['missingLabel'],
): StepReading {
  const known = reported(tokens);
  const positives = known.filter((token) => spells(token, labels.positive, labels.positiveId));
  const negatives = known.filter((token) => spells(token, labels.negative, labels.negativeId));
  const positive = logSumExp(positives.map(({ logprob }) => logprob));
  const negative = logSumExp(negatives.map(({ logprob }) => logprob));
  const mass = Math.min(1, Math.exp(positive) + Math.exp(negative));
  if (positives.length > 0 && negatives.length > 0) return { logit: positive - negative, mass, bound: 0 };

  if (positives.length === 0 && negatives.length === 0) {
    throw missing(`neither "${labels.positive}" nor "${labels.negative}" is among the ${known.length} reported tokens`);
  }
  const absent = positives.length === 0 ? labels.positive : labels.negative;
  if (missingLabel === 'error') throw missing(`"${absent}" is not among the ${known.length} reported tokens`);
  // A label may be reported because it was asked for, whatever its rank: the other tokens alone give the floor.
  const others = known.filter((token) => !positives.includes(token) && !negatives.includes(token));
  if (others.length === 0) throw missing(`"${absent}" is not reported, and no other token that would bound it`);
  const floor = Math.min(...others.map(({ logprob }) => logprob));
  return positives.length > 0
    ? { logit: positive - floor, mass, bound: 1 }
    : { logit: floor - negative, mass, bound: -1 };
}
