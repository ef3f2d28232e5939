import { describeMachine, gitRevision } from '@vlprm/data/storage';
import { z } from 'zod';

/** When and on what something was measured, for the results of every benchmark here. */
export const circumstancesShape = {
  /** ISO 8601. */
  date: z.string(),
  /** Git revision, with `+` where tracked files had changes. */
  commit: z.string().nullable(),
  machine: z.looseObject({ cpu: z.string(), cores: z.int() }),
  versions: z.object({ node: z.string() }),
};
const circumstancesSchema = z.object(circumstancesShape);
type Circumstances = z.infer<typeof circumstancesSchema>;

export async function circumstances(): Promise<Circumstances> {
  return circumstancesSchema.parse({
    date: new Date().toISOString(),
    commit: await gitRevision(import.meta.dirname),
    machine: describeMachine(),
    versions: { node: process.versions.node },
  });
}

/** E.g. `on 2026-11-22, on 2 cores of an AMD EPYC with Node 20.20.2`. */
export function measuredOn({ date, machine: { cores, cpu }, versions }: Circumstances): string {
  return `on ${date.slice(0, 10)}, on ${cores} cores (${cpu}) with Node ${versions.node}`;
}
