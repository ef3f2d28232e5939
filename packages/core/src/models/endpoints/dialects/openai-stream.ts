import { z } from 'zod';
import { readAnswer, streamCut } from './answer-json.ts';

const chunkSchema = z.object({
  choices: z.array(
    z.looseObject({
      index: z.int().nonnegative(),
      delta: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }).nullish(),
      finish_reason: z.string().nullish(),
      logprobs: z.object({ content: z.array(z.unknown()).nullish() }).nullish(),
    }),
  ),
  usage: z.unknown().optional(),
});

interface OpenChoice {
  readonly index: number;
  content: string | null;
  refusal: string | null;
  logprobs: unknown[] | null;
  /** What came with the reason for its end: the reason itself, and marks of stop texts. */
  ending: Readonly<Record<string, unknown>> | null;
}

function append(choice: OpenChoice, delta: z.infer<typeof chunkSchema>['choices'][number]): void {
  const { delta: said, logprobs, ...marks } = delta;
  if (typeof said?.content === 'string') choice.content = (choice.content ?? '') + said.content;
  if (typeof said?.refusal === 'string') choice.refusal = (choice.refusal ?? '') + said.refusal;
  if (logprobs?.content) (choice.logprobs ??= []).push(...logprobs.content);
  if (typeof marks.finish_reason === 'string') choice.ending = marks;
}

/**
 * Puts the chunks of a chat completions stream together to what the same call answers without a stream.
 * ERR_CONNECTION_LOST when a choice has no end. (The accumulator of the openai package rejects servers that leave out
 * the role, and drives one fixed path.)
 */
export function assembleOpenAiStream(chunks: readonly unknown[]): unknown {
  const choices = new Map<number, OpenChoice>();
  let usage: unknown;
  for (const raw of chunks) {
    const chunk = readAnswer(chunkSchema, raw);
    usage = chunk.usage ?? usage;
    for (const delta of chunk.choices) {
      const { index } = delta;
      const choice = choices.get(index) ?? { index, content: null, refusal: null, logprobs: null, ending: null };
      choices.set(index, choice);
      append(choice, delta);
    }
  }
  const whole = [...choices.values()];
  if (whole.length === 0 || whole.some(({ ending }) => ending === null)) throw streamCut();
  return {
    choices: whole.map(({ index, content, refusal, logprobs, ending }) => ({
      ...ending,
      index,
      message: { content, refusal },
      logprobs: logprobs && { content: logprobs },
    })),
    usage,
  };
}
