import { TABLE_SIDE, wilson } from '../ops/interval.ts';
import type { McLabelsPlan } from '../ops/mcLabels.ts';

type Count = (plan: McLabelsPlan) => number;

/** Adds the outcomes [begin, end) to the counts of a step. Returns the index of one above 3, or -1. */
function countGroup({ outcomes, output }: McLabelsPlan, step: number, begin: number, end: number): number {
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
  output.correct[step] = correct;
  output.incorrect[step] = end - begin - correct - unparsable - failed;
  output.unparsable[step] = unparsable;
  output.failed[step] = failed;
  return -1;
}

const countGrouped: Count = (plan) => {
  const offsets = plan.offsets as Int32Array;
  for (let step = 0; step < plan.steps; step += 1) {
    const invalid = countGroup(plan, step, offsets[step] as number, offsets[step + 1] as number);
    if (invalid >= 0) return invalid;
  }
  return -1;
};

const countKeyed: Count = ({ outcomes, keys, output }) => {
  const counts = [output.incorrect, output.correct, output.unparsable, output.failed];
  for (const count of counts) count.fill(0);
  for (let i = 0; i < outcomes.length; i += 1) {
    const count = counts[outcomes[i] as number];
    if (count === undefined) return i;
    const step = (keys as Int32Array)[i] as number;
    count[step] = (count[step] as number) + 1;
  }
  return -1;
};

const countPacked: Count = ({ outcomes, steps, output, ...plan }) => {
  const offsets = plan.offsets as Int32Array;
  for (let step = 0; step < steps; step += 1) {
    const begin = offsets[step] as number;
    const end = offsets[step + 1] as number;
    let correct = 0;
    for (let i = begin; i < end; i += 1) correct += ((outcomes[i >> 3] as number) >> (i & 7)) & 1;
    output.correct[step] = correct;
    output.incorrect[step] = end - begin - correct;
    output.unparsable[step] = 0;
    output.failed[step] = 0;
  }
  return -1;
};

/** Rate, interval and label of one step. */
function writeStep(plan: McLabelsPlan, step: number): void {
  const { output, interval, intervals, numerator, denominator } = plan;
  const correct = output.correct[step] as number;
  const completed = correct + (output.incorrect[step] as number) + (output.unparsable[step] as number);
  output.rate[step] = completed === 0 ? NaN : correct / completed;
  output.label[step] = completed === 0 ? 0 : correct * denominator <= numerator * completed ? -1 : 1;
  if (completed < TABLE_SIDE) {
    const at = 2 * (completed * TABLE_SIDE + correct);
    output.lower[step] = intervals[at] as number;
    output.upper[step] = intervals[at + 1] as number;
  } else if (interval.kind === 'wilson') {
    [output.lower[step], output.upper[step]] = wilson(correct, completed, interval.z);
  }
}

const COUNT: Readonly<Record<McLabelsPlan['form'], Count>> = {
  grouped: countGrouped,
  keyed: countKeyed,
  packed: countPacked,
};

/** The definition. Returns the index of the first outcome above 3, or -1. */
export function mcLabels(plan: McLabelsPlan): number {
  const invalid = COUNT[plan.form](plan);
  if (invalid >= 0) return invalid;
  for (let step = 0; step < plan.steps; step += 1) writeStep(plan, step);
  return -1;
}
