import { z } from 'zod';
import type { Step } from '../records/index.ts';
import { unreadable, verified, type UnreadableReason, type VerificationReading } from './verification.ts';

const answerSchema = z.strictObject({
  analyses: z.array(
    z.strictObject({
      /** 1-based, through the whole solution. */
      step: z.int(),
      analysis: z.string(),
      verdict: z.enum(['correct', 'incorrect']),
    }),
  ),
  conclusion: z.enum(['Correct', 'Incorrect']),
  firstError: z.int().nullable(),
});
export type VerificationAnswer = z.infer<typeof answerSchema>;

/**
 * JSON Schema of a judge's answer, in the subset that strict servers take. Fields are written in this order: each
 * analysis before its verdict, all of them before the conclusion.
 */
export const VERIFICATION_SCHEMA = {
  name: 'verification',
  schema: {
    type: 'object',
    properties: {
      analyses: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            step: { type: 'integer' },
            analysis: { type: 'string' },
            verdict: { type: 'string', enum: ['correct', 'incorrect'] },
          },
          required: ['step', 'analysis', 'verdict'],
          additionalProperties: false,
        },
      },
      conclusion: { type: 'string', enum: ['Correct', 'Incorrect'] },
      firstError: { anyOf: [{ type: 'integer' }, { type: 'null' }] },
    },
    required: ['analyses', 'conclusion', 'firstError'],
    additionalProperties: false,
  },
};

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What is wrong with the order of the analyses, of which none may be passed over; null when nothing is. */
function disorder(
  { analyses, conclusion, firstError }: VerificationAnswer,
  steps: readonly Step[],
): UnreadableReason | null {
  const numbers = [...analyses.map(({ step }) => step), ...(firstError === null ? [] : [firstError])];
  if (numbers.some((step) => step < 1 || step > steps.length)) return 'no-such-step';
  if (analyses.some(({ step }, index) => step <= (analyses[index - 1]?.step ?? 0))) return 'out-of-order';
  const whole = conclusion === 'Incorrect' || analyses.length === steps.length;
  return whole && analyses.every(({ step }, index) => step === index + 1) ? null : 'skipped-step';
}

/** Reads a judge's answer in JSON of `VERIFICATION_SCHEMA`; one that contradicts itself is no verdict. */
export function parseVerificationJson(text: string, steps: readonly Step[]): VerificationReading {
  const parsed = answerSchema.safeParse(readJson(text));
  if (!parsed.success) return unreadable('malformed-json');
  const { analyses, conclusion, firstError } = parsed.data;
  const disordered = disorder(parsed.data, steps);
  if (disordered !== null) return unreadable(disordered);
  const wrong = analyses.find(({ verdict }) => verdict === 'incorrect')?.step ?? null;
  if (conclusion === 'Incorrect' && wrong === null) return unreadable('incorrect-without-analysis');
  if (wrong !== firstError || (conclusion === 'Correct') !== (wrong === null)) {
    return unreadable('contradicting-conclusions');
  }
  return verified(steps, wrong === null ? null : wrong - 1);
}

/** A judge's answer in JSON, with the text of one analysis for each step up to the first wrong one. Inverse of `parseVerificationJson`. */
export function formatVerificationJson({
  analyses,
  firstError,
}: {
  readonly analyses: readonly string[];
  readonly firstError: number | null;
}): string {
  const answer: VerificationAnswer = {
    analyses: analyses.map((analysis, index) => ({
      step: index + 1,
      analysis,
      verdict: index === firstError ? 'incorrect' : 'correct',
    })),
    conclusion: firstError === null ? 'Correct' : 'Incorrect',
    firstError: firstError === null ? null : firstError + 1,
  };
  return JSON.stringify(answer);
}
