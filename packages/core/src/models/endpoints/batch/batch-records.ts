import { z } from 'zod';
import { NO_USAGE } from '../../../records/index.ts';
import { contentHash } from '../../../runtime/content-hash.ts';
import type { LedgerAccess } from '../../../runtime/ledger.ts';
import { parseRecord } from '../../../runtime/parse-record.ts';

const RECORD_SCHEMA = 'vlprm.batch/1';

/** A file of requests that the service has, from before its batch is created: by it the batch is found again. */
const batchRecordSchema = z.object({
  fileId: z.string().min(1),
  /** Unix time in seconds, by the clock of the service; null when it did not tell. */
  uploadedAt: z.number().nullable(),
  /** `custom_id` of each line, in order. */
  ids: z.array(z.string()),
});
export type BatchRecord = z.infer<typeof batchRecordSchema>;

/** The files that were uploaded for one model of one service, in the ledger. */
export interface BatchRecords {
  /** All of earlier processes, oldest first. To be called first. */
  load(): Promise<BatchRecord[]>;
  add(record: BatchRecord): Promise<void>;
}

/** @param owner who uploads: one queue of a process at a time */
export function batchRecords(ledger: LedgerAccess, owner: { endpoint: string; model: string }): BatchRecords {
  let count = 0;
  const keyOf = (number: number): string => contentHash({ schema: RECORD_SCHEMA, ...owner, number });
  return {
    async load() {
      const records: BatchRecord[] = [];
      for (;;) {
        const key = keyOf(count);
        const entry = await ledger.get(key);
        if (entry === null) return records;
        records.push(parseRecord(batchRecordSchema, entry.value, `ledger key ${key}`));
        count += 1;
      }
    },
    async add(record) {
      await ledger.put({ key: keyOf(count++), stage: 'batch', value: record, usage: NO_USAGE });
    },
  };
}
