import type { RunRecord } from '../records/index.ts';

/** What a run is before it starts. */
export type RunStart = Pick<RunRecord, 'command' | 'config' | 'seed'>;

/** Port: keeps the record of a run. */
export interface RunStore {
  /**
   * Records the start, or takes up an earlier run of the same command, config and seed.
   * ERR_RUN_MISMATCH when the store holds a run of another configuration or seed.
   */
  begin(start: RunStart): Promise<RunRecord>;
  /** Records the end. */
  finish(exit: number): Promise<RunRecord>;
  /** The record, null before the first start. */
  read(): Promise<RunRecord | null>;
}
