import { ESTIMATOR_NAMES, type EstimatorName, type SynthesisOptions } from '@vlprm/data/synthesis';
import { Option, type Command } from 'commander';
import type { Config } from '../config/config-schema.ts';
import { DEFAULT_SEED } from './command-context.ts';
import { integerFlag, nameListFlag, numberFlag, type ModelFlags, type SharedFlags } from './flags.ts';

const DEFAULTS = {
  problems: 'puzzles:200',
  traces: 4,
  rollouts: 16,
  estimator: 'exhaustive',
  votes: 1,
  rule: 'hybrid',
  concurrency: 64,
  maxRejectRate: 0.5,
} as const;

export interface SynthesizeFlags extends SharedFlags, ModelFlags {
  readonly problems?: string;
  readonly traces?: number;
  readonly rollouts?: number;
  readonly estimator?: EstimatorName;
  readonly rolloutBudget?: number;
  readonly votes?: number;
  readonly rule?: string;
  readonly threshold?: number;
  readonly policy?: string;
  readonly judge?: readonly string[];
  readonly concurrency?: number;
  readonly maxRejectRate?: number;
  readonly dryRun?: boolean;
}

/** Flags that are keys of the configuration, too. */
export const SYNTHESIZE_KEYS = [
  'problems',
  'traces',
  'rollouts',
  'estimator',
  'rolloutBudget',
  'votes',
  'rule',
  'threshold',
  'policy',
  'judge',
  'concurrency',
  'maxRejectRate',
] as const;

export function withSynthesisFlags(command: Command): Command {
  return command
    .option('--problems <source>', `puzzles:N or a JSONL file (default: ${DEFAULTS.problems})`)
    .option('--traces <n>', `solutions per problem (default: ${DEFAULTS.traces})`, integerFlag('--traces', 1, 1024))
    .option('--rollouts <n>', `rollouts per step (default: ${DEFAULTS.rollouts})`, integerFlag('--rollouts', 1, 4096))
    .addOption(
      new Option('--estimator <name>', `how rollouts are spent on the steps (default: ${DEFAULTS.estimator})`).choices(
        ESTIMATOR_NAMES,
      ),
    )
    .option(
      '--rollout-budget <n>',
      'most rollouts per problem (default: as many as the estimator asks for)',
      integerFlag('--rollout-budget', 1, 1_000_000),
    )
    .option(
      '--votes <n>',
      `reviews of a solution by each judge (default: ${DEFAULTS.votes})`,
      integerFlag('--votes', 1, 64),
    )
    .option('--rule <name>', `label rule (default: ${DEFAULTS.rule})`)
    .option('--threshold <x>', 'success rate at or below which a step is wrong', numberFlag('--threshold', 0, 1))
    .option('--policy <name>', 'policy: an endpoint (default: puzzle-world)')
    .option('--judge <names>', 'judges: endpoints, parted by commas (default: puzzle-world)', nameListFlag)
    .option(
      '--concurrency <n>',
      `problems in flight (default: ${DEFAULTS.concurrency})`,
      integerFlag('--concurrency', 1, 65_536),
    )
    .option(
      '--max-reject-rate <x>',
      `largest share of solutions set aside before the run stops (default: ${DEFAULTS.maxRejectRate})`,
      numberFlag('--max-reject-rate', 0, 1),
    )
    .option('--dry-run', 'foretell calls, tokens, dollars and hours of every estimator; no model is called')
    .option('--remote-images', 'fetch images that problems name by URL');
}

/** What decides a dataset, beside the seed. */
export interface SynthesisSettings {
  readonly problems: string;
  readonly traces: number;
  readonly rollouts: number;
  readonly estimator: EstimatorName;
  readonly rolloutBudget: number | null;
  readonly votes: number;
  readonly rule: string;
  readonly threshold: number | null;
  readonly policy: string;
  readonly judge: readonly string[];
}

/** What decides how it is made, and may change from one run of the same command to the next. */
export interface SynthesisPace {
  readonly concurrency: number;
  readonly maxRejectRate: number;
}

export interface ResolvedSynthesis {
  readonly settings: SynthesisSettings;
  readonly pace: SynthesisPace;
  readonly seed: number;
}

export function resolveSynthesis(config: Config): ResolvedSynthesis {
  return {
    settings: {
      problems: config.problems ?? DEFAULTS.problems,
      traces: config.traces ?? DEFAULTS.traces,
      rollouts: config.rollouts ?? DEFAULTS.rollouts,
      estimator: config.estimator ?? DEFAULTS.estimator,
      rolloutBudget: config.rolloutBudget ?? null,
      votes: config.votes ?? DEFAULTS.votes,
      rule: config.rule ?? DEFAULTS.rule,
      threshold: config.threshold ?? null,
      policy: config.policy,
      judge: config.judge,
    },
    pace: {
      concurrency: config.concurrency ?? DEFAULTS.concurrency,
      maxRejectRate: config.maxRejectRate ?? DEFAULTS.maxRejectRate,
    },
    seed: config.seed ?? DEFAULT_SEED,
  };
}

/** The options of the synthesis that these are. */
export function optionsOf({ settings, pace, seed }: ResolvedSynthesis): SynthesisOptions {
  return {
    tracesPerProblem: settings.traces,
    rolloutsPerStep: settings.rollouts,
    estimator: settings.estimator,
    rolloutsPerProblem: settings.rolloutBudget,
    votes: settings.votes,
    ...pace,
    seed,
  };
}
