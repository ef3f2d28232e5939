import {
  ATTRIBUTES,
  cellPlace,
  columnOf,
  groupConsistency,
  optionsText,
  readOptions,
  readPlace,
  ringOf,
  rowOf,
  type Family,
  type Query,
} from '../family.ts';

const RULES = [
  { text: 'Corners share one color and edges share another.', groupOf: ringOf },
  { text: 'Each row keeps one color.', groupOf: rowOf },
  { text: 'Each column keeps one color.', groupOf: columnOf },
] as const;
const CENTER = 4;

/** 3 x 3 coloured shapes, one colour hidden; closed answers. After PuzzleVQA's color_grid. */
export const colorGrid: Family = {
  id: 'color-grid',
  rows: 3,
  columns: 3,
  spoken: ['color'],
  joint: ' ',
  ruleCount: RULES.length,
  subject: 'the blank is',

  sample(random) {
    const rule = random.int(RULES.length);
    const groupOf = RULES[rule]?.groupOf ?? rowOf;
    const colors = random.shuffle(ATTRIBUTES.color);
    const elements = Array.from({ length: 9 }, (_, i) => ({ color: colors[groupOf(i)] ?? 'red' }));
    const decoration = elements.map(() => ({ shape: random.pick(ATTRIBUTES.shape) }));
    const blank = random.int(9);
    if (groupOf === ringOf && blank === CENTER) return null;
    const answer = elements[blank]?.color ?? '';
    const others = random.shuffle(ATTRIBUTES.color.filter((word) => word !== answer)).slice(0, 3);
    const options = random.shuffle([answer, ...others]);
    const query: Query = { family: 'color-grid', blank, target: 'color', options, counted: null };
    return { family: 'color-grid', elements, decoration, rule, query, answer };
  },
  ask: (query) =>
    `What color belongs in the blank cell at ${cellPlace(query.blank ?? 0, 3)}? ${optionsText(query.options ?? [])}`,
  readQuestion(question) {
    const blank = readPlace(question, 3);
    if (!question.startsWith('What color belongs in the blank cell at') || blank === null) return null;
    return { family: 'color-grid', blank, target: 'color', options: readOptions(question), counted: null };
  },
  ruleText: (rule) => RULES[rule]?.text ?? '',
  consistency: (rule, reading, query) => groupConsistency(reading, 'color', RULES[rule]?.groupOf ?? rowOf, query.blank),
  deductions(rule, reading, query) {
    const groupOf = RULES[rule]?.groupOf ?? rowOf;
    const blank = query.blank ?? 0;
    return reading.flatMap((element, i) =>
      i !== blank && groupOf(i) === groupOf(blank) && element.color !== undefined
        ? [{ premise: `${cellPlace(i, 3)} is ${element.color}`, value: element.color }]
        : [],
    );
  },
  values: (query) => query.options ?? ATTRIBUTES.color,
};
