import { reportSchema, type Report } from '../src/report/report-schema.ts';
import { z } from 'zod';

/** What `first-light.ts` writes. */
export const firstLightSchema = z.object({
  schema: z.literal('vlprm.first-light/1'),
  date: z.string(),
  machine: z.object({ cpu: z.string(), cores: z.int() }),
  versions: z.object({ node: z.string() }),
  runs: z.array(z.object({ commandSeconds: z.number(), report: reportSchema })).min(1),
});
export type FirstLight = z.infer<typeof firstLightSchema>;

interface Row {
  readonly name: string;
  readonly figure: (report: Report) => number | null;
  readonly show: (value: number) => string;
}

const decimal = (value: number): string => value.toFixed(3);
const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;

const accuracy =
  (strategy: string, n: number) =>
  ({ tts }: Report): number | null =>
    tts.find((row) => row.strategy === strategy && row.n === n)?.accuracy ?? null;

const ROWS: readonly Row[] = [
  { name: 'one try (pass@1)', figure: accuracy('pass-at-1', 16), show: percent },
  { name: 'majority@16', figure: accuracy('majority', 16), show: percent },
  { name: 'one-shot@8 with the PRM', figure: accuracy('one-shot', 8), show: percent },
  { name: 'guided greedy@8 with the PRM', figure: accuracy('guided-greedy', 8), show: percent },
  { name: 'weighted vote@16 with the PRM', figure: accuracy('weighted-vote', 16), show: percent },
  { name: 'always the best of 16 (oracle)', figure: accuracy('oracle', 16), show: percent },
  { name: 'perception-error F1', figure: ({ prm }) => prm.hybrid.perception.f1, show: decimal },
  { name: '… the same PRM, picture hidden', figure: ({ gates }) => gates.blind.perceptionF1, show: decimal },
  { name: 'reasoning-error F1', figure: ({ prm }) => prm.hybrid.reasoning.f1, show: decimal },
  { name: '… the same PRM, picture hidden', figure: ({ gates }) => gates.blind.reasoningF1, show: decimal },
  { name: 'another picture noticed', figure: ({ gates }) => gates.imageSwap.flagged, show: percent },
  { name: '… false alarms on the own picture', figure: ({ gates }) => gates.imageSwap.flaggedBefore, show: percent },
  { name: 'one edited attribute noticed', figure: ({ gates }) => gates.imageEdit.flagged, show: percent },
];

/** A Markdown table of the median, lowest and highest of each figure over the seeds. Throws where a run lacks a figure. */
export function firstLightTable({ runs }: FirstLight): string {
  const lines = ROWS.map(({ name, figure, show }) => {
    const values = runs.map(({ report }) => {
      const value = figure(report);
      if (value === null) throw new Error(`seed ${report.seed} has no figure for: ${name}`);
      return value;
    });
    values.sort((a, b) => a - b);
    const [low, median, high] = [0, (values.length - 1) >> 1, values.length - 1].map((i) => show(values[i] as number));
    return `| ${name} | **${median}** | ${low} – ${high} |`;
  });
  return ['| | median | lowest – highest |', '|---|---:|---:|', ...lines].join('\n');
}
