import type { Random } from '@vlprm/core/runtime';

/** What an element can show. Each attribute is a closed list of words, spoken exactly as written. */
export const ATTRIBUTES = {
  shape: ['circle', 'square', 'triangle', 'pentagon', 'hexagon'],
  size: ['small', 'medium', 'large'],
  color: ['red', 'orange', 'yellow', 'green', 'blue', 'purple'],
  digit: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  sides: ['3', '4', '5', '6', '7', '8'],
} as const;
export type Attribute = keyof typeof ATTRIBUTES;

/** Names of the nine cells of a 3 x 3 grid, row by row. */
export const CELL_NAMES = [
  'top left',
  'top middle',
  'top right',
  'middle left',
  'center',
  'middle right',
  'bottom left',
  'bottom middle',
  'bottom right',
] as const;

/** One element as seen or as drawn: attribute to word. A missing attribute is the blank. */
export type Element = Readonly<Partial<Record<Attribute, string>>>;

/** All elements of a picture, row by row. */
export type Reading = readonly Element[];

export const FAMILY_IDS = [
  'shape-size-grid',
  'color-grid',
  'number-triple',
  'polygon-sides',
  'count',
  'odd-cell',
] as const;
export type FamilyId = (typeof FAMILY_IDS)[number];

/** What the question asks, as far as its text tells. `blank` is the index of the element with the hidden attribute. */
export interface Query {
  readonly family: FamilyId;
  readonly blank: number | null;
  /** The hidden or counted attribute. */
  readonly target: Attribute;
  /** Words of the options A, B, …; null for open answers. */
  readonly options: readonly string[] | null;
  /** For counting: the word to count and whether its complement is counted. */
  readonly counted: { readonly word: string; readonly negated: boolean } | null;
}

/**
 * The state of a picture. Only the scorer holds it; policy, judge and PRM see pixels and text.
 * `elements` hold every drawn attribute, the hidden one included; `decoration` is drawn but not asked for.
 */
export interface Scene {
  readonly family: FamilyId;
  readonly elements: Reading;
  readonly decoration: Reading;
  readonly rule: number;
  readonly query: Query;
  readonly answer: string;
}

/** A conclusion with its quoted premise: "premise, so subject value". */
export interface Deduction {
  readonly premise: string;
  readonly value: string;
}

/** One kind of puzzle: how it is made, asked, spoken about and solved. */
export interface Family {
  readonly id: FamilyId;
  /** Rows x columns of the picture. */
  readonly rows: number;
  readonly columns: number;
  /** Attributes spoken for each element, in the order in which they are spoken. */
  readonly spoken: readonly Attribute[];
  /** Words between two spoken attributes of one element. */
  readonly joint: string;
  readonly ruleCount: number;
  /** One attempt at a scene; null when the draw breaks a condition (ambiguous rule, no answer). */
  sample(random: Random): Scene | null;
  ask(query: Query): string;
  /** The query behind a question text; null when the text is not of this family. */
  readQuestion(question: string): Query | null;
  ruleText(rule: number, query: Query): string;
  /** Share of the evidence that agrees with the rule, in [0, 1]. */
  consistency(rule: number, reading: Reading, query: Query): number;
  /** Every sound deduction under the rule; empty when the reading allows none. */
  deductions(rule: number, reading: Reading, query: Query): readonly Deduction[];
  /** What stands between "so" and the value. */
  readonly subject: string;
  /** Values that a deduction may come to. */
  values(query: Query): readonly string[];
}

/** Index of the spoken rows: row r holds elements [r * columns, (r + 1) * columns). */
export const cellPlace = (index: number, columns: number): string =>
  `row ${Math.floor(index / columns) + 1} column ${(index % columns) + 1}`;

/** The word that occurs most among the defined ones; ties go to the first seen. */
export function majorityWord(words: readonly (string | undefined)[]): string | null {
  const counts = new Map<string, number>();
  for (const word of words) if (word !== undefined) counts.set(word, (counts.get(word) ?? 0) + 1);
  let best: string | null = null;
  for (const [word, count] of counts) if (best === null || count > (counts.get(best) ?? 0)) best = word;
  return best;
}

/** Share of the elements that carry the majority word of their group; the hidden one is left out. */
export function groupConsistency(
  reading: Reading,
  attribute: Attribute,
  groupOf: (index: number) => number,
  hidden: number | null,
): number {
  const groups = groupIndices(reading.length, groupOf, hidden);
  let agreeing = 0;
  let seen = 0;
  for (const members of groups.values()) {
    const words = members.map((index) => reading[index]?.[attribute]);
    const majority = majorityWord(words);
    agreeing += words.filter((word) => word !== undefined && word === majority).length;
    seen += members.length;
  }
  return seen === 0 ? 0 : agreeing / seen;
}

/** Members of each group, the hidden element left out. */
export function groupIndices(
  length: number,
  groupOf: (index: number) => number,
  hidden: number | null,
): Map<number, number[]> {
  const groups = new Map<number, number[]>();
  for (let index = 0; index < length; index++) {
    if (index === hidden) continue;
    const group = groupOf(index);
    groups.set(group, [...(groups.get(group) ?? []), index]);
  }
  return groups;
}

export const rowOf = (index: number): number => Math.floor(index / 3);
export const columnOf = (index: number): number => index % 3;
/** Center 0, edges 1, corners 2 of a 3 x 3 grid. */
export const ringOf = (index: number): number => (index === 4 ? 0 : index % 2 === 1 ? 1 : 2);

const LETTERS = ['A', 'B', 'C', 'D'] as const;

/** "Options: A small, B medium." */
export const optionsText = (options: readonly string[]): string =>
  `Options: ${options.map((word, i) => `${LETTERS[i] ?? '?'} ${word}`).join(', ')}.`;

/** The words behind `optionsText`, or null when there are none. */
export function readOptions(question: string): string[] | null {
  const match = /Options: (.+)\.$/.exec(question);
  return match?.[1] === undefined ? null : match[1].split(', ').map((item) => item.slice(2));
}

/** Letter of an option by its index. */
export const optionLetter = (index: number): string => LETTERS[index] ?? '?';

/** Element index of "row r column c" in a text; null when there is none. */
export function readPlace(text: string, columns: number): number | null {
  const match = /row (\d) column (\d)/.exec(text);
  return match === null ? null : (Number(match[1]) - 1) * columns + Number(match[2]) - 1;
}
