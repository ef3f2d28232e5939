import { FAULT_KINDS } from '@vlprm/core/testing';
import { ESTIMATOR_NAMES } from '@vlprm/data/synthesis';
import { z } from 'zod';
import { circumstancesShape } from '../circumstances.ts';

const count = z.int().nonnegative();

/** What `synthesize --format json` says of a run, as far as it is compared. */
export const synthesisResultSchema = z.object({
  hash: z.string(),
  problems: z.object({ done: count, setAside: count, unfinished: count }),
  traces: count,
  kept: count,
  samples: z.record(z.string(), count),
  rollouts: z.record(z.string(), count),
  reviews: z.record(z.string(), count),
  /** Of what was set aside, by error code. */
  rejects: z.record(z.string(), count),
  spent: z.array(z.object({ use: z.string(), usage: z.object({ calls: count }) })),
});

/** One synthesis from its start to its end, however often it was killed in between. */
export const faultedRunSchema = z.object({
  name: z.string(),
  seconds: z.number(),
  kills: count,
  exit: z.int().nullable(),
  hash: z.string(),
  complete: z.boolean(),
  result: synthesisResultSchema.omit({ hash: true, spent: true }),
  calls: z.object({
    /** Requests that the servers got, and of how many contents. */
    requests: count,
    asked: count,
    /** Contents that a filter withheld at every attempt. */
    filtered: count,
    /** Requests for a content that had been answered whole before. */
    repeatedAfterAnswer: count,
    /** Contents that a killed process had asked for and whose answer was not in the ledger, summed over the kills. */
    inFlightAtKills: count,
    /** Calls that the command itself says it has paid. */
    paid: count,
  }),
  faults: z.record(z.string(), count),
  labels: z.object({ labelled: count, fromFailures: count }),
});
export type FaultedRun = z.infer<typeof faultedRunSchema>;

export const verdictSchema = z.object({ claim: z.string(), holds: z.boolean(), measured: z.string() });
export type Verdict = z.infer<typeof verdictSchema>;

export const faultSettingsSchema = z.object({
  problems: count,
  traces: count,
  estimator: z.enum(ESTIMATOR_NAMES),
  rollouts: count,
  seed: count,
  /** Share of the contents that a passing fault befalls, at each of their first attempts. */
  faultShare: z.number(),
  passing: z.array(z.enum(FAULT_KINDS)),
  /** Share of the contents that a filter withholds for ever. */
  filterShare: z.number(),
  kills: count,
  timeoutSeconds: z.number(),
  maxAttempts: count,
  /** Most calls in flight at each of the two servers. */
  maxConcurrency: count,
});
export type FaultSettings = z.infer<typeof faultSettingsSchema>;

/** What `faults.ts` writes. */
export const faultsSchema = z.object({
  schema: z.literal('vlprm.faults/1'),
  ...circumstancesShape,
  settings: faultSettingsSchema,
  seconds: z.number(),
  runs: z.array(faultedRunSchema),
  verdicts: z.array(verdictSchema),
});
export type FaultsResult = z.infer<typeof faultsSchema>;
