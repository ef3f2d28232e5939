import { VlprmError } from '@vlprm/core/runtime';
import { Option, type Command } from 'commander';

function outOfRange(flag: string, expected: string, given: string): VlprmError {
  return new VlprmError('ERR_RANGE', `${flag} must be ${expected}, not ${JSON.stringify(given)}`, {
    fix: `give ${expected}`,
  });
}

/** Parses an integer in [min, max]; ERR_RANGE outside. */
export function integerFlag(flag: string, min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const expected =
    max === Number.MAX_SAFE_INTEGER ? `an integer of ${min} or more` : `an integer from ${min} to ${max}`;
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < min || value > max) {
      throw outOfRange(flag, expected, text);
    }
    return value;
  };
}

/** Parses a number in [min, max]; ERR_RANGE outside. */
export function numberFlag(flag: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < min || value > max) {
      throw outOfRange(flag, `a number from ${min} to ${max}`, text);
    }
    return value;
  };
}

/** Parses a comma-separated list of integers of 1 or more. */
export function integerListFlag(flag: string): (text: string) => number[] {
  const parse = integerFlag(flag, 1);
  return (text) => text.split(',').map(parse);
}

/** Parses a comma-separated list of names. */
export function nameListFlag(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

/** Flags that every command has. */
export interface SharedFlags {
  readonly config?: string;
  readonly seed?: number;
  readonly out?: string;
  readonly format?: 'text' | 'json';
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Adds the flags that every command has. */
export function withSharedFlags(command: Command): Command {
  return command
    .addOption(new Option('--config <file>', 'YAML or JSON file; flags override its keys'))
    .addOption(new Option('--seed <n>', 'seed of everything random').argParser(integerFlag('--seed', 0)))
    .addOption(new Option('--out <dir>', 'where results go'))
    .addOption(new Option('--format <form>', 'form of the result on stdout').choices(['text', 'json']))
    .addOption(new Option('--quiet', 'no progress, no notes'))
    .addOption(new Option('--verbose', 'more notes, and the stack of an error'));
}

/** Flags of commands that call models. */
export interface ModelFlags {
  readonly budgetCalls?: number;
  readonly budgetTokens?: number;
  readonly budgetUsd?: number;
  readonly budgetSeconds?: number;
  readonly record?: string;
  readonly replay?: string;
  /** Of commands that read images. */
  readonly remoteImages?: boolean;
}

/** Adds the flags of commands that call models. */
export function withModelFlags(command: Command): Command {
  const amount = (flag: string) => numberFlag(flag, 0, Number.MAX_SAFE_INTEGER);
  return command
    .option('--budget-calls <n>', 'most calls to endpoints', integerFlag('--budget-calls', 0))
    .option('--budget-tokens <n>', 'most tokens of prompts and answers', integerFlag('--budget-tokens', 0))
    .option('--budget-usd <x>', 'most US dollars, by the prices of the configuration', amount('--budget-usd'))
    .option('--budget-seconds <x>', 'most seconds of wall time', amount('--budget-seconds'))
    .option('--record <file>', 'record all traffic with endpoints, without keys and image bytes')
    .addOption(new Option('--replay <file>', 'answer from recorded traffic, without network').conflicts('record'));
}

/** The configuration that model flags stand for. */
export function modelConfig(flags: ModelFlags): Readonly<Record<string, unknown>> {
  const {
    budgetCalls: calls,
    budgetTokens: tokens,
    budgetUsd: usd,
    budgetSeconds: wallSeconds,
    record,
    replay,
  } = flags;
  const remoteImages = flags.remoteImages === true ? {} : undefined;
  const limits = Object.entries({ calls, tokens, usd, wallSeconds }).filter(([, limit]) => limit !== undefined);
  return { budget: limits.length === 0 ? undefined : Object.fromEntries(limits), record, replay, remoteImages };
}
