import type { Step } from '@vlprm/core/records';
import type { Deduction, Element, Family, Query } from './family.ts';
import { parseDeduction, parsePerception, parseRule } from './steps.ts';

/** What the steps of a prefix commit to. Fields that no step has said yet are null. */
export interface SolutionState {
  readonly reading: readonly Element[];
  readonly rule: number | null;
  readonly deduction: Deduction | null;
  readonly answer: string | null;
}

/** Reads a prefix written in the puzzle world's own words; null when a step is not of the form that its place asks for. */
export function readSolution(family: Family, query: Query, steps: readonly Step[]): SolutionState | null {
  const reading: Element[] = [];
  let rule: number | null = null;
  let deduction: Deduction | null = null;
  let answer: string | null = null;
  for (const [i, { text }] of steps.entries()) {
    if (i < family.rows) {
      const elements = parsePerception(family, i, text);
      if (elements === null) return null;
      reading.push(...elements);
    } else if (i === family.rows) {
      rule = parseRule(family, text, query);
      if (rule === null) return null;
    } else if (i === family.rows + 1) {
      deduction = parseDeduction(family, text);
      if (deduction === null) return null;
    } else {
      answer = /^So the answer is (?:[A-D], )?(.+)\.$/.exec(text)?.[1] ?? null;
      if (answer === null || i > family.rows + 2) return null;
    }
  }
  return { reading, rule, deduction, answer };
}

/** Index of each step in a solution, counted from the perception rows. */
export const stepPlaces = (family: Family) => ({
  rule: family.rows,
  deduction: family.rows + 1,
  answer: family.rows + 2,
  total: family.rows + 3,
});
