import { decimal, percent, points, pointsInterval } from '../../src/report/format-number.ts';
import type { Agreement, Comparison, LabelsResult, Quality, Verdict } from './schema.ts';
import { measuredOn } from '../circumstances.ts';
import { table } from './page.ts';
import { BENCH_RULES, REFERENCE } from './settings.ts';

/** Accuracy, and behind it the coverage where not all traces were kept. */
function accuracyCell(row: Quality | undefined): string {
  if (row === undefined) return '';
  const all = row.coverage === null || row.coverage > 0.9995;
  return `${decimal(row.stepAccuracy)}${all ? '' : ` (${percent(row.coverage, 0)})`}`;
}

const ROLLOUT_RULES = BENCH_RULES.filter((rule) => rule !== 'judge');

function accuracyTable({ quality }: LabelsResult): string {
  const names = [...new Set(quality.map(({ evidence }) => evidence))].filter((name) => name !== 'none');
  const rows = names.map((name) => {
    const own = quality.filter(({ evidence }) => evidence === name);
    const { rolloutsPerTrace, callsPerTrace } = own[0]!.cost;
    const cells = ROLLOUT_RULES.map((rule) => accuracyCell(own.find((row) => row.rule === rule)));
    return [`\`${name}\``, rolloutsPerTrace.toFixed(1), callsPerTrace.toFixed(1), ...cells];
  });
  return table(['evidence', 'rollouts a trace', 'calls a trace', ...ROLLOUT_RULES.map((rule) => `\`${rule}\``)], rows);
}

function ruleTable({ quality }: LabelsResult): string {
  const rows = quality.filter(({ evidence, rule }) => evidence === REFERENCE.name || rule === 'judge');
  const line = ({ rule, coverage, stepAccuracy, stepAccuracyCi95: range, ...row }: Quality): string[] => [
    `\`${rule}\``,
    percent(coverage),
    `${decimal(stepAccuracy)} [${decimal(range?.[0] ?? null)}, ${decimal(range?.[1] ?? null)}]`,
    row.stepAccuracyBySeed.map((value) => decimal(value)).join(' '),
    decimal(row.perceptionF1),
    decimal(row.reasoningF1),
  ];
  return table(['rule', 'kept', 'step accuracy', 'by seed', 'perception F1', 'reasoning F1'], rows.map(line));
}

function agreementTable({ agreement }: LabelsResult): string {
  const line = ({ world, what, evidence, rule, agreement: own, repeated, share }: Agreement): string[] => [
    `\`${evidence}\` on ${world}: ${what} (\`${rule}\`)`,
    decimal(own.value),
    decimal(repeated.value),
    percent(share),
  ];
  return table(['', 'agreement', 'of two exhaustive runs', 'rollouts'], agreement.map(line));
}

function posteriorTable({ posterior: { comparisons, withoutSiblings } }: LabelsResult): string {
  const both = (a: number | null, b: number | null): string => `${decimal(a)} / ${decimal(b)}`;
  const line = (subject: string, { rule, coverage, stepAccuracy, calibration, wins }: Comparison): string[] => [
    `${subject} \`${rule}\``,
    percent(coverage),
    both(stepAccuracy.posterior, stepAccuracy.rule),
    `${points(stepAccuracy.gain.value)} ${pointsInterval(stepAccuracy.gain.ci95)}`,
    `${both(calibration.posterior.brier, calibration.asLabelled.brier)} / ${decimal(calibration.asAudited.brier)}`,
    `${both(calibration.posterior.ece, calibration.asLabelled.ece)} / ${decimal(calibration.asAudited.ece)}`,
    wins ? 'yes' : 'no',
  ];
  const head = ['', 'at coverage', 'step accuracy', 'gain in points', 'Brier', 'ECE', 'wins'];
  return table(head, [
    ...comparisons.map((comparison) => line('`posterior` against', comparison)),
    ...withoutSiblings.map((comparison) => line('without siblings, against', comparison)),
  ]);
}

/** A line for each claim. */
export function verdictList(verdicts: readonly Verdict[]): string {
  return verdicts
    .map(({ claim, holds, measured }) => `- ${holds ? 'reached' : '**missed**'}: ${claim} (${measured})`)
    .join('\n');
}

const rulesWhere = (comparisons: readonly Comparison[], wins: boolean): string =>
  comparisons
    .filter((comparison) => comparison.wins === wins)
    .map(({ rule }) => `\`${rule}\``)
    .join(', ');

function outcome(comparisons: readonly Comparison[]): string {
  const [won, lost] = [rulesWhere(comparisons, true), rulesWhere(comparisons, false)];
  if (lost === '') return `beats ${won}`;
  return won === '' ? `beats none of ${lost}` : `beats ${won}, but not ${lost}`;
}

function defaultText({ posterior: { audits, comparisons, withoutSiblings } }: LabelsResult): string {
  return [
    `With ${audits} audited traces the posterior ${outcome(comparisons)}; without siblings it ${outcome(withoutSiblings)}.`,
    'It needs audits, and in free prose there are hardly any siblings: the default rule stays `hybrid`.',
  ].join(' ');
}

const settingsText = (result: LabelsResult): string => {
  const { settings, traces, seconds } = result;
  const { seeds, puzzles, tracesPerPuzzle, chains, tracesPerChain } = settings;
  const puzzleTraces = `${puzzles} puzzles × ${tracesPerPuzzle} traces each, ${traces} traces in all`;
  return `Seeds ${seeds.join(', ')}: ${puzzleTraces}, and ${chains} simulated chains × ${tracesPerChain} traces each. Measured ${measuredOn(result)}, in ${seconds} s.`;
};

/** Parts of docs/labels.md, by the name between their markers. */
export function labelParts(result: LabelsResult): Readonly<Record<string, string>> {
  return {
    settings: settingsText(result),
    accuracy: accuracyTable(result),
    rules: ruleTable(result),
    agreement: agreementTable(result),
    posterior: posteriorTable(result),
    default: defaultText(result),
    targets: verdictList(result.verdicts),
  };
}
