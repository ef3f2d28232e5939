import { stepSchema, usageSchema } from '@vlprm/core/records';
import { z } from 'zod';

/** Largest image, in bytes, that the server takes. */
export const MAX_IMAGE_BYTES = 20 * 1024 * 1024;

/** Base64 text of an image of at most `MAX_IMAGE_BYTES`. */
const imageSchema = z
  .base64()
  .min(1)
  .max(Math.ceil(MAX_IMAGE_BYTES / 3) * 4);

export const solveInputSchema = z.strictObject({
  /** PNG, JPEG or WebP bytes, base64. */
  image: imageSchema,
  question: z.string().trim().min(1).max(20_000),
  /** Answer options in order; null or absent for an open answer. */
  options: z.array(z.string().min(1)).min(2).max(26).nullable().default(null),
  /** Id of a strategy. */
  strategy: z.string().min(1).default('weighted-vote'),
  /** Samples, or candidates per step for a guided search. */
  n: z.int().min(1).max(64).default(8),
  seed: z.int().nonnegative().default(0),
});
export type SolveInput = z.input<typeof solveInputSchema>;

export const solvedCandidateSchema = z.object({
  steps: z.array(stepSchema),
  finalAnswer: z.string().nullable(),
  stepScores: z.array(z.number()).nullable(),
  solutionScore: z.number().nullable(),
  chosen: z.boolean(),
});

export const solveOutputSchema = z.object({
  /** Null when the chosen solution has no answer that can be read. */
  answer: z.string().nullable(),
  strategy: z.string(),
  n: z.int(),
  seed: z.int(),
  policy: z.string(),
  prm: z.string().nullable(),
  score: z.number().nullable(),
  chosen: solvedCandidateSchema,
  candidates: z.array(solvedCandidateSchema),
  failedSamples: z.int(),
  usage: z.object({
    policy: usageSchema,
    prm: usageSchema,
    policyTokens: z.number().nullable(),
    prmForwards: z.int(),
    prmTokens: z.int(),
  }),
});
export type SolveOutput = z.infer<typeof solveOutputSchema>;
