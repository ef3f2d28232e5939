import type { Random } from '@vlprm/core/runtime';
import {
  ATTRIBUTES,
  cellPlace,
  columnOf,
  groupConsistency,
  optionsText,
  readOptions,
  readPlace,
  rowOf,
  type Attribute,
  type Deduction,
  type Element,
  type Family,
  type Query,
  type Reading,
  type Scene,
} from '../family.ts';

const RULES = [
  'Each row keeps one shape and each column keeps one size.',
  'Each row keeps one size and each column keeps one shape.',
  'Each row keeps one shape and holds every size once.',
] as const;
const BY_ROW_AND_COLUMN = 0;
const BY_COLUMN_AND_ROW = 1;
const LATIN = 2;

/** Rows in which each size stands once, columns too. */
function latinSizes(random: Random): string[] {
  const order = random.shuffle(ATTRIBUTES.size);
  const shift = random.pick([1, 2]);
  return Array.from({ length: 9 }, (_, i) => order[(columnOf(i) + shift * rowOf(i)) % 3] ?? 'small');
}

function drawElements(rule: number, random: Random): Element[] {
  const shapes = random.shuffle(ATTRIBUTES.shape).slice(0, 3);
  const sizes = random.shuffle(ATTRIBUTES.size);
  const latin = latinSizes(random);
  const at = (words: readonly string[], index: number): string => words[index] ?? '';
  return Array.from({ length: 9 }, (_, i) => {
    if (rule === BY_ROW_AND_COLUMN) return { size: at(sizes, columnOf(i)), shape: at(shapes, rowOf(i)) };
    if (rule === BY_COLUMN_AND_ROW) return { size: at(sizes, rowOf(i)), shape: at(shapes, columnOf(i)) };
    return { size: at(latin, i), shape: at(shapes, rowOf(i)) };
  });
}

const groupFor = (rule: number, attribute: Attribute): ((index: number) => number) => {
  const shapeByRow = rule !== BY_COLUMN_AND_ROW;
  return (attribute === 'shape') === shapeByRow ? rowOf : columnOf;
};

/** Share of complete rows and of columns that hold every size at most once. */
function latinConsistency(reading: Reading, hidden: number | null): number {
  let agreeing = 0;
  let seen = 0;
  for (const groupOf of [rowOf, columnOf]) {
    for (const line of [0, 1, 2]) {
      const words = reading.flatMap((element, i) =>
        groupOf(i) === line && i !== hidden && element.size !== undefined ? [element.size] : [],
      );
      agreeing += new Set(words).size;
      seen += words.length;
    }
  }
  return seen === 0 ? 0 : agreeing / seen;
}

function lineDeductions(rule: number, reading: Reading, query: Query): Deduction[] {
  const blank = query.blank ?? 0;
  const groupOf = groupFor(rule, query.target);
  return reading.flatMap((element, i) => {
    const word = element[query.target];
    if (i === blank || groupOf(i) !== groupOf(blank) || word === undefined) return [];
    return [{ premise: `${cellPlace(i, 3)} is ${word}`, value: word }];
  });
}

function latinDeductions(reading: Reading, query: Query): Deduction[] {
  const blank = query.blank ?? 0;
  return [
    { name: 'row', groupOf: rowOf },
    { name: 'column', groupOf: columnOf },
  ].flatMap(({ name, groupOf }) => {
    const seen = reading.flatMap((element, i) =>
      i !== blank && groupOf(i) === groupOf(blank) && element.size !== undefined ? [element.size] : [],
    );
    const missing = ATTRIBUTES.size.filter((size) => !seen.includes(size));
    const value = missing[0];
    if (seen.length !== 2 || missing.length !== 1 || value === undefined) return [];
    return [{ premise: `${name} ${groupOf(blank) + 1} has ${seen.join(' and ')}`, value }];
  });
}

/** 3 x 3 shapes in three sizes, one of them hidden; closed answers. After PuzzleVQA's shape_size_grid. */
export const shapeSizeGrid: Family = {
  id: 'shape-size-grid',
  rows: 3,
  columns: 3,
  spoken: ['size', 'shape'],
  joint: ' ',
  ruleCount: RULES.length,
  subject: 'the blank is',

  sample(random): Scene | null {
    const rule = random.int(RULES.length);
    const elements = drawElements(rule, random);
    const blank = random.int(9);
    const target: Attribute = random.uniform() < 0.5 ? 'size' : 'shape';
    const answer = elements[blank]?.[target] ?? '';
    const others = random.shuffle(ATTRIBUTES[target].filter((word) => word !== answer)).slice(0, 3);
    const options = random.shuffle([answer, ...others]);
    const query: Query = { family: 'shape-size-grid', blank, target, options, counted: null };
    const scores = RULES.map((_, r) => shapeSizeGrid.consistency(r, elements, query));
    if (scores.some((score, r) => r !== rule && score > 0.9)) return null;
    return { family: 'shape-size-grid', elements, decoration: [], rule, query, answer };
  },
  ask: (query) =>
    `What ${query.target} belongs in the blank cell at ${cellPlace(query.blank ?? 0, 3)}? ${optionsText(query.options ?? [])}`,
  readQuestion(question) {
    const match = /^What (size|shape) belongs in the blank cell at/.exec(question);
    const blank = readPlace(question, 3);
    if (match === null || blank === null) return null;
    return {
      family: 'shape-size-grid',
      blank,
      target: match[1] as 'size' | 'shape',
      options: readOptions(question),
      counted: null,
    };
  },
  ruleText: (rule) => RULES[rule] ?? '',
  consistency(rule, reading, query) {
    const shape = groupConsistency(reading, 'shape', groupFor(rule, 'shape'), query.blank);
    const size =
      rule === LATIN
        ? latinConsistency(reading, query.blank)
        : groupConsistency(reading, 'size', groupFor(rule, 'size'), query.blank);
    return (shape + size) / 2;
  },
  deductions: (rule, reading, query) =>
    rule === LATIN && query.target === 'size' ? latinDeductions(reading, query) : lineDeductions(rule, reading, query),
  values: (query) => query.options ?? ATTRIBUTES[query.target],
};
