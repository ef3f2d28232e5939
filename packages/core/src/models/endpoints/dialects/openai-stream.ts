import { z } from 'zod';
import { readAnswer, streamCut } from './answer-json.ts';

const text = z.string().nullish();
const chunkSchema = z.object({
  choices: z.array(
    z.looseObject({
      index: z.int().nonnegative(),
      delta: z.object({ content: text, refusal: text, reasoning_content: text, reasoning: text }).nullish(),
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
  /** It wrote thoughts, under whichever name. */
  reasoned: boolean;
  logprobs: unknown[] | null;
  /** What came with the reason for its end: the reason itself, and marks of stop texts. */
  ending: Readonly<Record<string, unknown>> | null;
}

const NOTHING = { content: null, refusal: null, reasoned: false, logprobs: null, ending: null };

function append(choice: OpenChoice, delta: z.infer<typeof chunkSchema>['choices'][number]): void {
  const { delta: said, logprobs, ...marks } = delta;
  if (typeof said?.content === 'string') choice.content = (choice.content ?? '') + said.content;
  if (typeof said?.refusal === 'string') choice.refusal = (choice.refusal ?? '') + said.refusal;
  choice.reasoned ||= Boolean(said?.reasoning_content) || Boolean(said?.reasoning);
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
      const choice = choices.get(index) ?? { index, ...NOTHING };
      choices.set(index, choice);
      append(choice, delta);
    }
  }
  const whole = [...choices.values()];
  if (whole.length === 0 || whole.some(({ ending }) => ending === null)) throw streamCut();
  return {
    choices: whole.map(({ index, content, refusal, reasoned, logprobs, ending }) => ({
      ...ending,
      index,
      // Of an empty text some servers send no piece. One that thought and wrote nothing has no text.
      message: { content: content ?? (reasoned ? null : ''), refusal },
      logprobs: logprobs && { content: logprobs },
    })),
    usage,
  };
}
