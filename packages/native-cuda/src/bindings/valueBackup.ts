import type { ValueBackupPlan } from '../ops/valueBackup.ts';
import { nothing, type Binding } from './binding.ts';
import { waveArguments } from './trees.ts';

export const valueBackupBinding: Binding<ValueBackupPlan, void> = {
  arguments: (plan) => [...waveArguments(plan), plan.values, plan.discounts, plan.selected ? 1 : 0],
  result: nothing,
};
