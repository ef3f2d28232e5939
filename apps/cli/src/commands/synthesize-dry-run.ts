import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Platform } from '@vlprm/api/platform';
import { assumedPopulation, measuredPopulation, summarizePopulation, type Population } from '@vlprm/data/synthesis';
import { openDataset, openSqliteLedger, runPaths } from '@vlprm/data/storage';
import { forecastModels } from '../forecast/forecast-models.ts';
import { assumptionsOf, forecastText } from '../forecast/forecast-text.ts';
import { forecastSynthesis } from '../forecast/forecast.ts';
import { measureProblems } from '../forecast/problem-sizes.ts';
import { assumedCosts, measuredCosts, type TokenCosts } from '../forecast/token-costs.ts';
import type { CommandContext } from './command-context.ts';
import type { NamedProblems } from './problem-source.ts';
import type { ResolvedSynthesis } from './synthesize-settings.ts';

/** Problems that an estimator is run on; what more there are costs as much on average. */
const SIMULATED_PROBLEMS = 200;

export interface DryRun extends ResolvedSynthesis {
  readonly folder: string;
  readonly problems: NamedProblems;
  /** Success rate at or below which the rule calls a step wrong. */
  readonly threshold: number;
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

interface Known {
  readonly population: Population;
  readonly costs: TokenCosts;
}

/** What the run in the folder has found out; null when it has no dataset with traces. */
async function measuredIn(folder: string): Promise<Known | null> {
  const paths = runPaths(folder);
  if (!(await isThere(join(paths.dataset, 'manifest.json'))) || !(await isThere(paths.ledger))) return null;
  const dataset = await openDataset(folder);
  const population = await measuredPopulation(dataset.traces(), SIMULATED_PROBLEMS);
  if (population === null) return null;
  const ledger = openSqliteLedger(paths.ledger);
  try {
    const { stepsPerSolution } = summarizePopulation(population);
    const solutions = dataset.manifest.traces;
    return { population, costs: measuredCosts(await ledger.usage(), { solutions, stepsPerSolution }) };
  } finally {
    await ledger.close();
  }
}

/** Foretells what a synthesis takes with every estimator. Calls no model and writes nothing. */
export async function dryRun(run: DryRun, platform: Platform, { console, signal }: CommandContext): Promise<void> {
  const { settings, pace, seed, folder } = run;
  const models = await forecastModels(platform);
  const measured = await measuredIn(folder);
  const { population, costs } = measured ?? {
    population: assumedPopulation(settings.traces, seed),
    costs: assumedCosts,
  };
  const sizes = await measureProblems(run.problems.problems, models.policy.endpoint?.config.prompt ?? null, signal);
  const forecast = await forecastSynthesis(
    {
      sizes,
      population,
      costs,
      models,
      settings: {
        traces: settings.traces,
        rollouts: settings.rollouts,
        rolloutsPerProblem: settings.rolloutBudget,
        votes: settings.votes,
        concurrency: pace.concurrency,
        threshold: run.threshold,
        seed,
      },
    },
    signal,
  );
  const assumptions = assumptionsOf(forecast, costs, models, measured === null ? null : folder);
  console.result(
    { ...forecast, estimator: settings.estimator, assumptions },
    forecastText(forecast, assumptions, settings.estimator),
  );
}
