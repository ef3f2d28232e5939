import { z } from 'zod';

/** A row of `vlprm.bench/1`. `ratio` above 1: ours is better; for `tier: 'floor'` it is the share of the limit reached. */
export const rowSchema = z.object({
  name: z.string(),
  subject: z.string(),
  peer: z.string(),
  tier: z.enum(['best-tuned', 'as-used', 'floor']),
  ratio: z.number().nullable(),
  /** |ratio of the first half of the samples - ratio of the second half| / ratio. */
  spread: z.number().nullable(),
  subjectMedian: z.number().nullable(),
  peerMedian: z.number().nullable(),
  unit: z.string(),
  /** What was done. */
  work: z.string(),
  /** The least ratio that is aimed at. */
  target: z.number().optional(),
  /** Why it was not measured. */
  reason: z.string().optional(),
  /** What else there is to know. */
  note: z.string().optional(),
});
export type Row = z.infer<typeof rowSchema>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Ratio, spread and medians of two series that were measured in turns; less is better. */
export function compare(
  subject: readonly number[],
  peer: readonly number[],
): Pick<Row, 'ratio' | 'spread' | 'subjectMedian' | 'peerMedian'> {
  const ratioOf = (from: number, to: number): number => median(peer.slice(from, to)) / median(subject.slice(from, to));
  const half = subject.length >> 1;
  const ratio = ratioOf(0, subject.length);
  const spread = half === 0 ? null : Math.abs(ratioOf(0, half) - ratioOf(half, subject.length)) / ratio;
  return { ratio, spread, subjectMedian: median(subject), peerMedian: median(peer) };
}
