import { ASSUMED } from '@vlprm/data/synthesis';
import { decimal, duration, grouped, NOT_MEASURED, percent } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { ASSUMED_LATENCY } from './call-load.ts';
import type { ForecastModel, ForecastModels } from './forecast-models.ts';
import type { EstimatorForecast, Forecast } from './forecast.ts';
import { ASSUMED_TOKENS, BYTES_PER_TOKEN, type TokenCosts } from './token-costs.ts';

function row(forecast: EstimatorForecast, chosen: string): string[] {
  const { estimator, calls, rollouts, promptTokens, imageTokens, completionTokens, usd, hours } = forecast;
  return [
    estimator === chosen ? `${estimator} *` : estimator,
    ...[calls.total, rollouts, promptTokens, imageTokens, completionTokens].map(grouped),
    decimal(usd, 2),
    hours === null ? NOT_MEASURED : duration(hours * 3600),
  ];
}

function modelLine(use: string, { name, endpoint }: ForecastModel): string {
  if (endpoint === null) return `${use} ${name}: in this process, free, no time is foreseen`;
  const { config, images, price, throughput } = endpoint;
  const { requestsPerMinute, tokensPerMinute, maxConcurrency } = throughput;
  const limits = [
    requestsPerMinute === null ? null : `${grouped(requestsPerMinute)} requests a minute`,
    tokensPerMinute === null ? null : `${grouped(tokensPerMinute)} tokens a minute`,
    `${grouped(maxConcurrency)} calls at once`,
  ];
  const cost =
    price === null
      ? 'no price'
      : `${price.promptUsdPerMillion} and ${price.completionUsdPerMillion} USD for a million tokens read and written`;
  const batch =
    config.batch === undefined
      ? []
      : [`in batches at ${percent(config.batch.priceFactor, 0)} of it, each within a day`];
  const parts = [
    `tokens of an image: ${images.name}`,
    cost,
    ...batch,
    limits.filter((part) => part !== null).join(', '),
  ];
  return `${use} ${name} (${config.model}): ${parts.join('; ')}`;
}

/** Everything that the forecast rests on, a line each. */
export function assumptionsOf(
  { population }: Forecast,
  costs: TokenCosts,
  models: ForecastModels,
  from: string | null,
): string[] {
  const { problems, solutions, stepsPerSolution, right, measured } = population;
  const shape = `${decimal(stepsPerSolution, 1)} steps a solution, ${percent(right)} of them right`;
  const hasEndpoint = [models.policy, ...models.judges].some(({ endpoint }) => endpoint !== null);
  return [
    measured
      ? `solutions: measured on ${grouped(problems)} problems with ${grouped(solutions)} solutions of ${from ?? 'a run'}: ${shape}`
      : `solutions: assumed, as published with VL-PRM300K: ${shape}, continued by ${ASSUMED.rolloutsPerStep} rollouts of which all or none come out right`,
    'no call fails, and no answer has to be asked for again',
    ...(hasEndpoint
      ? [
          costs.measured
            ? `tokens: as that run has used them, ${decimal(costs.step, 0)} a step`
            : `tokens: ${BYTES_PER_TOKEN} bytes of text each, ${ASSUMED_TOKENS.step} a step and ${ASSUMED_TOKENS.reviewedStep} a step reviewed; what a model thinks unseen is not counted`,
          `time: ${ASSUMED_LATENCY.secondsBefore} s a call and ${ASSUMED_LATENCY.tokensPerSecond} tokens a second after that, within the limits of the endpoints`,
        ]
      : []),
    modelLine('policy', models.policy),
    ...models.judges.map((judge) => modelLine('judge', judge)),
  ];
}

/** The forecast as a table, a row for each estimator, and what it rests on. */
export function forecastText(forecast: Forecast, assumptions: readonly string[], chosen: string): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'Estimator' },
    right('Calls'),
    right('Rollouts'),
    right('Prompt'),
    right('of images'),
    right('Written'),
    right('USD'),
    right('Time'),
  ];
  const table = textTable(
    columns,
    forecast.estimators.map((each) => row(each, chosen)),
  );
  const set = forecast.setAside === 0 ? '' : `, ${grouped(forecast.setAside)} rows set aside`;
  const bound = forecast.estimators.find(({ estimator }) => estimator === chosen)?.boundBy ?? null;
  const notes = bound === null ? assumptions : [...assumptions, `the time of ${chosen} comes from: ${bound}`];
  return [
    `${grouped(forecast.problems)} problems${set}; no model was called`,
    '',
    table,
    '',
    ...notes.map((note) => `- ${note}`),
    '',
  ].join('\n');
}
