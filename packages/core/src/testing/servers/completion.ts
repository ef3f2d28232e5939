import { constrainJson } from './constrained-json.ts';
import type { Brain, ServedRequest, TokenDistribution } from './brain.ts';
import { renderChat, type RenderedPrompt } from './chat-template.ts';
import { RefusedRequest } from './refusals.ts';
import { plausibleDistribution } from './token-distribution.ts';
import { tokenize, type Token } from './tokenizer.ts';

export interface CompletedToken {
  readonly token: Token;
  readonly distribution: TokenDistribution;
}

export interface CompletedChoice {
  readonly text: string;
  readonly tokens: readonly CompletedToken[];
  readonly finish: 'stop' | 'length' | 'content_filter';
  /** The stop text that ended it. */
  readonly stoppedBy: string | null;
}

/** What the model wrote, in no dialect. */
export interface Completion {
  readonly prompt: RenderedPrompt;
  /** Tokens of the prompt that an earlier prompt began with as well. */
  readonly cachedTokens: number;
  readonly choices: readonly CompletedChoice[];
  readonly completionTokens: number;
}

export interface CompletionLimits {
  /** Most tokens of prompt and completion together. */
  readonly contextTokens: number;
  /** Leaves stop texts in the output. */
  readonly keepStop: boolean;
}

/** Where the first stop text begins in `text`, and which it is. */
function findStop(text: string, stops: readonly string[]): { at: number; stop: string } | null {
  const found = stops.flatMap((stop) => {
    const at = text.indexOf(stop);
    return stop === '' || at < 0 ? [] : [{ at, stop }];
  });
  return found.reduce<{ at: number; stop: string } | null>(
    (first, next) => (first === null || next.at < first.at ? next : first),
    null,
  );
}

function cutText(
  text: string,
  request: ServedRequest,
  limit: number,
  keepStop: boolean,
): Omit<CompletedChoice, 'tokens'> & { readonly tokens: readonly Token[] } {
  const stop = findStop(text, request.stop);
  const kept = stop === null ? text : text.slice(0, stop.at + (keepStop ? stop.stop.length : 0));
  const tokens = tokenize(kept);
  if (tokens.length <= limit) return { text: kept, tokens, finish: 'stop', stoppedBy: stop?.stop ?? null };
  const cut = tokens.slice(0, limit);
  return { text: cut.map((token) => token.text).join(''), tokens: cut, finish: 'length', stoppedBy: null };
}

/** The allowed text that a constrained model comes to: the one that its own text begins with, else the first. */
function constrain(text: string, { choices, schema }: ServedRequest): string {
  if (schema !== null) return constrainJson(text, schema);
  if (choices === null) return text;
  return choices.find((choice) => text.startsWith(choice)) ?? choices[0] ?? text;
}

/** Has the model answer a request, and applies stop texts and limits as an inference server does. */
export async function complete(
  brain: Brain,
  request: ServedRequest,
  limits: CompletionLimits,
  cachedPrefix: (tokens: readonly Token[]) => number,
): Promise<Completion> {
  const prompt = renderChat(request.messages, request);
  const promptTokens = prompt.tokens.length;
  const room = limits.contextTokens - promptTokens;
  if (room < Math.max(1, request.maxTokens ?? 1)) {
    throw new RefusedRequest({
      kind: 'context-overflow',
      limit: limits.contextTokens,
      promptTokens,
      completionTokens: request.maxTokens ?? 1,
    });
  }
  const cachedTokens = cachedPrefix(prompt.tokens);
  const [texts, firstTokens] = await Promise.all([brain.write(request), brain.firstTokens?.(request)]);
  const opening = request.generationPrompt ? firstTokens?.[prompt.turns.length - 1] : undefined;
  const choices = texts.map((text): CompletedChoice => {
    const cut = cutText(constrain(text, request), request, request.maxTokens ?? room, limits.keepStop);
    const tokens = cut.tokens.map((token, index) => ({
      token,
      distribution: index === 0 && opening !== undefined ? opening : plausibleDistribution(token),
    }));
    return { ...cut, tokens };
  });
  const completionTokens = choices.reduce((total, { tokens }) => total + tokens.length, 0);
  return { prompt, cachedTokens, choices, completionTokens };
}
