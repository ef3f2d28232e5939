import { addUsage, NO_USAGE } from '../records/index.ts';
import type { Usage } from '../records/index.ts';

/** Sums what a run spends while it goes, by stage. Nothing is stored: the ledger is what outlives the process. */
export interface UsageMeter {
  add(stage: string, usage: Usage): void;
  /** Usage of one stage, or of all stages together. */
  total(stage?: string): Usage;
  byStage(): Record<string, Usage>;
}

export function createUsageMeter(): UsageMeter {
  const stages = new Map<string, Usage>();
  return {
    add: (stage, usage) => void stages.set(stage, addUsage(stages.get(stage) ?? NO_USAGE, usage)),
    total: (stage) =>
      stage === undefined ? [...stages.values()].reduce(addUsage, NO_USAGE) : (stages.get(stage) ?? NO_USAGE),
    byStage: () => Object.fromEntries(stages),
  };
}
