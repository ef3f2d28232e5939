/** Synthesizes ten counting problems into the ledger named by the first argument, one at a time, telling its progress: a run to kill. */
import { createEvents } from '@vlprm/core/runtime';
import { createAnswerChecker } from '@vlprm/core/text';
import { openSqliteLedger } from '../storage/ledger.ts';
import { synthesize } from '../synthesis/synthesize.ts';
import { countingJudge, countingPolicy, countingProblems } from './counting-world.ts';

const [ledgerPath = '', options = '{}'] = process.argv.slice(2);
const events = createEvents();
events.on('progress', ({ stage, done }) => process.stdout.write(`${stage} ${done}\n`));
await synthesize({
  problems: countingProblems(10),
  policy: countingPolicy({ delayMs: 50 }),
  judges: [countingJudge({ delayMs: 50 })],
  checker: createAnswerChecker(),
  ledger: openSqliteLedger(ledgerPath),
  options: JSON.parse(options) as object,
  events,
});
process.stdout.write('finished\n');
