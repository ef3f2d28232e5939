import type { EstimationLoad } from '@vlprm/data/synthesis';
import type { CallLoad } from './call-load.ts';
import type { ForecastModel } from './forecast-models.ts';
import type { ProblemSizes } from './problem-sizes.ts';
import { ASSUMED_TOKENS, BYTES_PER_TOKEN, type TokenCosts } from './token-costs.ts';

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

/** Turns the calls of a synthesis into tokens, by the sizes of its problems and the tokens of its steps. */
export class CallSizes {
  readonly #sizes: ProblemSizes;
  readonly #costs: TokenCosts;
  readonly #stepsPerSolution: number;

  constructor(sizes: ProblemSizes, costs: TokenCosts, stepsPerSolution: number) {
    this.#sizes = sizes;
    this.#costs = costs;
    this.#stepsPerSolution = stepsPerSolution;
  }

  sampling(policy: ForecastModel, calls: number, solutions: number): CallLoad {
    return this.#writing(policy, { calls, prefixTokens: 0, texts: solutions, written: solutions * this.#solution });
  }

  estimation(policy: ForecastModel, { calls, rollouts, promptSteps, writtenSteps }: EstimationLoad): CallLoad {
    const { step } = this.#costs;
    const written = writtenSteps * step + rollouts * ASSUMED_TOKENS.answer;
    return this.#writing(policy, { calls, prefixTokens: promptSteps * step, texts: rollouts, written });
  }

  reviewing(judge: ForecastModel, calls: number): CallLoad {
    const { judgePrompt, judgeAnswer } = this.#costs;
    const images = this.#imagesFor(judge);
    const asked = mean(this.#sizes.problems.map(({ judgeBytes }) => judgeBytes)) / BYTES_PER_TOKEN;
    const answer = judgeAnswer ?? this.#stepsPerSolution * ASSUMED_TOKENS.reviewedStep;
    return {
      calls,
      promptTokens: calls * (judgePrompt ?? asked + images + this.#solution),
      imageTokens: calls * images,
      completionTokens: calls * answer,
      awaitedTokens: calls * answer,
    };
  }

  get #solution(): number {
    return this.#stepsPerSolution * this.#costs.step + ASSUMED_TOKENS.answer;
  }

  #writing(
    policy: ForecastModel,
    asked: {
      readonly calls: number;
      /** What all the prompts hold beside the problems. */
      readonly prefixTokens: number;
      /** Completions, and the tokens of all of them. */
      readonly texts: number;
      readonly written: number;
    },
  ): CallLoad {
    const { calls, prefixTokens, texts, written } = asked;
    const images = this.#imagesFor(policy);
    const text = mean(this.#sizes.problems.map(({ policyBytes }) => policyBytes)) / BYTES_PER_TOKEN;
    return {
      calls,
      promptTokens: calls * (this.#costs.policyPrompt ?? text + images) + prefixTokens,
      imageTokens: calls * images,
      completionTokens: written,
      awaitedTokens: calls * (written / Math.max(1, texts)),
    };
  }

  /** Tokens of a problem's images as a model counts them, on average. */
  #imagesFor({ endpoint }: ForecastModel): number {
    if (endpoint === null) return 0;
    const { images: rule } = endpoint;
    return mean(
      this.#sizes.problems.map(({ images }) =>
        images.reduce((sum, { width, height }) => sum + rule.tokens(width, height), 0),
      ),
    );
  }
}
