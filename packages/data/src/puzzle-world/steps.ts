import type { Step } from '@vlprm/core/records';
import {
  ATTRIBUTES,
  optionLetter,
  type Deduction,
  type Element,
  type Family,
  type Query,
  type Reading,
  type Scene,
} from './family.ts';

const BLANK = 'blank';

/** The scene as anybody could see it: the attribute (or cell) that the question hides is left out. */
export function visibleReading(scene: Scene, family: Family): Reading {
  const { blank, target } = scene.query;
  return scene.elements.map((element, i) => (i === blank ? hideTarget(element, target, family) : element));
}

/** What the blank still shows: a polygon keeps its sides, a hidden cell shows nothing. */
export function hideTarget(element: Element, target: Query['target'], family: Family): Element {
  if (family.id !== 'polygon-sides') return {};
  return Object.fromEntries(Object.entries(element).filter(([attribute]) => attribute !== target));
}

function elementText(element: Element, family: Family): string {
  const words = family.spoken.map((attribute) => element[attribute] ?? BLANK);
  return words.every((word) => word === BLANK) ? BLANK : words.join(family.joint);
}

function parseElement(text: string, family: Family): Element | null {
  if (text === BLANK) return {};
  const words = text.split(family.joint);
  if (words.length !== family.spoken.length) return null;
  const entries: [string, string][] = [];
  for (const [i, attribute] of family.spoken.entries()) {
    const word = words[i];
    if (word === BLANK) continue;
    if (word === undefined || !(ATTRIBUTES[attribute] as readonly string[]).includes(word)) return null;
    entries.push([attribute, word]);
  }
  return Object.fromEntries(entries);
}

/** "Row 1: small circle, blank, large circle." */
export function perceptionStep(family: Family, row: number, elements: Reading): Step {
  const said = elements.map((element) => elementText(element, family)).join(', ');
  return { kind: 'perception', text: `Row ${row + 1}: ${said}.` };
}

/** The elements that a perception step claims for its row; null when the text is not of this form. */
export function parsePerception(family: Family, row: number, text: string): Element[] | null {
  const prefix = `Row ${row + 1}: `;
  if (!text.startsWith(prefix) || !text.endsWith('.')) return null;
  const parts = text.slice(prefix.length, -1).split(', ');
  if (parts.length !== family.columns) return null;
  const elements = parts.map((part) => parseElement(part, family));
  return elements.some((element) => element === null) ? null : (elements as Element[]);
}

export const ruleStep = (family: Family, rule: number, query: Query): Step => ({
  kind: 'reasoning',
  text: family.ruleText(rule, query),
});

/** The rule that a step states; null when it states none. */
export function parseRule(family: Family, text: string, query: Query): number | null {
  for (let rule = 0; rule < family.ruleCount; rule++) if (family.ruleText(rule, query) === text) return rule;
  return null;
}

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "Row 1 column 2 is medium, so the blank is medium." */
export const deductionStep = (family: Family, { premise, value }: Deduction): Step => ({
  kind: 'reasoning',
  text: `${capitalise(premise)}, so ${family.subject} ${value}.`,
});

export function parseDeduction(family: Family, text: string): Deduction | null {
  const [premise, conclusion, ...rest] = text.split(', so ');
  const subject = `${family.subject} `;
  if (premise === undefined || rest.length > 0 || !conclusion?.startsWith(subject)) return null;
  return {
    premise: premise.charAt(0).toLowerCase() + premise.slice(1),
    value: conclusion.slice(subject.length, -1),
  };
}

/** "So the answer is B, medium." or "So the answer is 7." */
export function answerStep(query: Query, value: string): Step {
  const option = query.options?.indexOf(value) ?? -1;
  const said = option < 0 ? value : `${optionLetter(option)}, ${value}`;
  return { kind: 'reasoning', text: `So the answer is ${said}.` };
}

/** What goes into the answer box: the letter of an option, else the value. */
export function finalAnswer(query: Query, value: string): string {
  const option = query.options?.indexOf(value) ?? -1;
  return option < 0 ? value : optionLetter(option);
}

/** The value that an answer step states; null when letter and word contradict each other or the form is another. */
export function parseAnswer(query: Query, text: string): string | null {
  const match = /^So the answer is (?:([A-D]), )?(.+)\.$/.exec(text);
  const value = match?.[2];
  if (value === undefined) return null;
  return answerStep(query, value).text === text ? value : null;
}
