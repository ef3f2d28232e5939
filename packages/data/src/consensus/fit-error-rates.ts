import type { Audit, Trace } from '@vlprm/core/records';
import { auditedTraces, type AuditedStep } from './audited-traces.ts';
import { byPhase, byRateKind, ERROR_RATES_SCHEMA, type ErrorRates, type KindRates, type Phase } from './error-rates.ts';
import { learnChain, learnLevels, LEVELS, type WeightedShare } from './level-rates.ts';
import { learnTemperature } from './temperature.ts';

/** Priors Beta(a, b), worth a few steps each: errors are rare, and judges name what is wrong rather than what is right. */
const HAZARD_PRIOR = [1, 4] as const;
const FLAG_PRIOR: Readonly<Record<Phase, readonly [number, number]>> = {
  right: [0.5, 9.5],
  error: [4, 1],
  after: [1, 4],
};

/** Mean of the Beta posterior of a rate. */
function rateOf<T extends { readonly weight: number }>(
  trials: readonly T[],
  isHit: (trial: T) => boolean,
  [a, b]: readonly [number, number],
): number {
  const total = trials.reduce((sum, { weight }) => sum + weight, 0);
  const hits = trials.reduce((sum, trial) => sum + (isHit(trial) ? trial.weight : 0), 0);
  return (hits + a) / (total + a + b);
}

function flagsOf(steps: readonly AuditedStep[], judge: string): Record<Phase, number> {
  return byPhase((phase) => {
    const trials = steps
      .filter((one) => one.phase === phase)
      .flatMap(({ evidence, weight }) =>
        evidence.votes
          .filter((vote) => vote.judge === judge)
          .map((vote) => ({ flagged: vote.flagged, weight: weight * vote.weight })),
      );
    return rateOf(trials, ({ flagged }) => flagged, FLAG_PRIOR[phase]);
  });
}

function siblingShares(steps: readonly AuditedStep[], phase: Phase): WeightedShare[] {
  return steps.flatMap(({ evidence: { siblings }, phase: at, weight }) =>
    at === phase && siblings !== null ? [{ ...siblings, weight }] : [],
  );
}

/** Everything but the temperature, which is left at 1. */
function ratesFrom(audited: readonly (readonly AuditedStep[])[], siblings: boolean, auditors: string[]): ErrorRates {
  const all = audited.flat();
  const judges = [...new Set(all.flatMap(({ evidence }) => evidence.votes.map(({ judge }) => judge)))].sort();
  const { initial, transitions } = learnChain(audited);
  const kinds = byRateKind((kind): KindRates => {
    const steps = all.filter(({ evidence }) => kind === 'any' || evidence.kind === kind);
    const reached = steps.filter(({ phase }) => phase !== 'after');
    return {
      hazard: rateOf(reached, ({ phase }) => phase === 'error', HAZARD_PRIOR),
      flags: Object.fromEntries(judges.map((judge) => [judge, flagsOf(steps, judge)])),
      transitions: transitions[kind],
      siblings: siblings ? byPhase((phase) => learnLevels(siblingShares(steps, phase))) : null,
    };
  });
  const audits = audited.length;
  return { schema: ERROR_RATES_SCHEMA, audits, auditors, temperature: 1, levels: [...LEVELS], initial, kinds };
}

export interface ErrorRateOptions {
  /** Whether the other solutions of a problem are evidence. Default true. */
  readonly siblings?: boolean;
}

/**
 * Learns from audited traces how often each source of evidence errs. The audits' weights undo how they were picked, and
 * priors that are worth a few steps keep rates inside (0, 1) where little was seen. Traces without an audit teach nothing:
 * estimated from them too, the rates drift to whatever the judge says.
 *
 * @param traces the traces that the audits were picked from, all of them: siblings of an audited trace are its evidence
 * @throws ERR_AUDIT_INVALID when fewer than 30 audits are filled in, or for one that does not fit its trace
 */
export function fitErrorRates(
  traces: readonly Trace[],
  audits: readonly Audit[],
  { siblings = true }: ErrorRateOptions = {},
): ErrorRates {
  const audited = auditedTraces(traces, audits);
  const auditors = [...new Set(audits.flatMap(({ finding }) => finding?.by ?? []))].sort();
  const fit = (some: readonly (readonly AuditedStep[])[]): ErrorRates => ratesFrom(some, siblings, auditors);
  return { ...fit(audited), temperature: learnTemperature(audited, fit) };
}
