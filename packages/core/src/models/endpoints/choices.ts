import { addUsage } from '../../records/index.ts';
import { seedFrom } from '../../runtime/random.ts';
import { ServiceError, type Answered } from '../../runtime/gateway/index.ts';
import type { ChatAnswer, ChatChoice, ChatRequest } from './chat.ts';

/** A part of a request's choices that one call brings. */
export interface ChoicePart {
  readonly request: ChatRequest;
  /** Which of the wanted choices is the first of this part. */
  readonly first: number;
}

/**
 * Cuts a request into calls of at most `most` choices. One that fits whole keeps its seed; each part of a cut one gets a
 * seed of its own, and so does the single choice of a server that gives one at a time: choice i is the same whatever n is.
 */
export function splitChoices(request: ChatRequest, most: number): ChoicePart[] {
  if (most > 1 && request.n <= most) return [{ request, first: 0 }];
  return Array.from({ length: Math.ceil(request.n / most) }, (_, part) => {
    const first = part * most;
    const seed = request.seed === null ? null : seedFrom(request.seed, first);
    return { request: { ...request, n: Math.min(most, request.n - first), seed }, first };
  });
}

/** The choices of all parts in order, and what they cost together. */
export function joinParts(parts: readonly Answered<ChatAnswer>[]): Answered<ChatAnswer> {
  const sources = new Set(parts.map(({ source }) => source));
  const cached = parts.flatMap(({ cachedPromptTokens }) => cachedPromptTokens ?? []);
  return {
    answer: { choices: parts.flatMap(({ answer }) => answer.choices) },
    usage: parts.map(({ usage }) => usage).reduce(addUsage),
    ...(cached.length === parts.length && { cachedPromptTokens: cached.reduce((sum, tokens) => sum + tokens) }),
    source: sources.has('service') ? 'service' : sources.has('in-flight') ? 'in-flight' : 'ledger',
  };
}

function cutAtStop(choice: ChatChoice, stop: readonly string[]): ChatChoice {
  const found = stop
    .map((text) => ({ text, at: choice.text.indexOf(text) }))
    .filter(({ at }) => at >= 0)
    .toSorted((a, b) => a.at - b.at || b.text.length - a.text.length)[0];
  if (!found) return choice;
  if (choice.logprobs) {
    throw new ServiceError(
      'ERR_CAPABILITY_MISSING',
      'the server goes on after a stop text, and log-probabilities were asked for',
      {
        fix: 'ask for fewer stop texts, or for no log-probabilities',
      },
    );
  }
  return { ...choice, text: choice.text.slice(0, found.at), finish: 'stop', stoppedBy: found.text };
}

function requireChoice({ text, finish }: ChatChoice, choices: readonly string[]): void {
  if (choices.includes(text) || finish === 'length') return;
  throw new ServiceError('ERR_ANSWER_MALFORMED', 'the answer is none of the texts that it was held to', {
    fix: 'set capabilities.structuredOutput of the endpoint to false',
  });
}

/**
 * Holds an answer to what was asked, where the server did not: texts end before stop texts, and are of the set asked for.
 * @throws ERR_CONTENT_FILTER when every choice was filtered; ERR_ANSWER_MALFORMED; ERR_CAPABILITY_MISSING
 */
export function holdToRequest({ choices }: ChatAnswer, { stop, choices: allowed }: ChatRequest): ChatAnswer {
  if (choices.every(({ finish }) => finish === 'content-filter')) {
    throw new ServiceError('ERR_CONTENT_FILTER', 'the content filter of the service cut the answer', {
      fix: 'leave the problem out, or change the filter at the service',
    });
  }
  const cut = choices.map((choice) => cutAtStop(choice, stop));
  if (allowed) for (const choice of cut) if (choice.finish !== 'content-filter') requireChoice(choice, allowed);
  return { choices: cut };
}
