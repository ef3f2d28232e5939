import type { DatasetManifest } from '@vlprm/core/records';
import type { SynthesisSummary } from '@vlprm/data/synthesis';
import { grouped, percent } from '../report/format-number.ts';
import { textTable } from '../terminal/table.ts';

/** `1 200, 3 failed, 2 unparsable`: how many were asked for, or how many came to nothing and why. */
const counts = (parts: Readonly<Record<string, number>>): string =>
  Object.entries(parts)
    .map(([name, count]) => `${grouped(count)} ${name}`)
    .join(', ');

/** Counts of a synthesis: what was asked for, what failed, what could not be read, what was set aside. */
export function synthesisText(summary: SynthesisSummary, rule: string): string {
  const { problems, traces, kept, samples, rollouts, reviews, rejects, reasons } = summary;
  const share = percent(traces === 0 ? null : kept / traces);
  const setAside = Object.entries(rejects).map(([code, count]) => [`set aside, ${code}`, grouped(count)]);
  const rows = [
    ['problems', counts({ done: problems.done, 'set aside': problems.setAside, unfinished: problems.unfinished })],
    ['samples', counts({ failed: samples.failed, unreadable: samples.unreadable })],
    ['traces', `${grouped(traces)}, ${grouped(kept)} kept (${share})`],
    ['rollouts', `${grouped(rollouts.total)}, ${counts({ failed: rollouts.failed, unparsable: rollouts.unparsable })}`],
    ['reviews', `${grouped(reviews.total)}, ${counts({ failed: reviews.failed, unparsable: reviews.unparsable })}`],
    ...setAside,
    ...Object.entries(reasons).map(([reason, count]) => [reason, grouped(count)]),
  ];
  return `${textTable([{ title: 'Dataset' }, { title: rule }], rows)}\n`;
}

/** Where everything went. */
export function writtenText(folder: string, manifest: DatasetManifest, rejects: string): string {
  const files = manifest.files.map((file) => file.path).join(', ');
  return `\nwrote ${folder}: ${files}\nwrote ${rejects}\n`;
}
