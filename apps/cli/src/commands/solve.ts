import { join } from 'node:path';
import type { SolveResult } from '@vlprm/tts';
import { writeFileAtomic } from '@vlprm/core/runtime';
import { Command } from 'commander';
import { decimal, grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type Streams } from './command-context.ts';
import { integerFlag, withModelFlags, withSharedFlags, type ModelFlags, type SharedFlags } from './flags.ts';
import { withKeptCalls } from './platform.ts';
import { spentText } from './spent.ts';

const DEFAULT_STRATEGY = 'weighted-vote';
const DEFAULT_N = 8;

interface SolveFlags extends SharedFlags, ModelFlags {
  readonly image: string;
  readonly question: string;
  readonly options?: string;
  readonly policy?: string;
  readonly prm?: string;
  readonly strategy?: string;
  readonly n?: number;
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
    .requiredOption('--image <file>', 'PNG, JPEG or WebP; a URL with --remote-images')
    .option('--remote-images', 'fetch an image that is given by URL')
    .requiredOption('--question <text>', 'the question, as the policy is to read it')
    .option('--options <list>', 'answer options, separated by commas; none for an open answer')
    .option('--policy <name>', 'policy: an endpoint (default: puzzle-world)')
    .option('--prm <name>', 'PRM: a bundle folder or an endpoint (default: the newest runs/*/prm)')
    .option('--strategy <id>', `strategy (default: ${DEFAULT_STRATEGY})`)
    .option('--n <n>', `candidates (default: ${DEFAULT_N})`, integerFlag('--n', 1, 1024));
  return withSharedFlags(withModelFlags(command)).action(
    action<SolveFlags>(
      streams,
      ['policy', 'prm', 'strategy', 'n'],
      async ({ config, console, signal }, { image, question, options }) => {
        const { presentProblem } = await import('@vlprm/api/platform');
        const { solve, strategyById } = await import('@vlprm/tts');
        const strategy = strategyById(config.strategy ?? DEFAULT_STRATEGY);
        const { readImageBytes } = await import('@vlprm/data/problems');
        const problem = await presentProblem({
          image: await readImageBytes(image, { remote: config.remoteImages, signal }),
          question,
          options: options === undefined ? null : options.split(',').map((option) => option.trim()),
          where: image,
        });
        await withKeptCalls({ config, signal }, async (platform) => {
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
          const spent = await platform.spent();
          const result = { ...solved, strategy: strategy.id, n: config.n ?? DEFAULT_N, spent };
          console.result(result, `${solvedText(solved)}${spentText(spent)}`);
        });
      },
    ),
  );
}
