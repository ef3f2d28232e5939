import type { SearchTraceNode } from '@vlprm/core/records';
import type { Candidate } from '../strategies/strategy.ts';

type MutableNode = { -readonly [K in keyof SearchTraceNode]: SearchTraceNode[K] };

/**
 * The tree of sampled solutions: equal beginnings are one path, `samples` counts how many solutions pass a node.
 * A solution that ends differs from one that goes on, and from one that ends with another answer.
 */
export function treeOf(candidates: readonly Candidate[], chosen: Candidate): SearchTraceNode[] {
  const nodes: MutableNode[] = [];
  const placeOf = new Map<string, number>();
  for (const candidate of candidates) {
    const { steps, finalAnswer, stepwise } = candidate;
    let parent: number | null = null;
    steps.forEach((step, index) => {
      const ended = index === steps.length - 1;
      const answer = ended ? finalAnswer : null;
      const key = JSON.stringify([parent, step.kind, step.text, ended, answer]);
      const place = placeOf.get(key) ?? nodes.length;
      if (place === nodes.length) {
        const p = stepwise?.ok === true ? (stepwise.value.probabilities[index] ?? null) : null;
        nodes.push({ parent, step, p, samples: 0, chosen: false, ended, finalAnswer: answer });
        placeOf.set(key, place);
      }
      const node = nodes[place] as MutableNode;
      node.samples++;
      node.chosen ||= candidate === chosen;
      parent = place;
    });
  }
  return nodes;
}
