import type { AuditedStep } from './audited-traces.ts';
import type { ErrorRates } from './error-rates.ts';
import { firstErrorProbabilities } from './posterior.ts';

const FOLDS = 5;

/** Temperatures that are tried, 1 first. */
const CANDIDATES: readonly number[] = Array.from({ length: 21 }, (_, i) => 1 + i / 10);

type AuditedTrace = readonly AuditedStep[];

/** Weighted log-loss of the audited first errors at every candidate, under rates that did not see these traces. */
function heldOutLosses(traces: readonly AuditedTrace[], rates: ErrorRates): number[] {
  const losses = CANDIDATES.map(() => 0);
  for (const steps of traces) {
    const evidence = steps.map((step) => step.evidence);
    // -1 where all steps are right, whose probability is the last.
    const found = steps.findIndex(({ phase }) => phase === 'error');
    CANDIDATES.forEach((temperature, i) => {
      const probabilities = firstErrorProbabilities(evidence, { ...rates, temperature });
      (losses[i] as number) -= (steps[0]?.weight ?? 0) * Math.log(probabilities.at(found) as number);
    });
  }
  return losses;
}

/**
 * The temperature that foretells audited first errors best, by cross-validation over {@link FOLDS} folds: sources of
 * evidence err together more than the model allows, which makes it too sure of itself, and this is how much. At least 1.
 */
export function learnTemperature(
  audited: readonly AuditedTrace[],
  fit: (rest: readonly AuditedTrace[]) => ErrorRates,
): number {
  const losses = CANDIDATES.map(() => 0);
  for (let fold = 0; fold < FOLDS; fold++) {
    const rates = fit(audited.filter((_, i) => i % FOLDS !== fold));
    const held = audited.filter((_, i) => i % FOLDS === fold);
    heldOutLosses(held, rates).forEach((loss, i) => {
      (losses[i] as number) += loss;
    });
  }
  return CANDIDATES[losses.indexOf(Math.min(...losses))] as number;
}
