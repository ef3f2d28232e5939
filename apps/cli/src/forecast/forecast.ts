import {
  callsFor,
  ESTIMATOR_NAMES,
  forecastEstimation,
  summarizePopulation,
  type EstimationLoad,
  type EstimatorName,
  type Population,
  type PopulationSummary,
  type ProblemOutline,
} from '@vlprm/data/synthesis';
import { addLoads, secondsOf, type CallLoad } from './call-load.ts';
import { CallSizes, mean } from './call-sizes.ts';
import type { ForecastModels } from './forecast-models.ts';
import { dollarsOf, slowestBound, type ModelLoad } from './model-load.ts';
import type { ProblemSizes } from './problem-sizes.ts';
import type { TokenCosts } from './token-costs.ts';

export interface ForecastSettings {
  readonly traces: number;
  readonly rollouts: number;
  readonly rolloutsPerProblem: number | null;
  readonly votes: number;
  readonly concurrency: number;
  /** Success rate at or below which the rule calls a step wrong. */
  readonly threshold: number;
  readonly seed: number;
}

export interface ForecastInput {
  readonly sizes: ProblemSizes;
  readonly population: Population;
  readonly costs: TokenCosts;
  readonly models: ForecastModels;
  readonly settings: ForecastSettings;
}

/** What a synthesis with one estimator is expected to take. */
export interface EstimatorForecast {
  readonly estimator: EstimatorName;
  readonly calls: {
    readonly sample: number;
    readonly estimate: number;
    readonly judge: number;
    readonly total: number;
  };
  readonly rollouts: number;
  /** Of endpoints: null when there is none. */
  readonly promptTokens: number | null;
  readonly imageTokens: number | null;
  readonly completionTokens: number | null;
  /** Null where a price is missing. */
  readonly usd: number | null;
  /** Null where time cannot be foreseen. */
  readonly hours: number | null;
  /** The limit that the hours come from. */
  readonly boundBy: string | null;
}

export interface Forecast {
  readonly problems: number;
  readonly setAside: number;
  readonly population: PopulationSummary;
  readonly estimators: readonly EstimatorForecast[];
}

/** The outlines that stand for the problems: their own where there are any, each with at most `traces` solutions. */
function outlinesFor({ sizes, population, settings }: ForecastInput): ProblemOutline[] {
  const own = sizes.problems.flatMap(({ id }) => {
    const outline = population.outlines.get(id);
    return outline === undefined ? [] : [outline];
  });
  const chosen = own.length > 0 ? own : [...population.outlines.values()];
  return chosen.map((outline) => outline.slice(0, settings.traces));
}

/** The load of the problems that were simulated, for all that there are. */
function scaled(load: EstimationLoad, factor: number): EstimationLoad {
  return {
    rollouts: load.rollouts * factor,
    calls: load.calls * factor,
    promptSteps: load.promptSteps * factor,
    writtenSteps: load.writtenSteps * factor,
    rounds: load.rounds * factor,
  };
}

/** Seconds of the calls of a problem that wait for each other, over all problems. */
function secondsInTurn(parts: readonly { readonly load: CallLoad; readonly rounds: number }[]): number {
  return parts.reduce((sum, { load, rounds }) => {
    const awaitedTokens = (load.awaitedTokens / Math.max(1, load.calls)) * rounds;
    return sum + secondsOf({ calls: rounds, awaitedTokens });
  }, 0);
}

async function forecastOne(
  estimator: EstimatorName,
  input: ForecastInput,
  outlines: readonly ProblemOutline[],
  signal: AbortSignal | undefined,
): Promise<EstimatorForecast> {
  const { sizes, costs, settings } = input;
  const { policy, judges } = input.models;
  const problems = sizes.problems.length;
  const choicesPerCall = policy.endpoint?.throughput.choicesPerCall ?? Infinity;
  const simulated = await forecastEstimation(outlines, { ...settings, estimator, choicesPerCall }, signal);
  const mostTraces = Math.max(1, ...outlines.map(({ length }) => length));
  const factor = (problems / Math.max(1, outlines.length)) * (settings.traces / Math.min(settings.traces, mostTraces));
  const asked = scaled(simulated, factor);

  const solutions = outlines.flat();
  const callSizes = new CallSizes(sizes, costs, mean(solutions.map(({ steps }) => steps.length)));
  const samplingCalls = problems * callsFor(settings.traces, choicesPerCall);
  const sampling = callSizes.sampling(policy, samplingCalls, problems * settings.traces);
  const estimation = callSizes.estimation(policy, asked);
  const reviews = solutions.length * factor * settings.votes;
  const reviewing = judges.map((judge): ModelLoad => ({ model: judge, load: callSizes.reviewing(judge, reviews) }));

  const loads: ModelLoad[] = [{ model: policy, load: addLoads([sampling, estimation]) }, ...reviewing];
  const turns = [
    { load: sampling, rounds: problems },
    { load: estimation, rounds: asked.rounds },
    ...reviewing.map(({ load }) => ({ load, rounds: problems * settings.votes })),
  ];
  const bound = slowestBound(loads, {
    by: 'calls that wait for each other, and --concurrency',
    hours: secondsInTurn(turns) / settings.concurrency / 3600,
  });
  const remote = loads.filter(({ model }) => model.endpoint !== null).map(({ load }) => load);
  const tokens = addLoads(remote);
  const told = (count: number): number | null => (remote.length === 0 ? null : Math.round(count));
  return {
    estimator,
    calls: callCounts(sampling, estimation, reviewing),
    rollouts: Math.round(asked.rollouts),
    promptTokens: told(tokens.promptTokens),
    imageTokens: told(tokens.imageTokens),
    completionTokens: told(tokens.completionTokens),
    usd: dollarsOf(loads),
    hours: bound?.hours ?? null,
    boundBy: bound?.by ?? null,
  };
}

function callCounts(sampling: CallLoad, estimation: CallLoad, reviewing: readonly ModelLoad[]) {
  const sample = Math.round(sampling.calls);
  const estimate = Math.round(estimation.calls);
  const judge = Math.round(addLoads(reviewing.map(({ load }) => load)).calls);
  return { sample, estimate, judge, total: sample + estimate + judge };
}

/**
 * Calls, tokens, dollars and hours of a synthesis with each estimator. No model is called: the estimators run against the
 * population. Exact in calls for `exhaustive` on problems whose solutions were measured.
 * @throws ERR_ABORTED
 */
export async function forecastSynthesis(input: ForecastInput, signal?: AbortSignal): Promise<Forecast> {
  const outlines = outlinesFor(input);
  const estimators: EstimatorForecast[] = [];
  for (const estimator of ESTIMATOR_NAMES) estimators.push(await forecastOne(estimator, input, outlines, signal));
  const { problems, setAside } = input.sizes;
  return { problems: problems.length, setAside, population: summarizePopulation(input.population), estimators };
}
