import { decimal, duration, NOT_MEASURED, percent, points, pointsInterval } from './format-number.ts';
import type { MissedErrors, Report, Target } from './report-schema.ts';

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
      name: 'Perception-error F1',
      measured: decimal(perception.f1),
      target: '≥ 0.85',
      passed: atLeast(perception.f1, 0.85),
    },
    {
      id: 'perception-above-blind',
      name: 'Perception-error F1 over the blind PRM',
      measured: aboveBlind === null ? NOT_MEASURED : `+${decimal(aboveBlind)}`.replace('+-', '−'),
      target: '≥ +0.25',
      passed: atLeast(aboveBlind, 0.25),
    },
    {
      id: 'reasoning-f1',
      name: 'Reasoning-error F1',
      measured: decimal(reasoning.f1),
      target: '≥ 0.70',
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
      name: 'Picture swap flagged (false alarms)',
      measured: `${percent(imageSwap.flagged)} (${percent(imageSwap.flaggedBefore)})`,
      target: '≥ 95% (≤ 5%)',
      passed: atLeast(imageSwap.flagged, 0.95) && atMost(imageSwap.flaggedBefore, 0.05),
    },
    {
      id: 'image-edit',
      name: 'One-attribute edit flagged (blind PRM)',
      measured: `${percent(imageEdit.flagged)} (${percent(blind.imageEditFlagged)})`,
      target: '≥ blind + 40 points',
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
      name: 'one-shot@8 over pass@1, points',
      measured: points(overOneTry),
      target: '≥ +15',
      passed: atLeast(overOneTry, 0.15),
    },
    {
      id: 'weighted-vote',
      name: 'weighted-vote@16 over majority@16, points',
      measured: vote === undefined ? NOT_MEASURED : `${points(vote.gain)} ${pointsInterval(vote.ci95)}`,
      target: 'interval above 0',
      passed: vote !== undefined && vote.ci95[0] > 0,
    },
    {
      id: 'oracle',
      name: 'Strategies above the oracle',
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

/** Missed errors are at least twice as frequent among dropped traces. */
function doubles({ missedRateDropped, missedRateKept }: MissedErrors): boolean {
  return missedRateDropped !== null && missedRateKept !== null && missedRateDropped >= 2 * missedRateKept;
}

const rates = ({ missedRateDropped, missedRateKept }: MissedErrors): string =>
  `${percent(missedRateDropped)} : ${percent(missedRateKept)}`;

function labelTargets({ synthesis: { common, labels, veto } }: Measured): Target[] {
  const { withoutLastStepEvidence, withoutLastStepErrors } = veto;
  return [
    {
      id: 'labels',
      name: 'Hybrid labels over mc0 and mc50, points',
      measured: `${pointsInterval(common.hybridMinusMc0Ci95)} ${pointsInterval(common.hybridMinusMc50Ci95)}`,
      target: 'intervals above 0',
      passed: common.hybridMinusMc0Ci95[0] > 0 && common.hybridMinusMc50Ci95[0] > 0,
    },
    {
      id: 'coverage',
      name: 'Coverage of hybrid labels',
      measured: decimal(labels.hybrid.coverage),
      target: '≥ 0.94',
      passed: atLeast(labels.hybrid.coverage, 0.94),
    },
    {
      id: 'veto',
      name: 'Missed errors, vetoed : kept',
      measured: rates(veto),
      target: '≥ 2 : 1',
      passed: doubles(veto),
    },
    {
      id: 'veto-without-last-step',
      name: 'The same without the last step',
      measured: rates(withoutLastStepEvidence),
      target: '≥ 2 : 1',
      passed: doubles(withoutLastStepEvidence) && doubles(withoutLastStepErrors),
    },
  ];
}

function trainingTargets({ prm }: Measured): Target[] {
  const f1 = (rule: keyof typeof prm): number | null => prm[rule].perception.f1;
  const equalSteps = new Set(Object.values(prm).map((row) => row.supervisedSteps)).size === 1;
  return [
    {
      id: 'trained-on-hybrid',
      name: 'Perception F1 by labels: hybrid, mc0, mc50, judge',
      measured: `${decimal(f1('hybrid'))}, ${decimal(f1('mc0'))}, ${decimal(f1('mc50'))}, ${decimal(f1('judge'))}`,
      target: '≥ mc + 0.10, judge − 0.02',
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
      name: 'World: pass@1, majority@16, oracle@16',
      measured: `${percent(world.passAt1)}, ${percent(world.majority16)}, ${percent(world.oracle16)}`,
      target: '55–75%, 78–90%, ≥ 95%',
      passed: within(world.passAt1, 0.55, 0.75) && within(world.majority16, 0.78, 0.9) && atLeast(world.oracle16, 0.95),
    },
    {
      id: 'judge',
      name: 'World: judge names the first error',
      measured: percent(world.judgeFirstErrorAccuracy),
      target: '80–90%',
      passed: within(world.judgeFirstErrorAccuracy, 0.8, 0.9),
    },
    {
      id: 'novel',
      name: 'Novel test problems',
      measured: String(problems.testNovel),
      target: '≥ 600',
      passed: problems.testNovel >= 600,
    },
    {
      id: 'time',
      name: 'Time of the run',
      measured: duration(timings.totalSeconds),
      target: '≤ 5 min',
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
    ...trainingTargets(report),
    ...runTargets(report),
  ];
}
