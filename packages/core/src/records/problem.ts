import { z } from 'zod';

/** An image by content. `path` is relative to the run, dataset or problem file that names it. */
export const imageRefSchema = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  mime: z.enum(['image/png', 'image/jpeg', 'image/webp']),
  width: z.int().positive(),
  height: z.int().positive(),
  path: z.string().min(1),
});
export type ImageRef = z.infer<typeof imageRefSchema>;

export const PROBLEM_SCHEMA = 'vlprm.problem/1';

/**
 * One visual problem: images, question text and (where known) the reference answer.
 * `groupId` is the unit of splitting: problems that share it never fall into different splits.
 */
export const problemSchema = z.object({
  schema: z.literal(PROBLEM_SCHEMA),
  id: z.string().min(1),
  groupId: z.string().min(1),
  images: z.array(imageRefSchema),
  question: z.string().min(1),
  /** Answer options in order, each as shown to the reader; null for open answers. */
  options: z.array(z.string()).nullable(),
  /** Reference answer; null when unknown. */
  answer: z.string().nullable(),
  /** Where the problem comes from, e.g. `puzzle-world/count`. */
  source: z.string().min(1),
});
export type Problem = z.infer<typeof problemSchema>;
