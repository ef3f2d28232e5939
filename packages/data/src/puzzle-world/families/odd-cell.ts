import {
  ATTRIBUTES,
  CELL_NAMES,
  cellPlace,
  columnOf,
  groupConsistency,
  groupIndices,
  majorityWord,
  ringOf,
  rowOf,
  type Family,
  type Query,
} from '../family.ts';

const RULES = [
  { text: 'Each row keeps one size.', groupOf: rowOf },
  { text: 'Each column keeps one size.', groupOf: columnOf },
  { text: 'Each ring keeps one size.', groupOf: ringOf },
] as const;
const CENTER = 4;

/** A size pattern that one cell breaks; every element matters; open answers. */
export const oddCell: Family = {
  id: 'odd-cell',
  rows: 3,
  columns: 3,
  spoken: ['size'],
  joint: ' ',
  ruleCount: RULES.length,
  subject: 'the odd cell is',

  sample(random) {
    const rule = random.int(RULES.length);
    const groupOf = RULES[rule]?.groupOf ?? rowOf;
    const sizes = [0, 1, 2].map(() => random.pick(ATTRIBUTES.size));
    if (new Set(sizes).size === 1) return null;
    const odd = random.int(9);
    if (groupOf === ringOf && odd === CENTER) return null;
    const elements = Array.from({ length: 9 }, (_, i) => {
      const size = sizes[groupOf(i)] ?? 'small';
      return { size: i === odd ? random.pick(ATTRIBUTES.size.filter((other) => other !== size)) : size };
    });
    const decoration = elements.map(() => ({ shape: random.pick(ATTRIBUTES.shape) }));
    const query: Query = { family: 'odd-cell', blank: null, target: 'size', options: null, counted: null };
    const scores = RULES.map((_, r) => oddCell.consistency(r, elements, query));
    if (scores.some((score, r) => r !== rule && score >= 8 / 9)) return null;
    return { family: 'odd-cell', elements, decoration, rule, query, answer: CELL_NAMES[odd] ?? '' };
  },
  ask: () => 'One cell breaks the pattern of sizes. Which cell is it?',
  readQuestion: (question) =>
    question === 'One cell breaks the pattern of sizes. Which cell is it?'
      ? { family: 'odd-cell', blank: null, target: 'size', options: null, counted: null }
      : null,
  ruleText: (rule) => RULES[rule]?.text ?? '',
  consistency: (rule, reading) => groupConsistency(reading, 'size', RULES[rule]?.groupOf ?? rowOf, null),
  deductions(rule, reading) {
    const groups = groupIndices(reading.length, RULES[rule]?.groupOf ?? rowOf, null);
    return [...groups.values()].flatMap((members) => {
      const majority = majorityWord(members.map((i) => reading[i]?.size));
      return members.flatMap((i) => {
        const size = reading[i]?.size;
        if (majority === null || size === undefined || size === majority) return [];
        return [{ premise: `${cellPlace(i, 3)} is ${size} but should be ${majority}`, value: CELL_NAMES[i] ?? '' }];
      });
    });
  },
  values: () => CELL_NAMES,
};
