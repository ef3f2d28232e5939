import type { ImageRef, Reject, Trace } from '@vlprm/core/records';

/** Licence of a source that states none. */
export const NOT_STATED = 'not stated';

/** What was read from the files of another project: the rows that could be used, and every row that could not. */
export interface ImportedDataset {
  readonly traces: readonly Trace[];
  /** Bytes of the images that the traces name. */
  readonly image: (image: ImageRef) => Uint8Array;
  /** One entry a row that was set aside, `where` names its file and line. */
  readonly rejects: readonly Reject[];
  /** Rows read by file; null for a file that is not there. */
  readonly rows: Readonly<Record<string, number | null>>;
  /** What the conversion cannot carry over, or cannot know, a sentence each. */
  readonly losses: readonly string[];
  /** Licence of each source, as a dataset's manifest has it, or {@link NOT_STATED}. */
  readonly licenses: Readonly<Record<string, string>>;
}
