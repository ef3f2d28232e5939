import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { VlprmError } from '../../../runtime/errors.ts';
import { systemClock } from '../../../runtime/flow/index.ts';
import { ServiceError } from '../../../runtime/gateway/index.ts';
import { createMemoryLedger } from '../../../runtime/ledger.ts';
import { Batch, type BatchSurroundings } from './batch.ts';
import type { BatchApi } from './batch-api.ts';
import { BatchFile, type BatchLine } from './batch-file.ts';
import { batchRecords } from './batch-records.ts';
import { readRow } from './batch-rows.ts';
import { BatchSlots } from './batch-slots.ts';
import { batchStateSchema } from './batch-state.ts';

const KINDS = ['answered', 'refused', 'null', 'empty', 'missing', 'cut', 'no-completion'] as const;
type Kind = (typeof KINDS)[number];

function rowOf(id: string, kind: Kind): string[] {
  const row = (response: unknown, error: unknown = null) => JSON.stringify({ custom_id: id, response, error });
  const answered = row({ status_code: 200, body: { choices: [{ text: id }] } });
  switch (kind) {
    case 'answered':
      return [answered];
    case 'refused':
      return [row({ status_code: 429, body: { error: { message: `no ${id}` } } })];
    case 'null':
      return [row(null)];
    case 'empty':
      return [row({ status_code: 200, body: null })];
    case 'no-completion':
      return [row({ status_code: 200, body: { text: '' } })];
    case 'missing':
      return [];
    case 'cut':
      return [answered.slice(0, -7)];
  }
}

const placeFrom = (order: Iterator<number>): number => Number(order.next().value);

/** A service that has one batch: it has ended, and these are the files of its answers. */
function serviceWith(files: readonly (readonly string[])[], status: string): BatchApi {
  const state = batchStateSchema.parse({
    id: 'batch_1',
    status,
    input_file_id: 'file_1',
    output_file_id: '0',
    error_file_id: '1',
  });
  return {
    upload: async () => ({ fileId: 'file_1', uploadedAt: null }),
    create: async () => state,
    find: async () => state,
    retrieve: async () => state,
    readLines: async (file, begin) => files[Number(file)]!.forEach(begin()),
    failureOf: ({ message }) => new ServiceError('ERR_REQUEST_REFUSED', message),
  };
}

const OPEN = batchStateSchema.parse({ id: 'batch_1', status: 'in_progress', input_file_id: 'file_1' });

const surroundings = (api: BatchApi): BatchSurroundings => ({
  api,
  records: batchRecords(createMemoryLedger(), { endpoint: 'e', model: 'm' }),
  slots: new BatchSlots(1, () => undefined),
  where: 'here',
  pollMs: 1,
  clock: systemClock,
  warn: () => undefined,
  answered: () => undefined,
  ended: () => undefined,
});

it.each(['completed', 'in_progress'])(
  'a request that comes when its row has passed is asked again, and not anew (%s)',
  async (status) => {
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const ended = serviceWith([['r0', 'r1'].flatMap((id) => rowOf(id, 'answered')), []], 'completed');
    const api: BatchApi = {
      ...ended,
      find: async (...asked) => (status === 'completed' ? ended.find(...asked) : OPEN),
      retrieve: () => ended.retrieve('batch_1', new AbortController().signal),
      readLines: async (...reading) => {
        await ended.readLines(...reading);
        await gate;
      },
    };
    const record = { fileId: 'file_1', uploadedAt: null, ids: ['r0', 'r1'] };
    const batch = new Batch({ record }, surroundings(api));
    const { signal } = new AbortController();
    const inTime = batch.outcome('r0', signal);
    const run = batch.run();
    expect(await inTime).toMatchObject({ ok: true });
    const late = batch.outcome('r1', signal);
    goOn();
    await run;
    expect(await late).toBeNull();
    expect(batch.hasSettled('r1')).toBe(false);
  },
);

describe('whatever the order of the rows and the files that they stand in', () => {
  const requests = fc.array(
    fc.record({ kind: fc.constantFrom(...KINDS), twice: fc.boolean(), inErrors: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  const statuses = fc.constantFrom('completed', 'expired', 'cancelled', 'canceled', 'failed', 'paused');

  test.prop([requests, statuses, fc.infiniteStream(fc.nat())])(
    'every request gets its own answer or refusal, or a typed error, once',
    async (kinds, status, order) => {
      const file = new BatchFile({ maxRequests: 100, maxBytes: 1e6 });
      const rows = kinds.flatMap(({ kind, twice, inErrors }, i) => {
        file.add({ id: `r${i}`, text: '{}', tokens: 1 });
        return Array.from({ length: twice ? 2 : 1 }, () => rowOf(`r${i}`, kind)).flatMap((lines) =>
          lines.map((line) => ({ line, file: inErrors ? 1 : 0, place: placeFrom(order) })),
        );
      });
      rows.push({ line: rowOf('nobody', 'answered')[0]!, file: 0, place: placeFrom(order) });
      rows.sort((a, b) => a.place - b.place);
      const files = [0, 1].map((number) => rows.filter((row) => row.file === number).map(({ line }) => line));
      const batch = new Batch(file, surroundings(serviceWith(files, status)));
      const outcomes = kinds.map((_, i) => batch.outcome(`r${i}`, new AbortController().signal));
      const settled = Promise.allSettled(outcomes);
      await batch.run();
      for (const [i, outcome] of (await settled).entries()) {
        const { kind } = kinds[i]!;
        if (kind === 'answered')
          expect(outcome).toMatchObject({ value: { ok: true, json: { choices: [{ text: `r${i}` }] } } });
        else if (kind === 'refused') expect(outcome).toMatchObject({ value: { ok: false, failed: { status: 429 } } });
        else expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_BATCH_FAILED' } });
        if (outcome.status === 'rejected') expect(VlprmError.is(outcome.reason)).toBe(true);
        expect(batch.hasSettled(`r${i}`)).toBe(true);
      }
    },
  );
});

describe('an error without a response', () => {
  it.each([
    ['rate_limit_exceeded', 429],
    ['invalid_request', 400],
    ['server_error', 500],
  ])('of code %s is a refusal with status %i', (code, status) => {
    const row = readRow(JSON.stringify({ custom_id: 'a', response: null, error: { code, message: 'no' } }));
    expect(row).toMatchObject({
      id: 'a',
      outcome: { ok: false, failed: { status, body: expect.stringContaining('no') as string } },
    });
  });

  it.each(['batch_expired', 'batch_cancelled', 'batch_canceled'])(
    'of code %s is a request that was never tried',
    (code) => {
      const row = readRow(JSON.stringify({ custom_id: 'a', response: null, error: { code, message: 'too late' } }));
      expect(row).toEqual({ id: 'a', outcome: { ok: null, reason: 'too late' } });
    },
  );
});

const lines = fc.uniqueArray(
  fc.record({ id: fc.uuid(), text: fc.string({ unit: 'binary', maxLength: 40 }), tokens: fc.nat(50) }),
  { selector: ({ id }) => id, maxLength: 60 },
);

test.prop([
  lines,
  fc.integer({ min: 1, max: 8 }),
  fc.integer({ min: 200, max: 400 }),
  fc.integer({ min: 50, max: 120 }),
])(
  'files hold every request once, and none passes a limit of count, bytes or tokens',
  (requests: BatchLine[], maxRequests, maxBytes, maxTokens) => {
    const limits = { maxRequests, maxBytes, maxTokens };
    const files = [new BatchFile(limits)];
    for (const line of requests) {
      if (!files.at(-1)!.hasRoomFor(line)) files.push(new BatchFile(limits));
      files.at(-1)!.add(line);
    }
    expect(files.flatMap(({ ids }) => ids)).toEqual(requests.map(({ id }) => id));
    const tokens = new Map(requests.map((line) => [line.id, line.tokens]));
    for (const file of files) {
      expect(file.size).toBeLessThanOrEqual(maxRequests);
      expect(Buffer.byteLength(file.text)).toBeLessThanOrEqual(maxBytes);
      expect(file.ids.reduce((sum, id) => sum + tokens.get(id)!, 0)).toBeLessThanOrEqual(maxTokens);
    }
  },
);
