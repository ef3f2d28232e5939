import { decimal, duration, percent, points, pointsInterval } from './format-number.ts';
import type { Report, Target } from './report-schema.ts';

/** What targets and findings are derived from. */
export type Measured = Omit<Report, 'findings' | 'gates'> & { gates: Omit<Report['gates'], 'targets' | 'passed'> };

const EPSILON = 1e-9;
/** Draws its own candidates, so the oracle over the shared ones does not bound it. */
const OWN_CANDIDATES: ReadonlySet<string> = new Set(['guided-greedy']);

const atLeast = (value: number | null, limit: number): boolean => value !== null && value >= limit - EPSILON;
const atMost = (value: number | null, limit: number): boolean => value !== null && value <= limit + EPSILON;
const within = (value: number, low: number, high: number): boolean => atLeast(value, low) && atMost(value, high);
const minus = (a: number | null, b: number | null): number | null => (a === null || b === null ? null : a - b);

/** Accuracy of a strategy at n, null when it was not run. */
export function accuracyOf(report: Pick<Report, 'tts'>, strategy: string, n: number): number | null {
  return report.tts.find((row) => row.strategy === strategy && row.n === n)?.accuracy ?? null;
}

function stepTargets({ prm, gates }: Measured): Target[] {
  const { perception, reasoning } = prm.hybrid;
  const aboveBlind = minus(perception.f1, gates.blind.perceptionF1);
  return [
    {
      id: 'perception-f1',
      name: 'Perception-error F1, hybrid labels',
      measured: decimal(perception.f1),
      target: 'at least 0.85',
      passed: atLeast(perception.f1, 0.85),
    },
    {
      id: 'perception-above-blind',
      name: 'Perception-error F1 above the blind PRM',
      measured: decimal(aboveBlind),
      target: 'at least 0.25',
      passed: atLeast(aboveBlind, 0.25),
    },
    {
      id: 'reasoning-f1',
      name: 'Reasoning-error F1, hybrid labels',
      measured: decimal(reasoning.f1),
      target: 'at least 0.70',
      passed: atLeast(reasoning.f1, 0.7),
    },
  ];
}

function sightTargets({ gates }: Measured): Target[] {
  const { imageSwap, imageEdit, blind } = gates;
  const editGain = minus(imageEdit.flagged, blind.imageEditFlagged);
  return [
    {
      id: 'image-swap',
      name: 'Swapped pictures flagged',
      measured: `${percent(imageSwap.flagged)} at ${percent(imageSwap.flaggedBefore)} false alarms`,
      target: 'at least 95% at no more than 5%',
      passed: atLeast(imageSwap.flagged, 0.95) && atMost(imageSwap.flaggedBefore, 0.05),
    },
    {
      id: 'image-edit',
      name: 'One-attribute edits flagged, above the blind PRM',
      measured: `${percent(imageEdit.flagged)} against ${percent(blind.imageEditFlagged)}`,
      target: 'at least 40 points more',
      passed: atLeast(editGain, 0.4),
    },
  ];
}

function answerTargets(report: Measured): Target[] {
  const overOneTry = minus(accuracyOf(report, 'one-shot', 8), accuracyOf(report, 'pass-at-1', 8));
  const vote = report.paired.find((row) => row.a === 'weighted-vote' && row.b === 'majority' && row.n === 16);
  return [
    {
      id: 'one-shot',
      name: 'one-shot@8 over one try',
      measured: `${points(overOneTry)} points`,
      target: 'at least +15 points',
      passed: atLeast(overOneTry, 0.15),
    },
    {
      id: 'weighted-vote',
      name: 'weighted-vote@16 over majority@16',
      measured: `${points(vote?.gain ?? null)} points ${pointsInterval(vote?.ci95 ?? null)}`,
      target: 'interval above 0',
      passed: vote !== undefined && vote.ci95[0] > 0,
    },
    {
      id: 'oracle',
      name: 'No strategy above the oracle on the same samples',
      measured: oracleHolds(report) ? 'none' : 'at least one',
      target: 'none',
      passed: oracleHolds(report),
    },
  ];
}

function oracleHolds(report: Measured): boolean {
  return report.tts.every(({ strategy, n, accuracy }) => {
    if (OWN_CANDIDATES.has(strategy)) return true;
    const bound = accuracyOf(report, 'oracle', n);
    return bound === null || accuracy <= bound + EPSILON;
  });
}

function labelTargets({ synthesis, prm }: Measured): Target[] {
  const { common, labels, veto } = synthesis;
  const lift = (rates: typeof veto.withoutLastStepEvidence): boolean =>
    rates.missedRateDropped !== null &&
    rates.missedRateKept !== null &&
    rates.missedRateDropped >= 2 * rates.missedRateKept;
  const f1 = (rule: keyof typeof prm): number | null => prm[rule].perception.f1;
  const equalSteps = new Set(Object.values(prm).map((row) => row.supervisedSteps)).size === 1;
  return [
    {
      id: 'labels',
      name: 'Hybrid labels beat mc0 and mc50 on shared traces',
      measured: `${pointsInterval(common.hybridMinusMc0Ci95)} and ${pointsInterval(common.hybridMinusMc50Ci95)} points, coverage ${decimal(labels.hybrid.coverage)}`,
      target: 'both intervals above 0, coverage at least 0.94',
      passed:
        common.hybridMinusMc0Ci95[0] > 0 && common.hybridMinusMc50Ci95[0] > 0 && atLeast(labels.hybrid.coverage, 0.94),
    },
    {
      id: 'veto',
      name: 'Missed errors in vetoed traces',
      measured: `${percent(veto.missedRateDropped)} against ${percent(veto.missedRateKept)}; without the last step ${percent(veto.withoutLastStepEvidence.missedRateDropped)} against ${percent(veto.withoutLastStepEvidence.missedRateKept)}`,
      target: 'twice as frequent, both ways',
      passed: lift(veto) && lift(veto.withoutLastStepEvidence) && lift(veto.withoutLastStepErrors),
    },
    {
      id: 'trained-on-hybrid',
      name: 'Perception F1 trained on hybrid, mc0, mc50, judge',
      measured: `${decimal(f1('hybrid'))}, ${decimal(f1('mc0'))}, ${decimal(f1('mc50'))}, ${decimal(f1('judge'))}${equalSteps ? '' : ' on unequal step counts'}`,
      target: '0.10 above both mc, no more than 0.02 below judge, equal steps',
      passed:
        equalSteps &&
        atLeast(minus(f1('hybrid'), f1('mc0')), 0.1) &&
        atLeast(minus(f1('hybrid'), f1('mc50')), 0.1) &&
        atLeast(minus(f1('hybrid'), f1('judge')), -0.02),
    },
  ];
}

function runTargets({ gates: { world }, problems, timings }: Measured): Target[] {
  return [
    {
      id: 'world',
      name: 'World band: pass@1, majority@16, oracle@16',
      measured: `${percent(world.passAt1)}, ${percent(world.majority16)}, ${percent(world.oracle16)}`,
      target: '55 to 75%, 78 to 90%, at least 95%',
      passed: within(world.passAt1, 0.55, 0.75) && within(world.majority16, 0.78, 0.9) && atLeast(world.oracle16, 0.95),
    },
    {
      id: 'judge',
      name: 'Judge names the first error',
      measured: percent(world.judgeFirstErrorAccuracy),
      target: '80 to 90%',
      passed: within(world.judgeFirstErrorAccuracy, 0.8, 0.9),
    },
    {
      id: 'novel',
      name: 'Novel test problems',
      measured: String(problems.testNovel),
      target: 'at least 600',
      passed: problems.testNovel >= 600,
    },
    {
      id: 'time',
      name: 'Time of the run',
      measured: duration(timings.totalSeconds),
      target: 'at most 5 min',
      passed: timings.totalSeconds <= 300,
    },
  ];
}

/** Every limit of first light, held against what was measured. */
export function targetsOf(report: Measured): Target[] {
  return [
    ...stepTargets(report),
    ...sightTargets(report),
    ...answerTargets(report),
    ...labelTargets(report),
    ...runTargets(report),
  ];
}
