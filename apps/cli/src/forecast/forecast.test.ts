import {
  endpointSchema,
  endpointThroughput,
  imageTokenRule,
  type EndpointConfigInput,
} from '@vlprm/core/models/endpoints';
import { expect, it } from 'vitest';
import type { ForecastModel } from './forecast-models.ts';
import { forecastSynthesis, type EstimatorForecast, type ForecastInput } from './forecast.ts';
import { measuredCosts } from './token-costs.ts';

function endpoint(name: string, more: Partial<EndpointConfigInput> = {}, priced = true): ForecastModel {
  const config = endpointSchema.parse({ kind: 'vllm', baseUrl: 'http://a', model: 'Qwen2.5-VL', ...more });
  const price = priced ? { promptUsdPerMillion: 1, completionUsdPerMillion: 10 } : null;
  return {
    name,
    endpoint: { config, throughput: endpointThroughput(config), images: imageTokenRule(config.model), price },
  };
}

const embedded: ForecastModel = { name: 'puzzle-world', endpoint: null };
const steps = ['a', 'b'].map((text) => ({ kind: 'reasoning' as const, text }));
const outline = [{ steps, values: [0.5, 0.5], right: true }];

/** Ten problems with an image of 100 tokens and a prompt of 50; two steps a solution, of 10 tokens each. */
const input = (more: Partial<ForecastInput> = {}): ForecastInput => ({
  sizes: {
    problems: Array.from({ length: 10 }, (_, i) => {
      return { id: `p${i}`, policyBytes: 200, judgeBytes: 400, images: [{ width: 280, height: 280 }] };
    }),
    setAside: 1,
  },
  population: { outlines: new Map([['other', outline]]), measured: true },
  costs: { policyPrompt: null, judgePrompt: null, judgeAnswer: null, step: 10, measured: true },
  models: { policy: endpoint('solver'), judges: [endpoint('critic')] },
  settings: { traces: 1, rollouts: 4, rolloutsPerProblem: null, votes: 3, concurrency: 5, threshold: 0, seed: 1 },
  ...more,
});

async function exhaustive(more: Partial<ForecastInput> = {}): Promise<EstimatorForecast> {
  const { estimators } = await forecastSynthesis(input(more));
  return estimators.find(({ estimator }) => estimator === 'exhaustive')!;
}

const ANSWER = 13;
const SOLUTION = 2 * 10 + ANSWER;
const PROMPT = {
  policy: 30 * (50 + 100) + 10 * (1 + 2) * 10,
  judge: 30 * (100 + 100 + SOLUTION),
};
const WRITTEN = { policy: 10 * SOLUTION + 10 * 4 * (10 + 2 * ANSWER), judge: 30 * 2 * 39 };

it('counts the calls, tokens and dollars of every problem', async () => {
  const forecast = await exhaustive();
  expect(forecast).toMatchObject({
    calls: { sample: 10, estimate: 20, judge: 30, total: 60 },
    rollouts: 80,
    promptTokens: PROMPT.policy + PROMPT.judge,
    imageTokens: 60 * 100,
    completionTokens: WRITTEN.policy + WRITTEN.judge,
  });
  const tokens = PROMPT.policy + PROMPT.judge + 10 * (WRITTEN.policy + WRITTEN.judge);
  expect(forecast.usd).toBeCloseTo(tokens / 1e6, 10);
});

it('takes the discount of a batch API, and foresees no time there', async () => {
  const batch: Partial<EndpointConfigInput> = { kind: 'openai', batch: { priceFactor: 0.5 } };
  const models = { policy: endpoint('solver', batch), judges: [endpoint('critic', batch)] };
  const [full, half] = [await exhaustive(), await exhaustive({ models })];
  expect(half.usd).toBeCloseTo(full.usd! / 2, 10);
  expect(half.hours).toBeNull();
});

it('knows no cost without a price, and none at all for models in this process', async () => {
  const models = { policy: endpoint('solver', {}, false), judges: [embedded] };
  expect((await exhaustive({ models })).usd).toBeNull();
  const free = await exhaustive({ models: { policy: embedded, judges: [embedded] } });
  expect(free).toMatchObject({ calls: { total: 60 }, promptTokens: null, usd: 0, hours: null });
});

it('takes the time from the limit that holds longest', async () => {
  const waiting = await exhaustive();
  const inTurn = 10 * (1 + SOLUTION / 50) + 10 * (1 + (10 + 2 * ANSWER) / 2 / 50) + 30 * (1 + (2 * 39) / 50);
  expect(waiting.hours).toBeCloseTo(inTurn / 5 / 3600, 10);
  expect(waiting.boundBy).toContain('--concurrency');
  const slow = endpoint('solver', { requestsPerMinute: 3 });
  const limited = await exhaustive({ models: { policy: slow, judges: [slow] } });
  expect(limited).toMatchObject({ hours: 60 / 3 / 60, boundBy: 'requestsPerMinute of solver' });
});

it('asks more calls of a server that gives one completion each', async () => {
  const models = { policy: endpoint('solver', { kind: 'ollama' }), judges: [] };
  const settings = { ...input().settings, traces: 2 };
  expect((await exhaustive({ models, settings })).calls).toMatchObject({ sample: 20, estimate: 160, judge: 0 });
});

it('takes tokens as the services of an earlier run have counted them', async () => {
  const usage = (calls: number, promptTokens: number | null, completionTokens: number) => {
    return { calls, promptTokens, completionTokens, usd: null };
  };
  const byStage = { sample: usage(2, 1000, 8 * 53), judge: usage(4, null, 400) };
  const costs = measuredCosts(byStage, { solutions: 8, stepsPerSolution: 4 });
  expect(costs).toEqual({ policyPrompt: 500, judgePrompt: null, judgeAnswer: 100, step: 10, measured: true });
  const forecast = await exhaustive({ costs });
  expect(forecast.promptTokens).toBe(30 * 500 + 10 * 3 * 10 + PROMPT.judge);
});
