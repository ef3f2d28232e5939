import type { StepKind } from '@vlprm/core/records';
import { bootstrapTotals } from '@vlprm/core/statistics';
import { isWrong } from '../../src/report/label-quality.ts';
import type { MeasuredSeed } from './measured-seed.ts';
import { probabilityRight, type Reading, type ReadTrace } from './reading.ts';
import type { Comparison, Measured } from './schema.ts';
import type { BenchRule, PosteriorRule } from './settings.ts';

/** P(right) of a step of a trace. */
type Probability = (trace: ReadTrace, reading: Reading, step: number) => number;

/** A trace with what two rules made of it; null where a rule left it out. */
interface Pair {
  readonly trace: ReadTrace;
  readonly posterior: Reading | null;
  readonly rule: Reading | null;
}

const BINS = 10;

const asIs: Probability = (_, reading, step) => probabilityRight(reading, step);

/** Indices of the most confident readings, `count` of them. */
function mostConfident(readings: readonly (Reading | null)[], count: number): Set<number> {
  const order = readings
    .flatMap((reading, i) => (reading?.kept === true ? [{ i, confidence: reading.confidence ?? 0 }] : []))
    .sort((a, b) => b.confidence - a.confidence);
  return new Set(order.slice(0, count).map(({ i }) => i));
}

/** The unaudited traces of one seed; of the posterior's as many as the rule keeps. */
function pairsOf({ traces, evidence }: MeasuredSeed, name: string, rule: BenchRule, subject: PosteriorRule): Pair[] {
  const readings = (of: BenchRule) => evidence.get(name)?.readings[of] ?? [];
  const open = traces.flatMap((trace, i) => {
    const [posterior, other] = [readings(subject)[i], readings(rule)[i]];
    return trace.audited || posterior === undefined || other === undefined ? [] : [{ trace, posterior, other }];
  });
  const kept = open.filter(({ other }) => other.kept).length;
  const chosen = mostConfident(
    open.map(({ posterior }) => posterior),
    kept,
  );
  return open.map(({ trace, posterior, other }, i) => ({
    trace,
    posterior: chosen.has(i) ? posterior : null,
    rule: other.kept ? other : null,
  }));
}

/** Right and wrong are two kinds of labels, as are those of what is seen and of what is concluded. */
const labelKind = (kind: StepKind | null, right: boolean): string => `${kind ?? 'any'}/${right}`;

/** How often labels are right by the audits of a seed, by kind of step and label, with one more of each (Laplace). */
function auditedAccuracy({ traces, evidence, auditWeights }: MeasuredSeed, name: string, rule: BenchRule): Probability {
  const counts = new Map<string, { right: number; all: number }>();
  const mean = traces.length / traces.filter(({ audited }) => audited).length;
  traces.forEach((trace, i) => {
    const reading = evidence.get(name)?.readings[rule]?.[i];
    const weight = auditWeights[i];
    if (weight == null || reading?.kept !== true) return;
    trace.kinds.forEach((kind, step) => {
      const key = labelKind(kind, !isWrong(reading.firstError, step));
      const count = counts.get(key) ?? { right: 1, all: 2 };
      count.all += weight / mean;
      if (!isWrong(trace.trueFirstError, step)) count.right += weight / mean;
      counts.set(key, count);
    });
  });
  return ({ kinds }, { firstError }, step) => {
    const { right, all } = counts.get(labelKind(kinds[step] ?? null, !isWrong(firstError, step))) ?? {
      right: 1,
      all: 2,
    };
    return right / all;
  };
}

interface StepScore {
  readonly p: number;
  readonly right: boolean;
}

function scoresOf(trace: ReadTrace, reading: Reading | null, probability: Probability): StepScore[] {
  if (reading === null) return [];
  return trace.kinds.map((_, step) => ({
    p: probability(trace, reading, step),
    right: !isWrong(trace.trueFirstError, step),
  }));
}

const squaredError = (scores: readonly StepScore[]): number =>
  scores.reduce((sum, { p, right }) => sum + (p - Number(right)) ** 2, 0);

/** Expected calibration error over ten bins of equal width; null without steps. */
export function calibrationError(scores: readonly StepScore[]): number | null {
  if (scores.length === 0) return null;
  const bins = Array.from({ length: BINS }, () => 0);
  for (const { p, right } of scores) bins[Math.min(BINS - 1, Math.floor(p * BINS))]! += p - Number(right);
  return bins.reduce((sum, gap) => sum + Math.abs(gap), 0) / scores.length;
}

function calibration(scores: readonly StepScore[]): { brier: number | null; ece: number | null } {
  return {
    brier: scores.length === 0 ? null : squaredError(scores) / scores.length,
    ece: calibrationError(scores),
  };
}

function countRight(trace: ReadTrace, reading: Reading | null): [number, number] {
  if (reading === null) return [0, 0];
  const agreeing = trace.kinds.filter(
    (_, step) => isWrong(reading.firstError, step) === isWrong(trace.trueFirstError, step),
  );
  return [agreeing.length, trace.kinds.length];
}

/** Difference of two ratios of sums, each trace a row [a, all a, b, all b]; both sides of a group are drawn at once. */
function gain(rows: readonly (readonly number[])[], groups: readonly string[]): Measured {
  const { value, low, high } = bootstrapTotals(
    rows,
    groups,
    (totals) => totals[0]! / totals[1]! - totals[2]! / totals[3]!,
    { seed: 0 },
  );
  return { value, ci95: [low, high], n: rows.length };
}

const isAbove = ({ ci95 }: Measured): boolean => ci95 !== null && ci95[0] > 0;

/**
 * `subject`, a posterior, beside another rule on the evidence of that name. It wins when it labels more steps rightly, its P(right) has
 * the lower Brier score even where the rule's labels are taken for as right as audits found them, both with intervals that
 * leave out zero, and its calibration error is no larger than that of the labels as they are.
 */
export function comparePosterior(
  seeds: readonly MeasuredSeed[],
  name: string,
  rule: BenchRule,
  subject: PosteriorRule = 'posterior',
): Comparison {
  const perSeed = seeds.map((seed) => ({
    pairs: pairsOf(seed, name, rule, subject),
    audited: auditedAccuracy(seed, name, rule),
  }));
  const rows = perSeed.flatMap(({ pairs, audited }) =>
    pairs.map(({ trace, posterior, rule: other }) => ({
      group: trace.group,
      right: [...countRight(trace, posterior), ...countRight(trace, other)],
      own: scoresOf(trace, posterior, asIs),
      labelled: scoresOf(trace, other, asIs),
      audited: scoresOf(trace, other, audited),
    })),
  );
  const groups = rows.map(({ group }) => group);
  const totals = [0, 1, 2, 3].map((column) => rows.reduce((sum, { right }) => sum + (right[column] ?? 0), 0));
  const stepAccuracy = {
    posterior: totals[0]! / totals[1]!,
    rule: totals[2]! / totals[3]!,
    gain: gain(
      rows.map(({ right }) => right),
      groups,
    ),
  };
  const brierGainOverAudited = gain(
    rows.map(({ own, audited }) => [squaredError(audited), audited.length, squaredError(own), own.length]),
    groups,
  );
  const posterior = calibration(rows.flatMap(({ own }) => own));
  const asLabelled = calibration(rows.flatMap(({ labelled }) => labelled));
  const asAudited = calibration(rows.flatMap(({ audited }) => audited));
  const better = isAbove(stepAccuracy.gain) && isAbove(brierGainOverAudited);
  return {
    rule,
    coverage: rows.filter(({ labelled }) => labelled.length > 0).length / rows.length,
    stepAccuracy,
    calibration: { posterior, asLabelled, asAudited, brierGainOverAudited },
    wins: better && (posterior.ece ?? 1) <= (asLabelled.ece ?? 0),
  };
}
