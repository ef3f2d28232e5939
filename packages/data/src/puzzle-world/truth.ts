import type { Step } from '@vlprm/core/records';
import { FAMILIES } from './families/index.ts';
import type { Scene } from './family.ts';
import { answerStep, parseDeduction, parsePerception, parseRule, perceptionStep, visibleReading } from './steps.ts';
import { rowElements, soundDeductions } from './worked-solution.ts';

/** Which steps of a solution hold in the scene, each on its own, and the first that does not. */
export interface StepTruth {
  readonly local: readonly boolean[];
  /** Flat 0-based index, null when every step holds. */
  readonly firstError: number | null;
}

function stepHolds(scene: Scene, place: number, text: string): boolean {
  const family = FAMILIES[scene.family];
  if (place < family.rows) {
    const row = rowElements(visibleReading(scene, family), place, family);
    return parsePerception(family, place, text) !== null && perceptionStep(family, place, row).text === text;
  }
  if (place === family.rows) return parseRule(family, text, scene.query) === scene.rule;
  if (place === family.rows + 1) {
    const said = parseDeduction(family, text);
    return soundDeductions(scene).some(({ premise, value }) => premise === said?.premise && value === said.value);
  }
  return answerStep(scene.query, scene.answer).text === text;
}

/** The truth about a solution, from the scene graph: for scoring only, no model sees it. */
export function stepTruth(scene: Scene, steps: readonly Step[]): StepTruth {
  const local = steps.map(({ text }, place) => stepHolds(scene, place, text));
  const firstError = local.indexOf(false);
  return { local, firstError: firstError < 0 ? null : firstError };
}
