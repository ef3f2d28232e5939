import type { ProcessRewardModel, StepScores } from '../../../models/ports.ts';
import type { Step } from '../../../records/index.ts';
import { VlprmError } from '../../../runtime/errors.ts';
import { parseSolution } from '../../../text/step-grammar.ts';
import type { Brain, ServedMessage, TokenDistribution } from '../brain.ts';
import { presentedProblem, userText } from './presented.ts';

export interface PrmBrainOptions {
  /** Label tokens. Default `+` and `-`. */
  readonly positive?: string;
  readonly negative?: string;
  /** Probability on the two labels together. Default 0.98; the rest lies on other tokens. */
  readonly mass?: number;
  /** Other tokens that share the rest evenly. Default 3. With many, an unlikely label falls out of the likeliest 20. */
  readonly otherTokens?: readonly string[];
}

const FIRST_TURN = /^### Question:\n([\s\S]*?)\n\n### Solution Process:\n([\s\S]*)$/;

/** Steps in the grammar if that is what the texts are, else one step of unknown kind a text. */
function readSteps(texts: readonly string[]): Step[] {
  const plain = texts.map((text): Step => ({ kind: null, text }));
  try {
    const { steps } = parseSolution(texts.join('\n'));
    return steps.length === texts.length ? steps : plain;
  } catch (error) {
    if (VlprmError.is(error)) return plain;
    throw error;
  }
}

/** log σ(x), exact for large |x|. */
const logSigmoid = (x: number): number => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

function distributionOf(logit: number, options: Required<PrmBrainOptions>): TokenDistribution {
  const { positive, negative, mass, otherTokens } = options;
  const other = Math.log((1 - mass) / otherTokens.length);
  return new Map([
    [positive, Math.log(mass) + logSigmoid(logit)],
    [negative, Math.log(mass) + logSigmoid(-logit)],
    ...otherTokens.map((text): [string, number] => [text, other]),
  ]);
}

/**
 * A PRM of this process behind a server. In a chat it reads the turns of a VL-PRM's training conversation and writes a
 * label; as a pooling model it reads steps that end in the step tag.
 */
export function prmBrain(prm: ProcessRewardModel, given: PrmBrainOptions = {}): Brain {
  const options = { positive: '+', negative: '-', mass: 0.98, otherTokens: ['A', 'B', 'C'], ...given };
  const score = async (
    question: string,
    texts: readonly string[],
    messages: readonly ServedMessage[],
  ): Promise<StepScores | undefined> => {
    const presented = await presentedProblem(question, messages);
    return (await prm.scoreSteps([{ ...presented, steps: readSteps(texts) }])).scores[0];
  };
  const firstTokens = async ({ messages }: { readonly messages: readonly ServedMessage[] }) => {
    const [opening = '', ...rest] = messages.flatMap(({ role, text }) => (role === 'user' ? [text] : []));
    const [, question = '', first = opening] = FIRST_TURN.exec(opening) ?? [];
    const scores = await score(question, [first, ...rest], messages);
    return [...(scores?.logits ?? [])].map((logit) => distributionOf(logit, options));
  };
  return {
    firstTokens,
    write: async (request) => {
      const last = (await firstTokens(request)).at(-1);
      const positive = last?.get(options.positive) ?? 0;
      const label = positive >= (last?.get(options.negative) ?? 0) ? options.positive : options.negative;
      return Array.from({ length: request.n }, () => label);
    },
    poolSteps: async (messages, stepTag) => {
      const tagged = messages.findLast(({ text }) => text.includes(stepTag))?.text ?? '';
      const texts = tagged.split(stepTag).map((text) => text.trim());
      const asked = userText(messages.filter(({ text }) => text !== tagged));
      const question = FIRST_TURN.exec(asked)?.[1] ?? asked;
      const scores = await score(question, texts.slice(0, -1), messages);
      return [...(scores?.logits ?? [])].map((logit) => Math.exp(logSigmoid(logit)));
    },
  };
}
