import { z } from 'zod';
import { stepSchema } from './step.ts';
import { usageSchema } from './usage.ts';

export const SEARCH_TRACE_SCHEMA = 'vlprm.search/1';

const count = z.int().nonnegative();

/** A step that a search saw. Nodes with the same parent and step are one; `samples` says how often it was proposed. */
export const searchTraceNodeSchema = z.object({
  /** Place of the step before it in `nodes`; null for a first step. A parent stands before its children. */
  parent: count.nullable(),
  step: stepSchema,
  /** P(right) in [0, 1]; null when it was not scored. */
  p: z.number().min(0).max(1).nullable(),
  samples: z.int().positive(),
  /** True along the solution that was chosen. */
  chosen: z.boolean(),
  /** True when a solution ends here, with `finalAnswer` (null: unparsable). */
  ended: z.boolean(),
  finalAnswer: z.string().nullable(),
});
export type SearchTraceNode = z.infer<typeof searchTraceNodeSchema>;

/** One run of a strategy on one problem (`vlprm.search/1`), a JSON line of `traces/`: the tree of all it sampled. */
export const searchTraceSchema = z.object({
  schema: z.literal(SEARCH_TRACE_SCHEMA),
  problemId: z.string().min(1),
  groupId: z.string().min(1),
  question: z.string().min(1),
  strategy: z.string().min(1),
  /** Samples, or candidates per step. */
  n: z.int().positive(),
  seed: count,
  policy: z.string().min(1),
  prm: z.string().nullable(),
  nodes: z.array(searchTraceNodeSchema),
  answer: z.string().nullable(),
  /** Score of the chosen solution under the strategy; null when the strategy has none. */
  score: z.number().nullable(),
  /** Samples whose call failed; they are not in the tree. */
  failedSamples: count,
  usage: z.object({ policy: usageSchema, prm: usageSchema, prmForwards: count, prmTokens: count }),
});
export type SearchTrace = z.infer<typeof searchTraceSchema>;
