import type { Completion } from './completion.ts';
import type { FaultKind } from './fault-plan.ts';

/** What is left of a completion after a fault that lies in its content. */
export function spoilCompletion(completion: Completion, fault: FaultKind | null): Completion {
  if (fault === 'wrong-n') return { ...completion, choices: completion.choices.slice(0, -1) };
  if (fault !== 'content-filter') return completion;
  const choices = completion.choices.map((choice) => ({
    ...choice,
    text: '',
    tokens: [],
    finish: 'content_filter' as const,
    stoppedBy: null,
  }));
  return { ...completion, choices };
}
