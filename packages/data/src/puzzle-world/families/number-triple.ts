import { ATTRIBUTES, cellPlace, readPlace, type Family, type Query, type Reading } from '../family.ts';

const RULES = [
  { text: 'The third number is the sum of the first two.', word: 'plus', apply: (a: number, b: number) => a + b },
  {
    text: 'The third number is the difference of the first two.',
    word: 'minus',
    apply: (a: number, b: number) => a - b,
  },
  {
    text: 'The third number is the product of the first two.',
    word: 'times',
    apply: (a: number, b: number) => a * b,
  },
] as const;
const DIGITS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

const rowNumbers = (reading: Reading, row: number): (number | null)[] =>
  [0, 1, 2].map((column) => {
    const word = reading[row * 3 + column]?.digit;
    return word === undefined ? null : Number(word);
  });

/** Three rows of three digits under one operation, one digit hidden; open answers. */
export const numberTriple: Family = {
  id: 'number-triple',
  rows: 3,
  columns: 3,
  spoken: ['digit'],
  joint: ' ',
  ruleCount: RULES.length,
  subject: 'x is',

  sample(random) {
    const rule = random.int(RULES.length);
    const apply = RULES[rule]?.apply ?? ((a: number) => a);
    const triples = DIGITS.flatMap((a) => DIGITS.map((b) => [a, b, apply(a, b)] as const)).filter(
      ([, , c]) => c >= 1 && c <= 9,
    );
    const rows = random.shuffle(triples).slice(0, 3);
    const elements = rows.flatMap((row) => row.map((value) => ({ digit: String(value) })));
    const blank = random.int(9);
    const query: Query = { family: 'number-triple', blank, target: 'digit', options: null, counted: null };
    const scores = RULES.map((_, r) => numberTriple.consistency(r, elements, query));
    if (scores.some((score, r) => r !== rule && score === 1)) return null;
    const answer = elements[blank]?.digit ?? '';
    return { family: 'number-triple', elements, decoration: [], rule, query, answer };
  },
  ask: (query) =>
    `Every row of numbers follows one rule. Which number is missing at ${cellPlace(query.blank ?? 0, 3)}?`,
  readQuestion(question) {
    const blank = readPlace(question, 3);
    if (!question.startsWith('Every row of numbers follows one rule.') || blank === null) return null;
    return { family: 'number-triple', blank, target: 'digit', options: null, counted: null };
  },
  ruleText: (rule) => RULES[rule]?.text ?? '',
  consistency(rule, reading, query) {
    const apply = RULES[rule]?.apply ?? ((a: number) => a);
    const blankRow = query.blank === null ? -1 : Math.floor(query.blank / 3);
    const complete = [0, 1, 2].filter((row) => row !== blankRow);
    const agreeing = complete.filter((row) => {
      const [a, b, c] = rowNumbers(reading, row);
      return a != null && b != null && c != null && apply(a, b) === c;
    });
    return agreeing.length / complete.length;
  },
  deductions(rule, reading, query) {
    const operation = RULES[rule];
    const blank = query.blank ?? 0;
    if (operation === undefined) return [];
    const numbers = rowNumbers(reading, Math.floor(blank / 3));
    const place = blank % 3;
    const premise = numbers.map((value, i) => (i === place || value === null ? 'x' : String(value)));
    return DIGITS.flatMap((x) => {
      const [a, b, c] = numbers.map((value, i) => (i === place ? x : value));
      if (a == null || b == null || c == null || operation.apply(a, b) !== c) return [];
      return [
        {
          premise: `${premise[0] ?? ''} ${operation.word} ${premise[1] ?? ''} is ${premise[2] ?? ''}`,
          value: String(x),
        },
      ];
    });
  },
  values: () => ATTRIBUTES.digit,
};
