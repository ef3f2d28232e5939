/** What calls to one model hold. */
export interface CallLoad {
  readonly calls: number;
  readonly promptTokens: number;
  /** Of the prompt tokens, those of images. */
  readonly imageTokens: number;
  readonly completionTokens: number;
  /** Tokens of the completion that a call waits for, where it brings several of one of them, summed over the calls. */
  readonly awaitedTokens: number;
}

export function addLoads(loads: readonly CallLoad[]): CallLoad {
  const sum = (of: (load: CallLoad) => number): number => loads.reduce((total, load) => total + of(load), 0);
  return {
    calls: sum(({ calls }) => calls),
    promptTokens: sum(({ promptTokens }) => promptTokens),
    imageTokens: sum(({ imageTokens }) => imageTokens),
    completionTokens: sum(({ completionTokens }) => completionTokens),
    awaitedTokens: sum(({ awaitedTokens }) => awaitedTokens),
  };
}

/** How long a call takes: what nobody knows before it was made. */
export const ASSUMED_LATENCY = { secondsBefore: 1, tokensPerSecond: 50 } as const;

/** Seconds that calls take, one after another. */
export function secondsOf({ calls, awaitedTokens }: Pick<CallLoad, 'calls' | 'awaitedTokens'>): number {
  return calls * ASSUMED_LATENCY.secondsBefore + awaitedTokens / ASSUMED_LATENCY.tokensPerSecond;
}
