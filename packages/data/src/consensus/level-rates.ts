import type { AuditedStep } from './audited-traces.ts';
import { byPhase, byRateKind, type Phase, type RateKind } from './error-rates.ts';
import { levelLikelihoods } from './posterior.ts';
import type { Share } from './step-evidence.ts';

/** Success rates that a prefix is taken to have one of. */
export const LEVELS: readonly number[] = [0.004, 0.2, 0.5, 0.8, 0.996];

/** Rounds of expectation-maximisation; more change nothing that the audits could tell apart. */
const ROUNDS = 8;

/** Strength of the Dirichlet priors, in steps. */
const PRIOR_STEPS = 3;

type Matrix = number[][];
type Transitions = Record<RateKind, Record<Phase, Matrix>>;

function normalised(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Rows that fall off by `down` and `up` per level that the success rate falls or rises. */
function leaning(down: number, up: number): Matrix {
  return LEVELS.map((_, from) =>
    normalised(LEVELS.map((__, to) => Math.exp(to < from ? down * (to - from) : up * (from - to)))),
  );
}

/** A right step keeps the chance of success or raises it, an error lowers it, a step after one keeps it. */
const TRANSITION_PRIOR: Readonly<Record<Phase, Matrix>> = {
  right: leaning(1.2, 0.8),
  error: leaning(0.3, 1.5),
  after: leaning(1, 1),
};

const priorCounts = (): Transitions =>
  byRateKind(() => byPhase((phase) => TRANSITION_PRIOR[phase].map((row) => row.map((value) => PRIOR_STEPS * value))));

function rowsNormalised(counts: Transitions): Transitions {
  return byRateKind((kind) => byPhase((phase) => counts[kind][phase].map(normalised)));
}

/** Where success levels begin and how they move. */
export interface Chain {
  readonly initial: number[];
  readonly transitions: Transitions;
}

/** A step with the likelihood of its rollouts at every level. */
interface ObservedStep {
  readonly kind: RateKind;
  readonly phase: Phase;
  readonly weight: number;
  readonly emission: readonly number[];
}

/** Forward messages, each scaled to sum to 1: [steps + 1][levels], the first before any step. */
function forwardMessages(steps: readonly ObservedStep[], { initial, transitions }: Chain): number[][] {
  const messages = [[...initial]];
  for (const { kind, phase, emission } of steps) {
    const matrix = transitions[kind][phase];
    const from = messages.at(-1) as number[];
    messages.push(
      normalised(emission.map((value, to) => value * from.reduce((sum, a, i) => sum + a * (matrix[i]?.[to] ?? 0), 0))),
    );
  }
  return messages;
}

/** Adds the expected moves of one trace to the counts of its kinds and of `any`, and its start to `starts`. */
function countMoves(steps: readonly ObservedStep[], chain: Chain, counts: Transitions, starts: number[]): void {
  const forward = forwardMessages(steps, chain);
  let rest = LEVELS.map(() => 1);
  for (let i = steps.length - 1; i >= 0; i--) {
    const { kind, phase, weight, emission } = steps[i] as ObservedStep;
    const matrix = chain.transitions[kind][phase];
    const seen = emission.map((value, to) => value * (rest[to] as number));
    const joint = matrix.map((row, from) =>
      row.map((value, to) => (forward[i]?.[from] ?? 0) * value * (seen[to] as number)),
    );
    const scale = weight / joint.flat().reduce((sum, value) => sum + value, 0);
    const kinds = new Set<RateKind>([kind, 'any']);
    joint.forEach((row, from) => {
      row.forEach((value, to) => {
        for (const counted of kinds) (counts[counted][phase][from] as number[])[to]! += scale * value;
        if (i === 0) starts[from]! += scale * value;
      });
    });
    rest = normalised(matrix.map((row) => row.reduce((sum, value, to) => sum + value * (seen[to] as number), 0)));
  }
}

/**
 * How the chance of success moves between levels, from traces whose phases are known: expectation-maximisation (Baum and
 * Welch) for the mode under Dirichlet priors. Steps of every kind count for `any` as well.
 */
export function learnChain(traces: readonly (readonly AuditedStep[])[]): Chain {
  const observed = traces.map((steps) =>
    steps.map(({ evidence: { kind, rollouts }, phase, weight }): ObservedStep => {
      return { kind, phase, weight, emission: levelLikelihoods(rollouts, LEVELS) };
    }),
  );
  let chain: Chain = { initial: normalised(LEVELS.map(() => 1)), transitions: rowsNormalised(priorCounts()) };
  for (let round = 0; round < ROUNDS; round++) {
    const counts = priorCounts();
    const starts = LEVELS.map(() => 1);
    for (const steps of observed) countMoves(steps, chain, counts, starts);
    chain = { initial: normalised(starts), transitions: rowsNormalised(counts) };
  }
  return chain;
}

/** A share with the weight of its trace. */
export interface WeightedShare extends Share {
  readonly weight: number;
}

/** How often each level is the one behind the shares: a mixture of binomials, by expectation-maximisation. [levels] */
export function learnLevels(shares: readonly WeightedShare[]): number[] {
  const likelihoods = shares.map((share) => levelLikelihoods(share, LEVELS));
  const flat = normalised(LEVELS.map(() => 1));
  let weights = flat;
  for (let round = 0; round < ROUNDS; round++) {
    const counts = flat.map((value) => PRIOR_STEPS * value);
    likelihoods.forEach((likelihood, i) => {
      const share = normalised(likelihood.map((value, level) => value * (weights[level] as number)));
      share.forEach((value, level) => {
        counts[level]! += (shares[i] as WeightedShare).weight * value;
      });
    });
    weights = normalised(counts);
  }
  return weights;
}
