import type { StepScores } from '@vlprm/core';
import { PREDICTION_SCHEMA, type Prediction, type Trace } from '@vlprm/core/records';
import { VlprmError } from '@vlprm/core/runtime';

/** One prediction for each step of a trace. ERR_STEP_COUNT when scores and steps do not pair up. */
export function predictionsOf(
  trace: Pick<Trace, 'id' | 'steps'>,
  { logits, probabilities }: Pick<StepScores, 'logits' | 'probabilities'>,
): Prediction[] {
  if (probabilities.length !== trace.steps.length) {
    throw new VlprmError('ERR_STEP_COUNT', `${probabilities.length} scores for ${trace.steps.length} steps`, {
      where: `trace ${trace.id}`,
    });
  }
  return trace.steps.map((_, step) => ({
    schema: PREDICTION_SCHEMA,
    traceId: trace.id,
    step,
    logitPos: logits[step] as number,
    logitNeg: 0,
    p: probabilities[step] as number,
    usage: null,
  }));
}
