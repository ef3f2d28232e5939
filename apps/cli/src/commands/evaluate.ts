import { readJsonl } from '@vlprm/core/runtime';
import { VlprmError, writeJsonAtomic } from '@vlprm/core/runtime';
import type { Trace } from '@vlprm/core/records';
import type { SuiteResult, SuiteThreshold } from '@vlprm/train/evaluation';
import { Command, Option } from 'commander';
import { join } from 'node:path';
import { z } from 'zod';
import { decimal, decimalInterval } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type CommandContext, type Streams } from './command-context.ts';
import { numberFlag, withModelFlags, withSharedFlags, type ModelFlags, type SharedFlags } from './flags.ts';
import { withKeptCalls } from './platform.ts';
import { scoreTraces } from './score.ts';
import { readTraceFile, solutionsOf } from './trace-file.ts';

const SUITES = ['visualprocessbench', 'processbench', 'traces'] as const;

interface EvaluateFlags extends SharedFlags, ModelFlags {
  readonly suite: (typeof SUITES)[number];
  readonly data: string;
  readonly predictions?: string;
  readonly prm?: string;
  readonly threshold?: number;
}

interface Scores {
  readonly scores: ReadonlyMap<string, readonly number[]>;
  readonly threshold: SuiteThreshold | null;
}

async function readPredictions(file: string): Promise<Scores> {
  const { scoresById } = await import('@vlprm/train/evaluation');
  const rows: { value: unknown; where: string }[] = [];
  for await (const { line, value } of readJsonl(file, z.unknown())) rows.push({ value, where: `${file}:${line}` });
  return { scores: scoresById(rows), threshold: null };
}

async function scoreWithPrm(file: string, traces: readonly Trace[], context: CommandContext): Promise<Scores> {
  const solutions = await solutionsOf(file, traces);
  return withKeptCalls(context, async (platform) => {
    const { scoresById } = await import('@vlprm/train/evaluation');
    const prm = await platform.requirePrm();
    const rows = await scoreTraces(prm, traces, solutions, context);
    return {
      scores: scoresById(rows.map((value) => ({ value, where: `score of trace ${value.traceId}` }))),
      threshold: { value: prm.threshold, chosenOn: `the bundle ${prm.name}` },
    };
  });
}

function resultText(result: SuiteResult): string {
  const rows = Object.entries(result.metrics).map(([name, value]) => [
    name,
    decimal(value),
    decimalInterval(result.ci95[name] ?? null),
  ]);
  const { value, chosenOn } = result.threshold;
  const table = textTable([{ title: result.suite }, { title: 'value', align: 'right' }, { title: '95%' }], rows);
  return `${table}\n\n${result.n} solutions, threshold ${decimal(value)} (${chosenOn})\n`;
}

/** `vlprm evaluate`: predictions, or a PRM, on labelled traces; metrics with intervals. */
export function evaluateCommand(streams: Streams): Command {
  const command = new Command('evaluate')
    .description('measure a PRM, or predictions of one, on labelled traces')
    .addOption(new Option('--suite <name>', 'whose definitions').choices(SUITES).makeOptionMandatory())
    .requiredOption('--data <file>', "JSONL: labelled vlprm.trace/1 rows, or the suite's own")
    .addOption(
      new Option('--predictions <file>', 'JSONL: {"id", "scores"} or vlprm.prediction/1 rows').conflicts('prm'),
    )
    .option('--prm <name>', 'PRM to score with: a bundle folder or an endpoint (default: the newest runs/*/prm)')
    .option('--threshold <p>', 'a step is called wrong below it', numberFlag('--threshold', 0, 1));
  return withSharedFlags(withModelFlags(command)).action(
    action<EvaluateFlags>(streams, ['prm'], async (context, { suite, data, predictions, threshold }) => {
      const { config, console } = context;
      const { evaluateSuite, itemsFromTraces } = await import('@vlprm/train/evaluation');
      const traces = await readTraceFile(data, suite);
      const scored =
        predictions === undefined ? await scoreWithPrm(data, traces, context) : await readPredictions(predictions);
      const chosen = threshold === undefined ? scored.threshold : { value: threshold, chosenOn: '--threshold' };
      const result = evaluateSuite({
        suite,
        items: itemsFromTraces(traces),
        scores: scored.scores,
        ...(chosen === null ? {} : { threshold: chosen }),
        bootstrap: { seed: config.seed ?? DEFAULT_SEED },
      });
      if (result.steps === 0) {
        throw new VlprmError('ERR_DATASET_INVALID', 'no step of the data is labelled', {
          where: data,
          fix: 'label it first with `vlprm label`',
        });
      }
      if (config.out !== undefined) await writeJsonAtomic(join(config.out, 'evaluation.json'), result);
      console.result(result, resultText(result));
    }),
  );
}
