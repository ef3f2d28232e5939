import type { ValueBackupPlan } from '../ops/valueBackup.ts';
import { nothing, type Binding } from './binding.ts';
import { waveArguments } from './trees.ts';

export const valueBackupBinding: Binding<ValueBackupPlan, void> = {
  arguments: ({ wave, values, discounts, selected }) => [...waveArguments(wave), values, discounts, selected ? 1 : 0],
  result: nothing,
};
