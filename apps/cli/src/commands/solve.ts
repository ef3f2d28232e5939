import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SolveResult } from '@vlprm/tts';
import { fileError, writeFileAtomic } from '@vlprm/core/runtime';
import { Command } from 'commander';
import { decimal, grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type Streams } from './command-context.ts';
import { integerFlag, withSharedFlags, type SharedFlags } from './flags.ts';
import { withPlatform } from './platform.ts';

const DEFAULT_STRATEGY = 'weighted-vote';
const DEFAULT_N = 8;

interface SolveFlags extends SharedFlags {
  readonly image: string;
  readonly question: string;
  readonly options?: string;
  readonly policy?: string;
  readonly prm?: string;
  readonly strategy?: string;
  readonly n?: number;
}

async function readImage(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw fileError(file, cause);
  }
}

function solvedText({ answer, chosen, score, failedSamples, policyTokens, prmForwards }: SolveResult): string {
  const steps = chosen.steps.map((step, i) => [
    String(i + 1),
    step.kind ?? '',
    decimal(chosen.stepScores?.[i] ?? null),
    step.text,
  ]);
  const table = textTable(
    [{ title: '#', align: 'right' }, { title: 'Kind' }, { title: 'P(right)', align: 'right' }, { title: 'Step' }],
    steps,
  );
  const failed = failedSamples === 0 ? '' : `, ${failedSamples} failed samples`;
  const spent = `score ${decimal(score)}, ${grouped(policyTokens)} policy tokens, ${prmForwards} PRM forwards${failed}`;
  return `answer: ${answer ?? 'none could be read'}\n\n${table}\n\n${spent}\n`;
}

/** `vlprm solve`: one picture, one question, one answer, with the steps behind it. */
export function solveCommand(streams: Streams): Command {
  const command = new Command('solve')
    .description('answer a question about an image')
    .requiredOption('--image <file>', 'PNG, JPEG or WebP')
    .requiredOption('--question <text>', 'the question, as the policy is to read it')
    .option('--options <list>', 'answer options, separated by commas; none for an open answer')
    .option('--policy <name>', 'policy (default: puzzle-world)')
    .option('--prm <bundle>', 'PRM bundle (default: the newest runs/*/prm)')
    .option('--strategy <id>', `strategy (default: ${DEFAULT_STRATEGY})`)
    .option('--n <n>', `candidates (default: ${DEFAULT_N})`, integerFlag('--n', 1, 1024));
  return withSharedFlags(command).action(
    action<SolveFlags>(
      streams,
      ['policy', 'prm', 'strategy', 'n'],
      async ({ config, console, signal }, { image, question, options }) => {
        const { presentProblem } = await import('@vlprm/api/platform');
        const { solve, strategyById } = await import('@vlprm/tts');
        const strategy = strategyById(config.strategy ?? DEFAULT_STRATEGY);
        const problem = await presentProblem({
          image: await readImage(image),
          question,
          options: options === undefined ? null : options.split(',').map((option) => option.trim()),
          where: image,
        });
        await withPlatform(config, async (platform) => {
          const prm = strategy.need === 'nothing' ? null : await platform.requirePrm();
          const solved = await solve({
            policy: await platform.policy(),
            prm,
            problem,
            strategy,
            n: config.n ?? DEFAULT_N,
            seed: config.seed ?? DEFAULT_SEED,
            signal,
          });
          if (config.out !== undefined) {
            await writeFileAtomic(join(config.out, 'traces', 'solve.jsonl'), `${JSON.stringify(solved.trace)}\n`);
          }
          console.result({ ...solved, strategy: strategy.id, n: config.n ?? DEFAULT_N }, solvedText(solved));
        });
      },
    ),
  );
}
