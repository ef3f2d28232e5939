import { addUsage, NO_USAGE, type Usage } from '../../records/index.ts';
import { throwIfAborted } from '../../runtime/errors.ts';
import { allAtOnce } from '../../runtime/flow/all-at-once.ts';
import { ServiceError } from '../../runtime/gateway/service-error.ts';
import { seedFrom } from '../../runtime/random.ts';
import { verificationCode, verificationPrompt } from '../../text/prompts.ts';
import { parseVerificationJson, VERIFICATION_SCHEMA } from '../../text/verification-json.ts';
import { parseVerification, UNREADABLE_REASONS, type Verification } from '../../text/verification.ts';
import type { Judge, Review, Sampled, Solution } from '../ports.ts';
import { attempt, choiceFailure, FAILED_CALL } from './call-outcomes.ts';
import type { ChatChoice, ChatRequest, Sampling } from './chat.ts';
import type { EndpointConfig } from './endpoint-config.ts';
import type { CallContext, ModelService } from './model-service.ts';
import { resolveSampling } from './presets.ts';
import { problemImages } from './problem-images.ts';

export interface EndpointJudgeConfig extends Pick<EndpointConfig, 'sampling'> {
  /** Answers that are asked for until one can be read, at least 1. Default 3. */
  readonly attempts?: number;
}

/** As o4-mini was asked for the VL-PRM300K data (arXiv 2509.23250), but with nothing drawn. */
const JUDGE_SAMPLING: Partial<Sampling> = { temperature: 0, maxTokens: 8192 };
const ATTEMPTS = 3;
/** At temperature 0 an unreadable answer would only come again. */
const LEAST_RETRY_TEMPERATURE = 0.3;

/** What is asked about one solution, time and again. */
interface Question {
  readonly solution: Solution;
  readonly request: ChatRequest;
  readonly context: CallContext;
  /** Of the tags of its answers; null where they are JSON. */
  readonly code: string | null;
}

interface Asking {
  readonly service: ModelService;
  readonly sampling: Sampling;
  readonly attempts: number;
  readonly seed: number;
}

function questionOf({ service, sampling, seed }: Asking, solution: Solution, signal: AbortSignal): Question {
  const { problem, steps } = solution;
  const { parts, bytes } = problemImages(solution);
  const json = service.capabilities.jsonSchema;
  const code = json ? null : verificationCode(problem.question, steps, [...bytes.keys()]);
  const prompt = verificationPrompt(problem.question, steps, null, code);
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
    ...(json && { responseSchema: VERIFICATION_SCHEMA }),
  };
  return { solution, request, code, context: { stage: 'call/judge', affinity: problem.id, images: bytes, signal } };
}

/** The request of an attempt, counted from 0: other draws than those before it. */
function attemptOf(request: ChatRequest, number: number): ChatRequest {
  if (number === 0) return request;
  const { seed, sampling } = request;
  const temperature = sampling.temperature === null ? null : Math.max(sampling.temperature, LEAST_RETRY_TEMPERATURE);
  return { ...request, seed: seedFrom(seed ?? 0, 'attempt', number), sampling: { ...sampling, temperature } };
}

/** The verdicts of an answer, or why it says none that can be read. Throws what a further answer would not mend. */
function readAnswer(choice: ChatChoice, { solution, request, code }: Question): Verification | ServiceError {
  const where = `problem ${solution.problem.id}`;
  const failure = choiceFailure(choice, request.sampling.maxTokens, where);
  if (failure?.code === 'ERR_ANSWER_TRUNCATED') return failure;
  if (failure !== null) throw failure;
  const { text } = choice;
  const { steps } = solution;
  const reading = code === null ? parseVerificationJson(text, steps) : parseVerification(text, steps, code);
  if (reading.ok) return reading.verification;
  const why = `${reading.reason}: ${UNREADABLE_REASONS[reading.reason]}`;
  return new ServiceError('ERR_ANSWER_MALFORMED', `the judge gave no verdict that can be read (${why})`, {
    where,
    fix: 'take a judge that keeps to the form of the prompt',
  });
}

async function reviewOne(
  asking: Asking,
  solution: Solution,
  signal: AbortSignal,
): Promise<{ review: Sampled<Review>; usage: Usage }> {
  let usage = NO_USAGE;
  const review = await attempt(async (): Promise<Review> => {
    const question = questionOf(asking, solution, signal);
    for (let unreadable = 0; ; unreadable++) {
      const before = usage;
      usage = addUsage(before, FAILED_CALL);
      const answered = await asking.service.chat(attemptOf(question.request, unreadable), question.context);
      usage = addUsage(before, answered.usage);
      const read = readAnswer(answered.answer.choices[0]!, question);
      if (!(read instanceof ServiceError)) return unreadable === 0 ? read : { ...read, unreadable };
      if (unreadable + 1 >= asking.attempts) throw read;
    }
  });
  return { review, usage };
}

/**
 * A judge behind an endpoint: sees images, question and steps, never the reference answer, and says where a solution first
 * goes wrong. Where the endpoint holds answers to a JSON Schema it is asked for JSON, else for the tag grammar with a code
 * in its tags; nothing in the solution or its images can take the place of either. Temperature 0 unless the configuration
 * says otherwise: then a review with another seed is the same review, and votes want a temperature.
 *
 * An answer that cannot be read, or was cut off, is asked for again with another seed and a temperature of at least 0.3;
 * `Review.unreadable` counts them. After `attempts` of them, and where a call fails, the review has failed. What no other
 * call could escape ends the whole, as in `createEndpointPolicy`. All solutions are reviewed at once: the gateway holds
 * them back. The service is the caller's to close.
 * @throws ERR_CONFIG for an unknown preset
 */
export function createEndpointJudge(service: ModelService, config: EndpointJudgeConfig = {}): Judge {
  const sampling = resolveSampling(config.sampling, JUDGE_SAMPLING);
  const { attempts = ATTEMPTS } = config;
  const { preferredBatch } = service;
  return {
    name: service.name,
    capabilities: { images: service.capabilities.images, maxSteps: null },
    ...(preferredBatch !== undefined && { preferredBatch }),
    review: async (solutions, { seed }, signal) => {
      throwIfAborted(signal);
      const asking = { service, sampling, attempts, seed };
      const reviewed = await allAtOnce(solutions, signal, (solution, own) => reviewOne(asking, solution, own));
      return {
        reviews: reviewed.map(({ review }) => review),
        usage: reviewed.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
      };
    },
  };
}
