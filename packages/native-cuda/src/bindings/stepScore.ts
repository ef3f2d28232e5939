import { HIDDEN_DTYPES } from '../ops/hiddenRows.ts';
import { AGGREGATES, type StepScorePlan } from '../ops/stepScore.ts';
import { nothing, type Binding } from './binding.ts';

export const stepScoreBinding: Binding<StepScorePlan, void> = {
  arguments: (plan) => {
    const { scorer, output } = plan;
    const { aggregates } = output;
    const head = scorer.kind === 'head' ? scorer.head : null;
    return [
      plan.hidden,
      HIDDEN_DTYPES.indexOf(plan.dtype),
      plan.width,
      plan.steps,
      plan.positions,
      scorer.kind === 'rows' ? Float32Array.from(scorer.rows) : null,
      scorer.kind === 'rows' ? scorer.bias : null,
      scorer.others,
      head === null ? null : head.parameters,
      head === null ? 0 : head.hiddenSize,
      plan.temperature,
      plan.threshold,
      output.logit,
      output.probability,
      output.logProbability,
      plan.candidateOffsets,
      aggregates === undefined ? null : AGGREGATES.map((name) => aggregates[name]),
      aggregates === undefined ? null : aggregates.firstError,
      plan.problemOffsets,
      AGGREGATES.indexOf(plan.selectBy),
      plan.answers,
      output.best ?? null,
      output.vote ?? null,
    ];
  },
  result: nothing,
};
