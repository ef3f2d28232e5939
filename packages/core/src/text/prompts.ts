import { createHash } from 'node:crypto';
import type { Problem, Step } from '../records/index.ts';
import { formatAnswer, formatSolution, isFlat } from './step-grammar.ts';

/** A prompt template: `{name}` marks a slot. Its hash goes into the provenance of whatever it produced. */
export interface PromptTemplate {
  readonly id: string;
  readonly text: string;
  /** sha256 of the text, lower-case hex. */
  readonly sha256: string;
}

function template(id: string, text: string): PromptTemplate {
  return { id, text, sha256: createHash('sha256').update(text, 'utf8').digest('hex') };
}

/** Asks a policy for a solution in the step grammar: what it sees first, then what follows from it. */
export const SOLUTION_PROMPT = template(
  'solution/1',
  `Look at the image and answer the question.

<question>
{question}
</question>

Work in two parts. In the first, write down what you see in the image that the question needs, one observation a step, without drawing conclusions. In the second, reason from those observations alone, one inference a step. Number the steps of each part from 1. Then give the answer in a box: {answer}.

Write exactly in this form:

[Visual Elements]
<step_1>first observation</step_1>
<step_2>second observation</step_2>
[Reasoning]
<step_1>first inference</step_1>
<step_2>second inference</step_2>
<correct_answer>
$\\boxed{ANSWER}$
</correct_answer>`,
);

const freeForm = (form: string): string => `Look at the image and answer the question.

<question>
{question}
</question>

Solve it step by step: first say what you see in the image that the question needs, then reason from that. ${form} The last step gives the answer, {answer}, in a box: \\boxed{ANSWER}.`;

/** Asks a policy for a solution in paragraphs: one step each. */
export const PARAGRAPHS_PROMPT = template(
  'solution-paragraphs/1',
  freeForm('Write each step as one paragraph, with an empty line between two steps and none inside of a step.'),
);

/** Asks a policy for a solution in numbered steps. */
export const NUMBERED_PROMPT = template(
  'solution-numbered/1',
  freeForm('Begin each step on a new line with its number: "1. ", "2. ", and so on.'),
);

/** Asks for the rest of a solution that the assistant's last message began, where a server cannot go on with that message itself. */
export const CONTINUATION_PROMPT = template(
  'continuation/1',
  `Your solution is unfinished: what is written so far is your last message, up to its end. Go on from exactly there, in the same form. Write only what follows: repeat nothing, add no introduction. When no step is missing, write the answer alone.`,
);

/** Asks a judge where a solution goes wrong; it sees the image but not the reference answer. */
export const VERIFICATION_PROMPT = template(
  'verification/1',
  `Check a solution against the image, step by step.

<question>
{question}
</question>

<solution>
{solution}
</solution>

Take the steps in order. For a step under [Visual Elements], compare what it says with the image; for a step under [Reasoning], check that it follows from the steps before it. Use the same headings, and write one analysis a step, numbered like the steps. Stop at the first step with an error that matters, so that your last analysis is the one of the wrong step. Slips of wording that change nothing are not errors.

Write exactly in this form:

[Visual Elements]
<analysis_1>your check of the first observation</analysis_1>
[Reasoning]
<analysis_1>your check of the first inference</analysis_1>
<conclusion>Correct</conclusion>

Conclude with Correct when no step is wrong, else with Incorrect.`,
);

/** As `VERIFICATION_PROMPT`, for steps that are not known to be of one kind: numbered through, without headings. */
export const FLAT_VERIFICATION_PROMPT = template(
  'verification-flat/1',
  `Check a solution against the image, step by step.

<question>
{question}
</question>

<solution>
{solution}
</solution>

Take the steps in order. Compare what a step says of the image with the image, and check that what it concludes follows from the steps before it. Write one analysis a step, numbered like the steps. Stop at the first step with an error that matters, so that your last analysis is the one of the wrong step. Slips of wording that change nothing are not errors.

Write exactly in this form:

<analysis_1>your check of the first step</analysis_1>
<analysis_2>your check of the second step</analysis_2>
<conclusion>Correct</conclusion>

Conclude with Correct when no step is wrong, else with Incorrect.`,
);

/** Tells a generative PRM, as its system message, what each of its one-token answers says. */
export const PRM_PROMPT = template(
  'prm/1',
  `You check a solution to a question about an image. Each message brings one more step; the first also brings the question. Answer each step with {positive} if it is right and with {negative} if it is wrong, and write nothing else. A step under [Visual Elements] is right if it agrees with the image. A step under [Reasoning] is right if it follows from the question and the steps before it.`,
);

/** Replaces each `{slot}` in one pass, so that braces inside a value are left alone. */
function fill(text: string, slots: Readonly<Record<string, string>>): string {
  return text.replace(/\{([a-z]+)\}/g, (slot, name: string) => slots[name] ?? slot);
}

function answerForm(options: readonly string[] | null): string {
  return options ? 'the letter of one option' : 'a number or a few words';
}

/** The text of the policy's prompt for a problem; the images go beside it. */
export function solutionPrompt(
  problem: Pick<Problem, 'question' | 'options'>,
  prompt: Pick<PromptTemplate, 'text'> = SOLUTION_PROMPT,
): string {
  return fill(prompt.text, { question: problem.question, answer: answerForm(problem.options) });
}

/** The instruction of a generative PRM that answers with these two labels. */
export function prmInstruction(labels: { readonly positive: string; readonly negative: string }): string {
  return fill(PRM_PROMPT.text, { positive: labels.positive, negative: labels.negative });
}

/** Steps numbered through, whatever their kind. */
function flatSolution(steps: readonly Step[], finalAnswer: string | null): string {
  const lines = steps.map(({ text }, i) => `<step_${i + 1}>${text}</step_${i + 1}>`);
  return [...lines, ...(finalAnswer === null ? [] : [formatAnswer(finalAnswer)])].join('\n');
}

/** The text of the judge's prompt for a solution; the images go beside it. The question alone is quoted, never a prompt. */
export function verificationPrompt(question: string, steps: readonly Step[], finalAnswer: string | null): string {
  return isFlat(steps)
    ? fill(FLAT_VERIFICATION_PROMPT.text, { question, solution: flatSolution(steps, finalAnswer) })
    : fill(VERIFICATION_PROMPT.text, { question, solution: formatSolution(steps, finalAnswer) });
}
