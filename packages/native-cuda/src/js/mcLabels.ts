import type { McLabelsPlan } from '../ops/mcLabels.ts';

function clampUnit(x: number): number {
  return Math.min(1, Math.max(0, x));
}

/** Rate, interval and label of one step. Only + - * / √ in a fixed order, so that every backend rounds alike. */
function writeStep(plan: McLabelsPlan, step: number, correct: number, completed: number): void {
  const { output, z, numerator, denominator } = plan;
  if (completed === 0) {
    output.rate[step] = NaN;
    output.lower[step] = NaN;
    output.upper[step] = NaN;
    output.label[step] = 0;
    return;
  }
  const squared = z * z;
  const rate = correct / completed;
  const total = completed + squared;
  const centre = (correct + squared / 2) / total;
  const half = (z / total) * Math.sqrt((correct * (completed - correct)) / completed + squared / 4);
  output.rate[step] = rate;
  output.lower[step] = correct === 0 ? 0 : clampUnit(centre - half);
  output.upper[step] = correct === completed ? 1 : clampUnit(centre + half);
  output.label[step] = correct * denominator <= numerator * completed ? -1 : 1;
}

/** The definition. Returns the index of the first outcome above 3, or -1. */
export function mcLabels(plan: McLabelsPlan): number {
  const { outcomes, offsets, output } = plan;
  for (let step = 0; step + 1 < offsets.length; step += 1) {
    const begin = offsets[step] as number;
    const end = offsets[step + 1] as number;
    let correct = 0;
    let unparsable = 0;
    let failed = 0;
    for (let i = begin; i < end; i += 1) {
      const outcome = outcomes[i] as number;
      if (outcome > 3) return i;
      correct += outcome === 1 ? 1 : 0;
      unparsable += outcome === 2 ? 1 : 0;
      failed += outcome === 3 ? 1 : 0;
    }
    const completed = end - begin - failed;
    output.correct[step] = correct;
    output.incorrect[step] = completed - correct - unparsable;
    output.unparsable[step] = unparsable;
    output.failed[step] = failed;
    writeStep(plan, step, correct, completed);
  }
  return -1;
}
