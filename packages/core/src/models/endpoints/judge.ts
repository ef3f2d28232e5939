import { addUsage, NO_USAGE, type Usage } from '../../records/index.ts';
import { throwIfAborted } from '../../runtime/errors.ts';
import { allAtOnce } from '../../runtime/flow/all-at-once.ts';
import { ServiceError } from '../../runtime/gateway/service-error.ts';
import { verificationPrompt } from '../../text/prompts.ts';
import { parseVerification } from '../../text/verification.ts';
import type { Judge, Review, Sampled, Solution } from '../ports.ts';
import { attempt, choiceFailure, FAILED_CALL } from './call-outcomes.ts';
import type { ChatChoice, ChatRequest, Sampling } from './chat.ts';
import type { EndpointConfig } from './endpoint-config.ts';
import type { ModelService } from './model-service.ts';
import { resolveSampling } from './presets.ts';
import { problemImages } from './problem-images.ts';

export type EndpointJudgeConfig = Pick<EndpointConfig, 'sampling'>;

/** As o4-mini was asked for the VL-PRM300K data (arXiv 2509.23250), but with nothing drawn. */
const JUDGE_SAMPLING: Partial<Sampling> = { temperature: 0, maxTokens: 8192 };

/** The verdicts of a judge's answer. Throws a `ServiceError` for an answer that says none. */
function readReview(choice: ChatChoice, { steps, problem }: Solution, maxTokens: number): Review {
  const where = `problem ${problem.id}`;
  const failure = choiceFailure(choice, maxTokens, where);
  if (failure !== null) throw failure;
  const verification = parseVerification(choice.text, steps);
  if (verification !== null) return verification;
  throw new ServiceError('ERR_ANSWER_MALFORMED', 'the judge gave no verdict that can be read', {
    where,
    fix: 'take a judge that keeps to the form of the prompt, or review with a temperature above 0 and another seed',
  });
}

interface Asking {
  readonly service: ModelService;
  readonly sampling: Sampling;
  readonly seed: number;
}

async function reviewOne(
  { service, sampling, seed }: Asking,
  solution: Solution,
  signal: AbortSignal,
): Promise<{ review: Sampled<Review>; usage: Usage }> {
  let usage = NO_USAGE;
  const review = await attempt(async () => {
    const { parts, bytes } = problemImages(solution);
    const prompt = verificationPrompt(solution.problem.question, solution.steps, null);
    const request: ChatRequest = {
      messages: [{ role: 'user', content: [...parts, { type: 'text', text: prompt }] }],
      n: 1,
      seed,
      sampling,
      stop: [],
      continueFinal: false,
      topLogprobs: 0,
      labelTokenIds: null,
      choices: null,
    };
    const context = { stage: 'call/judge', affinity: solution.problem.id, images: bytes, signal };
    usage = FAILED_CALL;
    const answered = await service.chat(request, context);
    usage = answered.usage;
    return readReview(answered.answer.choices[0]!, solution, sampling.maxTokens);
  });
  return { review, usage };
}

/**
 * A judge behind an endpoint: sees images, question and steps, never the reference answer, and says where a solution first
 * goes wrong. Temperature 0 unless the configuration says otherwise.
 *
 * All solutions are reviewed at once: the gateway holds them back. A failed call and an answer without a readable verdict
 * are failed reviews; what no other call could escape ends the whole, as in `createEndpointPolicy`.
 * The service is the caller's to close.
 * @throws ERR_CONFIG for an unknown preset
 */
export function createEndpointJudge(service: ModelService, config: EndpointJudgeConfig = {}): Judge {
  const sampling = resolveSampling(config.sampling, JUDGE_SAMPLING);
  return {
    name: service.name,
    capabilities: { images: service.capabilities.images, maxSteps: null },
    review: async (solutions, { seed }, signal) => {
      throwIfAborted(signal);
      const asking = { service, sampling, seed };
      const reviewed = await allAtOnce(solutions, signal, (solution, own) => reviewOne(asking, solution, own));
      return {
        reviews: reviewed.map(({ review }) => review),
        usage: reviewed.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
      };
    },
  };
}
