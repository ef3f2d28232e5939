import { z } from 'zod';
import { circumstancesShape } from '../circumstances.ts';
import { BENCH_RULES, WITHOUT_SIBLINGS } from './settings.ts';

const count = z.int().nonnegative();
const rule = z.enum([...BENCH_RULES, WITHOUT_SIBLINGS]);
const interval = z.tuple([z.number(), z.number()]);

/** A share or a difference of shares with its bootstrap interval; null where nothing was there to measure. */
const measuredSchema = z.object({ value: z.number().nullable(), ci95: interval.nullable(), n: count });
export type Measured = z.infer<typeof measuredSchema>;

/** What an estimator asked for. Shares are of what the exhaustive run asked for. */
const costSchema = z.object({
  rollouts: count,
  calls: count,
  rolloutsPerTrace: z.number(),
  callsPerTrace: z.number(),
  shareOfRollouts: z.number(),
});
export type Cost = z.infer<typeof costSchema>;

/** Labels of one rule from the evidence of one estimator, against the truth; audited traces are left out. */
const qualitySchema = z.object({
  evidence: z.string(),
  estimator: z.string(),
  rule,
  cost: costSchema,
  kept: count,
  coverage: z.number().nullable(),
  stepAccuracy: z.number().nullable(),
  stepAccuracyCi95: interval.nullable(),
  /** Of each seed. */
  stepAccuracyBySeed: z.array(z.number().nullable()),
  perceptionF1: z.number().nullable(),
  reasoningF1: z.number().nullable(),
});
export type Quality = z.infer<typeof qualitySchema>;

/** An estimator's labels beside those of the exhaustive run, and the exhaustive run's own beside its repetition. */
const agreementSchema = z.object({
  world: z.string(),
  what: z.enum(['labels', 'first error of wrong answers']),
  evidence: z.string(),
  rule,
  agreement: measuredSchema,
  /** Of two exhaustive runs with other draws. */
  repeated: measuredSchema,
  /** Rollouts as a share of the exhaustive run's on the same traces. */
  share: z.number(),
});
export type Agreement = z.infer<typeof agreementSchema>;

const calibrationSchema = z.object({ brier: z.number().nullable(), ece: z.number().nullable() });

/** `posterior` beside another rule, at that rule's coverage: of the posterior's traces the least confident are left out. */
const comparisonSchema = z.object({
  rule,
  coverage: z.number(),
  stepAccuracy: z.object({ posterior: z.number().nullable(), rule: z.number().nullable(), gain: measuredSchema }),
  /** P(right) of the rule's labels taken as 0 and 1, and as how often audits found such labels to be right. */
  calibration: z.object({
    posterior: calibrationSchema,
    asLabelled: calibrationSchema,
    asAudited: calibrationSchema,
    brierGainOverAudited: measuredSchema,
  }),
  wins: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

const verdictSchema = z.object({ claim: z.string(), holds: z.boolean(), measured: z.string() });
export type Verdict = z.infer<typeof verdictSchema>;

const settingsSchema = z.object({
  seeds: z.array(count).min(1),
  puzzles: count,
  tracesPerPuzzle: count,
  chains: count,
  tracesPerChain: count,
  chainSteps: count,
  audits: count,
});
export type LabelSettings = z.infer<typeof settingsSchema>;

/** What `labels.ts` writes. */
export const labelsSchema = z.object({
  schema: z.literal('vlprm.labels/1'),
  ...circumstancesShape,
  world: z.string(),
  settings: settingsSchema,
  seconds: z.number(),
  traces: count,
  quality: z.array(qualitySchema),
  agreement: z.array(agreementSchema),
  posterior: z.object({
    audits: count,
    comparisons: z.array(comparisonSchema),
    wins: z.boolean(),
    /** The same for the posterior without siblings. */
    withoutSiblings: z.array(comparisonSchema),
  }),
  verdicts: z.array(verdictSchema),
});
export type LabelsResult = z.infer<typeof labelsSchema>;
