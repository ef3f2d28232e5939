import { z } from 'zod';

export const REPORT_SCHEMA = 'vlprm.report/1';

/** The label rules that first light compares. */
export const LABEL_RULES = ['hybrid', 'mc0', 'mc50', 'judge', 'union'] as const;
export type LabelRule = (typeof LABEL_RULES)[number];

/** The rules on whose labels a PRM is trained. */
export const PRM_RULES = ['hybrid', 'mc0', 'mc50', 'judge'] as const;
export type PrmRule = (typeof PRM_RULES)[number];

const count = z.int().nonnegative();
const fraction = z.number().min(0).max(1);
/** Null where the data holds no case to measure on (no error step, no dropped trace): not zero, not one. */
const measured = fraction.nullable();
const interval = z.tuple([z.number(), z.number()]);
const seconds = z.number().nonnegative();

/** Step errors of one kind by the first-error protocol; the positive class is *incorrect*. */
export const stepErrorMetricsSchema = z.object({
  precision: measured,
  recall: measured,
  f1: measured,
  f1Ci95: interval.nullable(),
  auroc: measured,
  auprc: measured,
  /** Steps that count: those whose prefix is free of errors by the scene. */
  steps: count,
  /** Steps among them that are wrong. */
  errors: count,
});
export type StepErrorMetrics = z.infer<typeof stepErrorMetricsSchema>;

export const reliabilityBinSchema = z.object({
  lower: fraction,
  upper: fraction,
  count,
  /** Mean predicted probability and share of right steps in the bin; null when it is empty. */
  predicted: measured,
  observed: measured,
});
export type ReliabilityBin = z.infer<typeof reliabilityBinSchema>;

export const prmRowSchema = z.object({
  perception: stepErrorMetricsSchema,
  reasoning: stepErrorMetricsSchema,
  ece: measured,
  brier: measured,
  threshold: z.number(),
  thresholdChosenOn: z.string(),
  gateThreshold: z.number().nullable(),
  temperature: z.number().positive(),
  supervisedSteps: count,
  /** Share of traces whose first wrong step (or absence of one) is named exactly. */
  firstErrorAccuracy: measured,
  reliability: z.array(reliabilityBinSchema),
  families: z.record(z.string(), z.object({ perception: stepErrorMetricsSchema, reasoning: stepErrorMetricsSchema })),
});
export type PrmRow = z.infer<typeof prmRowSchema>;

export const labelRowSchema = z.object({
  kept: count,
  dropped: count,
  /** Kept traces over all traces. */
  coverage: measured,
  /** Cumulative truth, all steps of the traces that this rule kept. */
  stepAccuracy: measured,
  stepAccuracyCi95: interval.nullable(),
  perceptionF1: measured,
  reasoningF1: measured,
  errorF1: measured,
  /** Steps whose prefix is right by the scene; a Monte-Carlo rule speaks by each step's own rollouts. */
  firstError: z.object({ perceptionF1: measured, reasoningF1: measured }),
});
export type LabelRow = z.infer<typeof labelRowSchema>;

export const missedErrorsSchema = z.object({
  missedRateDropped: measured,
  missedRateKept: measured,
  dropped: count,
  kept: count,
});
export type MissedErrors = z.infer<typeof missedErrorsSchema>;

export const failureCountsSchema = z.object({
  /** Calls that did not come back. */
  failed: count,
  /** Answers that came and could not be read. */
  unparsable: count,
});
export type FailureCounts = z.infer<typeof failureCountsSchema>;

export const ttsRowSchema = z.object({
  strategy: z.string(),
  n: z.int().positive(),
  accuracy: fraction,
  ci95: interval,
  /** Null where the policy's service does not count them. */
  policyTokens: z.number().nonnegative().nullable(),
  prmForwards: z.number().nonnegative(),
  prmTokens: z.number().nonnegative(),
});
export type TtsRow = z.infer<typeof ttsRowSchema>;

export const pairedGainSchema = z.object({
  a: z.string(),
  b: z.string(),
  n: z.int().positive(),
  gain: z.number(),
  ci95: interval,
});
export type PairedGain = z.infer<typeof pairedGainSchema>;

/** One limit of the issue held against what was measured. */
export const targetSchema = z.object({
  id: z.string(),
  /** What is measured, in a reader's words. */
  name: z.string(),
  measured: z.string(),
  target: z.string(),
  passed: z.boolean(),
});
export type Target = z.infer<typeof targetSchema>;

/** What this run says about a claim of the paper. */
export const findingSchema = z.object({
  id: z.string(),
  claim: z.string(),
  measured: z.string(),
  verdict: z.enum(['agrees', 'disagrees', 'undecided']),
});
export type Finding = z.infer<typeof findingSchema>;

/** Answers that say nothing about a step, by why: none of them became a label. */
export const failuresSchema = z.object({
  samples: failureCountsSchema,
  rollouts: failureCountsSchema,
  reviews: failureCountsSchema,
});
export type Failures = z.infer<typeof failuresSchema>;

/** `report.json`: every figure of a quickstart run. Fractions are of `testNovel` problems unless a field says otherwise. */
export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  seed: z.int(),
  createdAt: z.string(),
  versions: z.record(z.string(), z.string()),
  problems: z.object({ train: count, test: count, testNovel: count }),
  synthesis: z.object({
    traces: count,
    rollouts: count,
    failed: count,
    /** Absent in reports written before they were told apart. */
    failures: failuresSchema.optional(),
    policyCalls: count,
    judgeCalls: count,
    usd: z.number().nonnegative().nullable(),
    labels: z.record(z.enum(LABEL_RULES), labelRowSchema),
    common: z.object({
      traces: count,
      steps: count,
      accuracy: z.record(z.enum(LABEL_RULES), measured),
      hybridMinusMc0Ci95: interval,
      hybridMinusMc50Ci95: interval,
      hybridMinusJudgeCi95: interval,
    }),
    veto: missedErrorsSchema.extend({
      /** The same when Monte-Carlo evidence after the last step (the trace's own answer) does not veto. */
      withoutLastStepEvidence: missedErrorsSchema,
      /** The same drops when an error in the last step is not counted as missed. */
      withoutLastStepErrors: missedErrorsSchema,
    }),
  }),
  prm: z.record(z.enum(PRM_RULES), prmRowSchema),
  gates: z.object({
    world: z.object({
      hash: z.string(),
      passAt1: fraction,
      majority16: fraction,
      oracle16: fraction,
      judgeFirstErrorAccuracy: fraction,
    }),
    blind: z.object({
      perceptionF1: measured,
      reasoningF1: measured,
      perceptionAuroc: measured,
      reasoningAuroc: measured,
      oneShot16: fraction,
      imageEditFlagged: measured,
    }),
    imageSwap: z.object({
      traces: count,
      meanPBefore: measured,
      meanPAfter: measured,
      flaggedBefore: measured,
      flagged: measured,
    }),
    imageEdit: z.object({
      edits: count,
      meanPBefore: measured,
      meanPAfter: measured,
      flaggedBefore: measured,
      flagged: measured,
    }),
    targets: z.array(targetSchema),
    passed: z.boolean(),
  }),
  findings: z.array(findingSchema),
  tts: z.array(ttsRowSchema),
  paired: z.array(pairedGainSchema),
  timings: z.object({
    synthesizeSeconds: seconds,
    trainSeconds: seconds,
    evaluateSeconds: seconds,
    inferSeconds: seconds,
    totalSeconds: seconds,
  }),
  backends: z.object({ kernels: z.string(), prm: z.string() }),
});
export type Report = z.infer<typeof reportSchema>;
