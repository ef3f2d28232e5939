import type { Step } from '@vlprm/core/records';
import type { Random } from '@vlprm/core/runtime';
import { FAMILIES } from './families/index.ts';
import { ATTRIBUTES, type Deduction, type Element, type Family, type Reading, type Scene } from './family.ts';
import { answerStep, deductionStep, perceptionStep, ruleStep, visibleReading } from './steps.ts';

/** The spoken elements of one row of a reading. */
export const rowElements = (reading: Reading, row: number, family: Family): Element[] =>
  reading.slice(row * family.columns, (row + 1) * family.columns);

/** The perception steps that say what a reading holds, one a row. */
export const perceptionSteps = (family: Family, reading: Reading): Step[] =>
  Array.from({ length: family.rows }, (_, row) => perceptionStep(family, row, rowElements(reading, row, family)));

/** The sound deductions of the true scene: those that come to its answer. */
export function soundDeductions(scene: Scene): readonly Deduction[] {
  const family = FAMILIES[scene.family];
  return family
    .deductions(scene.rule, visibleReading(scene, family), scene.query)
    .filter(({ value }) => value === scene.answer);
}

/** A right solution of a scene: perception rows, rule, one of the sound deductions, answer. */
export function workedSolution(scene: Scene, random: Random): Step[] {
  const family = FAMILIES[scene.family];
  const deduction = random.pick(soundDeductions(scene));
  return [
    ...perceptionSteps(family, visibleReading(scene, family)),
    ruleStep(family, scene.rule, scene.query),
    deductionStep(family, deduction),
    answerStep(scene.query, deduction.value),
  ];
}

/** A reading with one attribute of one spoken element changed to another word; null when the element says nothing. */
export function alterElement(family: Family, element: Element, random: Random): Element | null {
  const spoken = family.spoken.filter((attribute) => element[attribute] !== undefined);
  if (spoken.length === 0) return null;
  const attribute = random.pick(spoken);
  const others = (ATTRIBUTES[attribute] as readonly string[]).filter((word) => word !== element[attribute]);
  return { ...element, [attribute]: random.pick(others) };
}
