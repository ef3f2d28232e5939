/** What is believed of a success rate V before the first rollout: dead, certain, or Beta(alpha, beta) otherwise. */
export interface SuccessPrior {
  /** P(V = 0), in (0, 1). */
  readonly dead: number;
  /** P(V = 1), in [0, 1 - dead). */
  readonly certain: number;
  readonly alpha: number;
  readonly beta: number;
}

export interface SequentialTestOptions {
  /** Rollouts after which a label is read off, K. */
  readonly rollouts: number;
  /** A label is wrong when at most this share of them succeeded. */
  readonly threshold: number;
  /** Largest probability, given what was seen, that K rollouts would label otherwise. */
  readonly risk: number;
  readonly prior: SuccessPrior;
}

const DECISIONS = ['open', 'right', 'wrong'] as const;
export type Decision = (typeof DECISIONS)[number];

/** Decides from so many successes in so many completed rollouts. */
export type SequentialTest = (successes: number, completed: number) => Decision;

/**
 * P(next rollout succeeds | k of n did), for k = 0 and k = n with the point masses: the Beta part of the evidence is
 * ∏ (b + i) / (a + b + i) for n failures, ∏ (a + i) / (a + b + i) for n successes.
 */
function predictive({ dead, certain, alpha, beta }: SuccessPrior, rollouts: number) {
  const mixed = 1 - dead - certain;
  const failures = new Float64Array(rollouts + 1).fill(mixed);
  const successes = new Float64Array(rollouts + 1).fill(mixed);
  for (let n = 0; n < rollouts; n++) {
    failures[n + 1] = (failures[n]! * (beta + n)) / (alpha + beta + n);
    successes[n + 1] = (successes[n]! * (alpha + n)) / (alpha + beta + n);
  }
  return (k: number, n: number): number => {
    const next = (alpha + k) / (alpha + beta + n);
    if (n === 0) return certain + mixed * next;
    if (k === 0) return (failures[n]! * next) / (failures[n]! + dead);
    if (k === n) return (successes[n]! * next + certain) / (successes[n]! + certain);
    return next;
  };
}

/**
 * The label that K rollouts would give, as soon as it is known well enough: P(more than τK of K succeed | k of n did) by
 * backward induction over the rollouts to come, P(k, n) = p P(k + 1, n + 1) + (1 - p) P(k, n + 1), p the posterior
 * predictive of the next one. Decided where P >= 1 - risk or P <= risk, and the rate k / n lies on the same side of τ,
 * because that rate is what label rules read.
 *
 * Stochastic curtailment by predictive power: Lan, Simon & Halperin 1982, https://doi.org/10.1080/07474948208836014;
 * Spiegelhalter, Freedman & Blackburn 1986, https://doi.org/10.1016/0197-2456(86)90003-6.
 */
export function sequentialTest({ rollouts, threshold, risk, prior }: SequentialTestOptions): SequentialTest {
  const next = predictive(prior, rollouts);
  const isRight = (k: number, n: number): boolean => k > threshold * n;
  /** Indices of DECISIONS; row n, at n(n + 1) / 2, has k = 0 .. n. */
  const decisions = new Uint8Array((rollouts * (rollouts + 1)) / 2);
  let above = Float64Array.from({ length: rollouts + 1 }, (_, k) => (isRight(k, rollouts) ? 1 : 0));
  for (let n = rollouts - 1; n > 0; n--) {
    const later = above;
    above = Float64Array.from({ length: n + 1 }, (_, k) => {
      const p = next(k, n);
      return p * later[k + 1]! + (1 - p) * later[k]!;
    });
    above.forEach((right, k) => {
      const sure = isRight(k, n) ? right >= 1 - risk : right <= risk;
      if (sure) decisions[(n * (n + 1)) / 2 + k] = DECISIONS.indexOf(isRight(k, n) ? 'right' : 'wrong');
    });
  }
  return (k, n) => {
    if (n >= rollouts) return isRight(k, n) ? 'right' : 'wrong';
    return DECISIONS[decisions[(n * (n + 1)) / 2 + k] ?? 0] ?? 'open';
  };
}
