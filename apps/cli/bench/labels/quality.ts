import { labelRow } from '../../src/report/label-quality.ts';
import type { MeasuredSeed } from './measured-seed.ts';
import type { Cost, Quality } from './schema.ts';
import { REFERENCE, type BenchRule, type EvidencePlan } from './settings.ts';

const NO_COST: Cost = { rollouts: 0, calls: 0, rolloutsPerTrace: 0, callsPerTrace: 0, shareOfRollouts: 0 };

function totalOf(seeds: readonly MeasuredSeed[], name: string): { rollouts: number; calls: number } {
  const all = seeds.map(({ evidence }) => evidence.get(name));
  return {
    rollouts: all.reduce((sum, one) => sum + (one?.rollouts ?? 0), 0),
    calls: all.reduce((sum, one) => sum + (one?.calls ?? 0), 0),
  };
}

/** What an estimator asked for over all seeds. */
export function costOf(seeds: readonly MeasuredSeed[], name: string): Cost {
  const traces = seeds.reduce((sum, one) => sum + one.traces.length, 0);
  const { rollouts, calls } = totalOf(seeds, name);
  return {
    rollouts,
    calls,
    rolloutsPerTrace: rollouts / traces,
    callsPerTrace: calls / traces,
    shareOfRollouts: rollouts / totalOf(seeds, REFERENCE.name).rollouts,
  };
}

/** Traces of one seed that were not audited, with what a rule made of them. */
function judged({ traces, evidence }: MeasuredSeed, plan: EvidencePlan, rule: BenchRule) {
  const readings = evidence.get(plan.name)?.readings[rule] ?? [];
  return traces.flatMap((trace, i) => {
    const reading = readings[i];
    if (trace.audited || reading === undefined) return [];
    const { group: groupId, kinds, trueFirstError } = trace;
    return [{ groupId, kinds, trueFirstError, verdicts: { label: reading } }];
  });
}

/** Labels of a rule from the evidence of a plan against the truth, over all seeds. Intervals resample groups. */
export function measureQuality(seeds: readonly MeasuredSeed[], plan: EvidencePlan, rule: BenchRule): Quality {
  const perSeed = seeds.map((one) => judged(one, plan, rule));
  const row = labelRow(perSeed.flat(), 'label', 0);
  const { kept, coverage, stepAccuracy, stepAccuracyCi95, perceptionF1, reasoningF1 } = row;
  return {
    evidence: rule === 'judge' ? 'none' : plan.name,
    estimator: rule === 'judge' ? 'none' : plan.estimator,
    rule,
    cost: rule === 'judge' ? NO_COST : costOf(seeds, plan.name),
    kept,
    coverage,
    stepAccuracy,
    stepAccuracyCi95,
    stepAccuracyBySeed: perSeed.map((traces) => labelRow(traces, 'label', 0).stepAccuracy),
    perceptionF1,
    reasoningF1,
  };
}
