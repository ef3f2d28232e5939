import type { StepKind } from '@vlprm/core/records';
import { z } from 'zod';

export const ERROR_RATES_SCHEMA = 'vlprm.error-rates/1';

/** Where a step stands: before the first error, at it, or after it. */
export const PHASES = ['right', 'error', 'after'] as const;
export type Phase = (typeof PHASES)[number];

/** Kinds that have rates of their own; `any` is over all steps and serves those whose kind is not known. */
export type RateKind = StepKind | 'any';

export function byPhase<T>(value: (phase: Phase) => T): Record<Phase, T> {
  return { right: value('right'), error: value('error'), after: value('after') };
}

export function byRateKind<T>(value: (kind: RateKind) => T): Record<RateKind, T> {
  return { perception: value('perception'), reasoning: value('reasoning'), any: value('any') };
}

export const rateKindOf = (kind: StepKind | null): RateKind => kind ?? 'any';

const rate = z.number().gt(0).lt(1);
const distribution = z
  .array(z.number().positive())
  .refine((weights) => Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-6, 'does not sum to 1');
const phased = <T extends z.ZodType>(value: T) => z.object({ right: value, error: value, after: value });

const kindRatesSchema = z.object({
  /** Probability that a step is the first error when the steps before it are right. */
  hazard: rate,
  /** Probability that a judge that has found no error so far names the step, by judge. */
  flags: z.record(z.string(), phased(rate)),
  /** Success level before the step to success level after it, [levels][levels], rows sum to 1. */
  transitions: phased(z.array(distribution)),
  /** How likely each level is as the share of the other solutions, of those that came as far, that take the step. [levels] */
  siblings: phased(distribution).nullable(),
});
export type KindRates = z.infer<typeof kindRatesSchema>;

/**
 * How often each source of evidence errs, learned from audits (`vlprm.error-rates/1`): the parameters of
 * `firstErrorProbabilities`.
 */
export const errorRatesSchema = z
  .object({
    schema: z.literal(ERROR_RATES_SCHEMA),
    /** Audited traces that they were learned from, and who audited. */
    audits: z.int().positive(),
    auditors: z.array(z.string()),
    /** What log-probabilities are divided by, at least 1: how much less sure to be than the model by itself. */
    temperature: z.number().min(1),
    /** Success rates in (0, 1), ascending, that a prefix is taken to have one of. */
    levels: z.array(rate).min(2),
    /** How likely each level is before the first step. [levels] */
    initial: distribution,
    kinds: z.object({ perception: kindRatesSchema, reasoning: kindRatesSchema, any: kindRatesSchema }),
  })
  .refine(({ levels, initial, kinds }) => {
    const fits = (values: readonly unknown[]): boolean => values.length === levels.length;
    return (
      fits(initial) &&
      Object.values(kinds).every(({ transitions, siblings }) =>
        PHASES.every((phase) => {
          const rows = transitions[phase];
          return fits(rows) && rows.every(fits) && (siblings === null || fits(siblings[phase]));
        }),
      )
    );
  }, 'has distributions of another length than its levels');
export type ErrorRates = z.infer<typeof errorRatesSchema>;
