import { z } from 'zod';

/**
 * Rows of the files that the pipeline of arXiv 2509.23250 left behind (https://github.com/theogbrand/vlprm). Fields that
 * are not named here are passed over.
 */

const text = z.string().trim().min(1);
const answer = z.union([text, z.number().transform(String)]);
const count = z.int().nonnegative();

/** `problems.jsonl` */
export const problemRow = z.object({ uid: text, question: text });

/** `rollouts.jsonl`: one solution. `question` is the whole prompt of the policy; steps carry no section. */
export const rolloutRow = z.object({
  uid: text,
  image: text.nullish(),
  question: text.nullish(),
  answer,
  response: text,
  steps_with_score: z.array(z.object({ step: z.string(), num_mc_correct: count, num_mc_total: count })),
  parsing_failed: z.boolean().optional(),
});
export type RolloutRow = z.infer<typeof rolloutRow>;

const part = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: text }) }),
]);

/** `judge_batch_requests.jsonl`: a line of OpenAI's Batch API. */
export const requestRow = z.object({
  custom_id: text,
  body: z.object({
    model: text,
    messages: z.array(z.object({ content: z.union([z.string(), z.array(part)]) })).min(1),
  }),
});
export type RequestRow = z.infer<typeof requestRow>;

/** An element of `judge_results.json`. */
export const resultRow = z.object({ custom_id: text, verification_response: z.string().nullable() });
export type ResultRow = z.infer<typeof resultRow>;
