import { join } from 'node:path';
import type { Audit, Trace } from '@vlprm/core/records';
import { VlprmError, writeFileAtomic } from '@vlprm/core/runtime';
import type { Dataset } from '@vlprm/data/storage';
import { Command } from 'commander';
import { withKnownFindings, writeAudits } from '../audit/audit-file.ts';
import { auditPage, type AuditedTrace } from '../audit/audit-page.ts';
import { dataUrlsOf } from '../audit/data-urls.ts';
import { auditWith, type ModelAudit } from '../audit/model-auditor.ts';
import { grouped } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';
import { action, DEFAULT_SEED, type CommandContext, type Streams } from './command-context.ts';
import { integerFlag, withModelFlags, withSharedFlags, type ModelFlags, type SharedFlags } from './flags.ts';
import { withKeptCalls } from './platform.ts';

const DEFAULT_PICKS = 200;

interface AuditFlags extends SharedFlags, ModelFlags {
  readonly n: number;
  readonly auditor?: string;
}

interface AuditResult {
  readonly traces: number;
  readonly picked: number;
  readonly filled: number;
  readonly strata: Readonly<Record<string, number>>;
  /** What the auditing model did not fill in, and why. */
  readonly failures: ModelAudit['failures'];
  readonly file: string;
  readonly page: string;
}

function countStrata(audits: readonly Audit[]): Record<string, number> {
  const strata: Record<string, number> = {};
  for (const { stratum } of audits) strata[stratum] = (strata[stratum] ?? 0) + 1;
  return Object.fromEntries(Object.entries(strata).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function pair(audits: readonly Audit[], traces: readonly Trace[]): AuditedTrace[] {
  const byId = new Map(traces.map((trace) => [trace.id, trace]));
  return audits.map((audit) => ({ audit, trace: byId.get(audit.traceId) as Trace }));
}

/** As they are when nobody is to fill them in. */
async function filledBy(
  auditor: string | undefined,
  picked: readonly AuditedTrace[],
  dataset: Dataset,
  context: CommandContext,
): Promise<ModelAudit> {
  if (auditor === undefined) return { audits: picked.map(({ audit }) => audit), failures: [] };
  const { config, console, signal } = context;
  const options = { seed: config.seed ?? DEFAULT_SEED, events: console.events, signal };
  return withKeptCalls({ ...context, config: { ...config, judge: [auditor] } }, async (platform) =>
    auditWith(await platform.judge(), picked, dataset, options),
  );
}

function auditText({ traces, picked, filled, strata, failures, file, page }: AuditResult): string {
  const table = textTable(
    [{ title: 'Audit' }, { title: `${grouped(picked)} of ${grouped(traces)} traces`, align: 'right' }],
    [
      ...Object.entries(strata).map(([stratum, count]) => [stratum, grouped(count)]),
      ['filled in', grouped(filled)],
      ['not filled in', grouped(picked - filled)],
    ],
  );
  const failed = failures.slice(0, 10).map(({ traceId, reason }) => `- ${traceId}: ${reason}`);
  const told =
    failures.length === 0 ? '' : `The auditor failed on ${grouped(failures.length)}:\n${failed.join('\n')}\n\n`;
  const next = filled === picked ? '' : `open ${page} in a browser, decide, and download the filled file\n`;
  return `${table}\n\n${told}wrote ${file} and ${page}\n${next}`;
}

/** `vlprm audit`: which traces to look at, and a page to look at them. */
export function auditCommand(streams: Streams): Command {
  const command = new Command('audit')
    .description(
      'pick traces whose labels are worth checking; a page for a person, or a stronger model, fills in the file',
    )
    .argument('<dir>', 'run or dataset folder')
    .option('--n <n>', `traces to pick (default: ${DEFAULT_PICKS})`, integerFlag('--n', 1), DEFAULT_PICKS)
    .option('--auditor <name>', 'model that fills in the file: an endpoint that has not judged these traces');
  return withSharedFlags(withModelFlags(command)).action(
    action<AuditFlags>(streams, [], async (context, { n, auditor }, [dir = '.']) => {
      const { config, console } = context;
      const { pickAudits } = await import('@vlprm/data/consensus');
      const { openDataset, readTraces } = await import('@vlprm/data/storage');
      const out = config.out;
      if (out === undefined) {
        throw new VlprmError('ERR_USAGE', 'audit needs a folder to write to', { fix: 'give --out DIR' });
      }
      const [file, page] = [join(out, 'audit.jsonl'), join(out, 'audit.html')];
      const dataset = await openDataset(dir);
      const traces = await readTraces(dataset);
      const picks = await withKnownFindings(file, pickAudits(traces, { n, seed: config.seed ?? DEFAULT_SEED }));
      const { audits, failures } = await filledBy(auditor, pair(picks, traces), dataset, context);
      const picked = pair(audits, traces);
      const pictures = await dataUrlsOf(
        dataset,
        picked.map(({ trace }) => trace),
      );
      await writeAudits(file, audits);
      await writeFileAtomic(page, auditPage(picked, pictures));
      const result: AuditResult = {
        traces: traces.length,
        picked: audits.length,
        filled: audits.filter(({ finding }) => finding !== null).length,
        strata: countStrata(audits),
        failures,
        file,
        page,
      };
      console.result(result, auditText(result));
    }),
  );
}
