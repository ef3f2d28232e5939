import { ATTRIBUTES, type Family, type Query } from '../family.ts';

const PLAIN = 0;
const NEGATED = 1;
const QUESTION = /^How many shapes in the grid are (not )?of the kind (\w+)\?$/;

/** Does the question's own wording ask for the complement? */
const matches = (shape: string | undefined, word: string, rule: number): boolean =>
  shape !== undefined && (shape === word) === (rule === PLAIN);

/** Nine shapes, count those that are, or are not, of one kind; every element matters; open answers. */
export const count: Family = {
  id: 'count',
  rows: 3,
  columns: 3,
  spoken: ['shape'],
  joint: ' ',
  ruleCount: 2,
  subject: 'the total is',

  sample(random) {
    const word = random.pick(ATTRIBUTES.shape);
    const rule = random.int(2);
    const share = 0.2 + 0.5 * random.uniform();
    const rest = ATTRIBUTES.shape.filter((shape) => shape !== word);
    const elements = Array.from({ length: 9 }, () => ({
      shape: random.uniform() < share ? word : random.pick(rest),
    }));
    const total = elements.filter(({ shape }) => matches(shape, word, rule)).length;
    if (total < 1 || total > 8) return null;
    const query: Query = {
      family: 'count',
      blank: null,
      target: 'shape',
      options: null,
      counted: { word, negated: rule === NEGATED },
    };
    return { family: 'count', elements, decoration: [], rule, query, answer: String(total) };
  },
  ask: ({ counted }) =>
    `How many shapes in the grid are ${counted?.negated === true ? 'not ' : ''}of the kind ${counted?.word ?? ''}?`,
  readQuestion(question) {
    const match = QUESTION.exec(question);
    if (match?.[2] === undefined) return null;
    return {
      family: 'count',
      blank: null,
      target: 'shape',
      options: null,
      counted: { word: match[2], negated: match[1] !== undefined },
    };
  },
  ruleText: (rule, { counted }) =>
    `Count the shapes that are ${rule === NEGATED ? 'not ' : ''}of the kind ${counted?.word ?? ''}.`,
  consistency: (rule, _reading, { counted }) => (counted?.negated === (rule === NEGATED) ? 1 : 0),
  deductions(rule, reading, { counted }) {
    const word = counted?.word ?? '';
    const rows = [0, 1, 2].map(
      (row) => reading.slice(row * 3, row * 3 + 3).filter(({ shape }) => matches(shape, word, rule)).length,
    );
    const total = rows.reduce((sum, n) => sum + n, 0);
    return [{ premise: `the rows hold ${rows.join(' and ')}`, value: String(total) }];
  },
  values: () => ATTRIBUTES.digit,
};
