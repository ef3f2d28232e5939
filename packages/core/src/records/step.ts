import { z } from 'zod';

const count = z.int().nonnegative();

export const stepKindSchema = z.enum(['perception', 'reasoning']);
/** A perception step says what is seen; a reasoning step concludes from what was said. */
export type StepKind = z.infer<typeof stepKindSchema>;

/**
 * Monte-Carlo evidence for a step: outcomes of the rollouts that continue the prefix ending with it.
 * A failed call, an unparsable answer and a wrong answer are three different things.
 * `correct + incorrect + unparsable + failed <= budget`.
 */
export const stepValueSchema = z.object({
  correct: count,
  incorrect: count,
  unparsable: count,
  failed: count,
  budget: count,
});
export type StepValue = z.infer<typeof stepValueSchema>;

/** Label of a step: 1 right, 0 neutral, -1 wrong, null not supervised. */
export const stepLabelSchema = z.union([z.literal(1), z.literal(0), z.literal(-1), z.null()]);
export type StepLabel = z.infer<typeof stepLabelSchema>;

export const judgeVerdictSchema = z.object({
  /** 1 right, 0 neutral, -1 wrong, null when the judge stopped before this step. */
  verdict: stepLabelSchema,
  by: z.string().min(1),
});
export type JudgeVerdict = z.infer<typeof judgeVerdictSchema>;

export const labelOriginSchema = z.enum(['mc', 'judge', 'human', 'consensus']);
export type LabelOrigin = z.infer<typeof labelOriginSchema>;

/**
 * `first-error`: steps after the first error carry no label. `local`: each step on its own.
 * `cumulative`: wrong from the first error on.
 */
export const labelSemanticsSchema = z.enum(['first-error', 'local', 'cumulative']);
export type LabelSemantics = z.infer<typeof labelSemanticsSchema>;

/** A step as a policy writes it. */
export const stepSchema = z.object({
  kind: stepKindSchema.nullable(),
  text: z.string().min(1),
});
export type Step = z.infer<typeof stepSchema>;

/** A step of a recorded trace: its evidence and its label. `index` is flat and 0-based. */
export const traceStepSchema = stepSchema.extend({
  index: count,
  mc: stepValueSchema.nullable(),
  judge: z.array(judgeVerdictSchema),
  label: stepLabelSchema,
  /** Soft label in [0, 1]: probability that the step is right; null when there is none. */
  soft: z.number().min(0).max(1).nullable(),
  origin: labelOriginSchema.nullable(),
});
export type TraceStep = z.infer<typeof traceStepSchema>;
