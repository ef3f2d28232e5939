import type { ProcessRewardModel, Solution } from '@vlprm/core';
import type { Prediction, Trace } from '@vlprm/core/records';
import { startStage, writeFileAtomic } from '@vlprm/core/runtime';
import { Command } from 'commander';
import { join } from 'node:path';
import { predictionsOf } from '../predictions.ts';
import { action, type CommandContext, type Streams } from './command-context.ts';
import { withModelFlags, withSharedFlags, type ModelFlags, type SharedFlags } from './flags.ts';
import { withKeptCalls } from './platform.ts';
import { readTraceFile, solutionsOf } from './trace-file.ts';

const TRACES_PER_CALL = 512;

interface ScoreFlags extends SharedFlags, ModelFlags {
  readonly traces: string;
  readonly prm?: string;
}

/** One prediction a step, in the order of traces and steps. */
export async function scoreTraces(
  prm: ProcessRewardModel,
  traces: readonly Trace[],
  solutions: readonly Solution[],
  { console, signal }: Pick<CommandContext, 'console' | 'signal'>,
): Promise<Prediction[]> {
  const progress = startStage(console.events, 'score', { total: traces.length });
  const rows: Prediction[] = [];
  for (let start = 0; start < traces.length; start += TRACES_PER_CALL) {
    const { scores } = await prm.scoreSteps(solutions.slice(start, start + TRACES_PER_CALL), signal);
    scores.forEach((score, i) => {
      const trace = traces[start + i] as Trace;
      for (const row of predictionsOf(trace, score)) rows.push(row);
    });
    progress.advance(scores.length);
  }
  return rows;
}

/** `vlprm score`: traces to one `vlprm.prediction/1` row a step. */
export function scoreCommand(streams: Streams): Command {
  const command = new Command('score')
    .description('score every step of traces with a PRM')
    .requiredOption('--traces <file>', 'JSONL of vlprm.trace/1 rows; image paths are relative to it')
    .option('--prm <name>', 'PRM: a bundle folder or an endpoint (default: the newest runs/*/prm)');
  return withSharedFlags(withModelFlags(command)).action(
    action<ScoreFlags>(streams, ['prm'], async ({ config, console, signal }, { traces: file }) => {
      const traces = await readTraceFile(file);
      const solutions = await solutionsOf(file, traces);
      const rows = await withKeptCalls({ config, signal }, async (platform) =>
        scoreTraces(await platform.requirePrm(), traces, solutions, { console, signal }),
      );
      const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      if (config.out === undefined) {
        console.result(rows, lines);
        return;
      }
      const target = join(config.out, 'predictions', 'predictions.jsonl');
      await writeFileAtomic(target, lines);
      console.result(
        { predictions: target, traces: traces.length, steps: rows.length },
        `wrote ${rows.length} rows to ${target}`,
      );
    }),
  );
}
