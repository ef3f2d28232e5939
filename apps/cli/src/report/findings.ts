import { decimal, percent, points, pointsInterval } from './format-number.ts';
import type { Finding, Report } from './report-schema.ts';
import { accuracyOf, type Measured } from './targets.ts';

type Verdict = Finding['verdict'];

/** Agrees when the interval lies above zero, disagrees when it lies below. */
function bySign(interval: readonly [number, number]): Verdict {
  if (interval[0] > 0) return 'agrees';
  return interval[1] < 0 ? 'disagrees' : 'undecided';
}

function more(a: number | null, b: number | null, margin: number): Verdict {
  if (a === null || b === null) return 'undecided';
  if (a >= b + margin) return 'agrees';
  return a <= b - margin ? 'disagrees' : 'undecided';
}

/** The larger of two figures; null where one is missing. */
const largest = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : Math.max(a, b);

function labelFindings({ synthesis: { labels, common } }: Measured): Finding[] {
  const reasoning = (rule: 'hybrid' | 'mc50'): number | null => labels[rule].firstError.reasoningF1;
  const zero = common.hybridMinusJudgeCi95.every((bound) => bound === 0);
  return [
    {
      id: 'hybrid-over-mc',
      claim: 'Hybrid labels are better than Monte-Carlo labels.',
      measured: `On all steps of shared traces, accuracy ${pointsInterval(common.hybridMinusMc0Ci95)} points over mc0 and ${pointsInterval(common.hybridMinusMc50Ci95)} over mc50.`,
      verdict: common.hybridMinusMc0Ci95[0] > 0 ? bySign(common.hybridMinusMc50Ci95) : 'disagrees',
    },
    {
      id: 'hybrid-over-mc-reasoning',
      claim: 'That holds for reasoning steps as well.',
      measured: `On reasoning steps whose prefix is right, F1 of wrong steps is ${decimal(reasoning('hybrid'))} with hybrid labels and ${decimal(reasoning('mc50'))} when mc50 speaks by each step's own rollouts.`,
      verdict: more(reasoning('hybrid'), reasoning('mc50'), 0.01),
    },
    {
      id: 'hybrid-over-judge',
      claim: 'Adding Monte-Carlo evidence improves the labels of the judge.',
      measured: zero
        ? `Not the labels it keeps: on shared steps hybrid equals judge, because the rule only drops. What it keeps is cleaner: step accuracy ${decimal(labels.hybrid.stepAccuracy)} at coverage ${decimal(labels.hybrid.coverage)}, against ${decimal(labels.judge.stepAccuracy)}. The union rule gets ${decimal(labels.union.stepAccuracy)} at coverage ${decimal(labels.union.coverage)}.`
        : `On shared steps by ${pointsInterval(common.hybridMinusJudgeCi95)} points.`,
      verdict: zero ? 'undecided' : bySign(common.hybridMinusJudgeCi95),
    },
  ];
}

function trainingFindings({ prm }: Measured): Finding[] {
  const f1 = (rule: keyof Report['prm'], kind: 'perception' | 'reasoning'): number | null => prm[rule][kind].f1;
  return [
    {
      id: 'trained-on-hybrid',
      claim: 'A PRM trained on hybrid labels finds perception errors better than one trained on Monte-Carlo labels.',
      measured: `F1 ${decimal(f1('hybrid', 'perception'))} against ${decimal(f1('mc0', 'perception'))} (mc0) and ${decimal(f1('mc50', 'perception'))} (mc50), each with a threshold from its own labels.`,
      verdict: more(f1('hybrid', 'perception'), largest(f1('mc0', 'perception'), f1('mc50', 'perception')), 0.02),
    },
    {
      id: 'trained-on-hybrid-reasoning',
      claim: 'It also finds reasoning errors better.',
      measured: `F1 ${decimal(f1('hybrid', 'reasoning'))} against ${decimal(f1('mc0', 'reasoning'))} (mc0), ${decimal(f1('mc50', 'reasoning'))} (mc50) and ${decimal(f1('judge', 'reasoning'))} (judge).`,
      verdict: more(f1('hybrid', 'reasoning'), largest(f1('mc0', 'reasoning'), f1('mc50', 'reasoning')), 0.02),
    },
  ];
}

function strategyFindings(report: Measured): Finding[] {
  const gain = (a: string, b: string, n: number) =>
    report.paired.find((row) => row.a === a && row.b === b && row.n === n);
  const oneShot = gain('one-shot', 'step-mean', 8);
  const guided = gain('guided-greedy', 'one-shot', 8);
  const blind = report.gates.blind.oneShot16;
  const findings: Finding[] = [];
  if (oneShot !== undefined) {
    findings.push({
      id: 'one-shot-over-steps',
      claim: 'Scoring the whole solution once selects better than the mean of its step scores.',
      measured: `one-shot@8 − step-mean@8: ${points(oneShot.gain)} points ${pointsInterval(oneShot.ci95)}.`,
      verdict: bySign(oneShot.ci95),
    });
  }
  if (guided !== undefined) {
    findings.push({
      id: 'one-shot-over-guided',
      claim: 'Scoring the whole solution once beats greedy guidance step by step.',
      measured: `guided-greedy@8 − one-shot@8: ${points(guided.gain)} points ${pointsInterval(guided.ci95)}.`,
      verdict: bySign([-guided.ci95[1], -guided.ci95[0]]),
    });
  }
  findings.push({
    id: 'needs-sight',
    claim: 'The gain comes from looking at the picture.',
    measured: `one-shot@16 answers ${percent(accuracyOf(report, 'one-shot', 16))} right with sight and ${percent(blind)} without, one try alone ${percent(accuracyOf(report, 'pass-at-1', 1))}.`,
    verdict: more(accuracyOf(report, 'one-shot', 16), blind, 0.02),
  });
  return findings;
}

/** Claims of the paper beside what this run shows, those that it does not confirm included. */
export function findingsOf(report: Measured): Finding[] {
  return [...labelFindings(report), ...trainingFindings(report), ...strategyFindings(report)];
}
