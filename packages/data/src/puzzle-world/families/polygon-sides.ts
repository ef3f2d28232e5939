import { ATTRIBUTES, cellPlace, readPlace, type Family, type Query } from '../family.ts';

const OFFSETS = [0, 1, 2, -1] as const;
const RULES = [
  'Each number equals the sides.',
  'Each number equals the sides plus 1.',
  'Each number equals the sides plus 2.',
  'Each number equals the sides minus 1.',
] as const;
const COLUMNS = 2;

const shiftText = (offset: number): string => (offset < 0 ? `minus ${-offset}` : `plus ${offset}`);

/** Six polygons with a number in each, number = sides + constant, one number hidden; open answers. After PuzzleVQA's polygon_sides_number. */
export const polygonSides: Family = {
  id: 'polygon-sides',
  rows: 3,
  columns: COLUMNS,
  spoken: ['sides', 'digit'],
  joint: ' sides with ',
  ruleCount: RULES.length,
  subject: 'the number is',

  sample(random) {
    const rule = random.int(RULES.length);
    const offset = OFFSETS[rule] ?? 0;
    const usable = ATTRIBUTES.sides.filter((sides) => Number(sides) + offset <= 9);
    const elements = Array.from({ length: 6 }, () => {
      const sides = random.pick(usable);
      return { sides, digit: String(Number(sides) + offset) };
    });
    if (new Set(elements.map((element) => element.sides)).size < 3) return null;
    const blank = random.int(6);
    const query: Query = { family: 'polygon-sides', blank, target: 'digit', options: null, counted: null };
    return { family: 'polygon-sides', elements, decoration: [], rule, query, answer: elements[blank]?.digit ?? '' };
  },
  ask: (query) =>
    `The number in each polygon follows from its sides. Which number is missing at ${cellPlace(query.blank ?? 0, COLUMNS)}?`,
  readQuestion(question) {
    const blank = readPlace(question, COLUMNS);
    if (!question.startsWith('The number in each polygon follows from its sides.') || blank === null) return null;
    return { family: 'polygon-sides', blank, target: 'digit', options: null, counted: null };
  },
  ruleText: (rule) => RULES[rule] ?? '',
  consistency(rule, reading, query) {
    const offset = OFFSETS[rule] ?? 0;
    const seen = reading.filter((_, i) => i !== query.blank);
    const agreeing = seen.filter(({ sides, digit }) => Number(sides) + offset === Number(digit));
    return agreeing.length / seen.length;
  },
  deductions(rule, reading, query) {
    const offset = OFFSETS[rule] ?? 0;
    const sides = reading[query.blank ?? 0]?.sides;
    if (sides === undefined) return [];
    const value = Number(sides) + offset;
    if (value > 9) return [];
    return [
      { premise: `the blank has ${sides} sides and ${sides} ${shiftText(offset)} is ${value}`, value: String(value) },
    ];
  },
  values: () => ATTRIBUTES.digit,
};
