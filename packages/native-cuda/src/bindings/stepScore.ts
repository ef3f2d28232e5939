import { heldIndices, heldValues } from '../held.ts';
import { HIDDEN_DTYPES, rowCost } from '../ops/hiddenRows.ts';
import { AGGREGATES, type StepScorePlan } from '../ops/stepScore.ts';
import { nothing, type BackgroundBinding } from './binding.ts';

export const stepScoreBinding: BackgroundBinding<StepScorePlan, void> = {
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
  bytes: ({ dtype, width, steps, scorer }) =>
    steps * rowCost(dtype, width, scorer.kind === 'head' ? scorer.head.hiddenSize : 0),
  held: (plan) => {
    const { scorer } = plan;
    return {
      ...plan,
      hidden: heldValues(plan.hidden),
      positions: heldIndices(plan.positions),
      scorer:
        scorer.kind === 'head'
          ? { ...scorer, head: { ...scorer.head, parameters: heldValues(scorer.head.parameters) } }
          : scorer,
      candidateOffsets: heldIndices(plan.candidateOffsets),
      problemOffsets: heldIndices(plan.problemOffsets),
      answers: heldIndices(plan.answers),
    };
  },
};
