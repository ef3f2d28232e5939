/**
 * Calls a service once for each number below `count`, through a gateway with a ledger in a file, and tells each answer
 * once it has it: a run to kill. Arguments: address of the service, ledger, count, calls in flight.
 */
import { createGateway, createReplicaPool } from '@vlprm/core/runtime';
import { z } from 'zod';
import { openSqliteLedger } from '../storage/ledger.ts';

const [url = '', ledgerPath = '', count = '0', inFlight = '1'] = process.argv.slice(2);
const answerSchema = z.object({ square: z.int() });
const limits = { weight: 1, requestsPerMinute: null, tokensPerMinute: null };
const pool = createReplicaPool([{ name: 'a', replica: url, maxConcurrency: Number(inFlight), ...limits }]);
const ledger = openSqliteLedger(ledgerPath);
const gateway = createGateway({ pool, ledger });

async function tell(number: number): Promise<void> {
  const { answer } = await gateway.call({
    stage: 'call/policy',
    model: 'squares',
    content: { operation: 'square', number },
    affinity: '',
    estimate: { promptTokens: 1, completionTokens: 1 },
    answerSchema,
    send: async (base, { signal }) => {
      const response = await fetch(`${base}/${number}`, { signal });
      const usage = { calls: 1, promptTokens: 1, completionTokens: 1, usd: null };
      return { answer: answerSchema.parse(await response.json()), usage, quota: null };
    },
  });
  process.stdout.write(`${number} ${answer.square}\n`);
}

await Promise.all(Array.from({ length: Number(count) }, (_, number) => tell(number)));
await gateway.close();
await ledger.close();
